/** What the runtimes are asked to compute: golden logits of padded batches, and a class. No file is touched here. */
import { type BertClass, BertForMaskedLM, BertForSequenceClassification, quantize } from "@kcbert/bert";
import { readSafetensors, toFloat32, toInt32 } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs-core";

/** The golden files that {@link report} asks for. */
export const GOLDEN_FILES: readonly string[] = ["mlm", "cls3"].flatMap((name) => [
  `${name}/model/config.json`,
  `${name}/model/model.safetensors`,
  `${name}/inputs.safetensors`,
  `${name}/outputs.safetensors`,
]);

/** What a runtime found. */
export interface Report {
  backend: string;
  /** Tensors that are left. */
  tensors: number;
  /** The largest differences of the logits from the golden ones. */
  differences: { mlm: number; cls3: number };
  /** The cosine of the golden logits and those of the classifier in int8, by the kernels. */
  cosine: number;
  /** Whether the backend has the kernel of a whole layer. */
  fused: boolean;
}

type Read = (path: string) => Promise<Uint8Array>;
type Model = BertForMaskedLM | BertForSequenceClassification;

/** Run the golden models; all tensors are freed. */
export async function report(read: Read): Promise<Report> {
  const mlm = await load(BertForMaskedLM, "mlm", read);
  const classifier = await load(BertForSequenceClassification, "cls3", read);
  const small = await quantize(classifier, "int8");
  const golden = await goldenLogits("cls3", read);
  const cosine = cosineOf(await logitsOf(small, "cls3", read), golden);
  const differences = {
    mlm: difference(await logitsOf(mlm, "mlm", read), await goldenLogits("mlm", read)),
    cls3: difference(await logitsOf(classifier, "cls3", read), golden),
  };
  for (const model of [mlm, classifier, small]) model.dispose();
  const fused = tf.getKernel("EncoderLayer", tf.getBackend()) != null;
  return { backend: tf.getBackend(), tensors: tf.memory().numTensors, differences, cosine, fused };
}

// --- internal ---

async function load<M extends Model>(
  kind: BertClass<M> & { fromPretrained: typeof BertForMaskedLM.fromPretrained },
  name: string,
  read: Read,
): Promise<M> {
  return kind.fromPretrained(async (file) => {
    const path = `${name}/model/${file}`;
    return GOLDEN_FILES.includes(path) ? read(path) : undefined;
  });
}

async function logitsOf(model: Model, name: string, read: Read): Promise<ArrayLike<number>> {
  const { tensors: inputs } = readSafetensors(await read(`${name}/inputs.safetensors`));
  const input = (key: string): tf.Tensor2D => {
    const tensor = inputs.get(`padded.${key}`)!;
    return tf.tensor2d(toInt32(tensor), tensor.shape as [number, number], "int32");
  };
  return tf.tidy(() =>
    model
      .forward({
        inputIds: input("input_ids"),
        attentionMask: input("attention_mask"),
        tokenTypeIds: input("token_type_ids"),
      })
      .logits.dataSync(),
  );
}

async function goldenLogits(name: string, read: Read): Promise<Float32Array> {
  const { tensors } = readSafetensors(await read(`${name}/outputs.safetensors`));
  return toFloat32(tensors.get("padded.logits")!);
}

function difference(found: ArrayLike<number>, golden: Float32Array): number {
  let most = golden.length === found.length ? 0 : Number.POSITIVE_INFINITY;
  for (const [i, value] of golden.entries()) most = Math.max(most, Math.abs(value - found[i]!));
  return most;
}

function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}
