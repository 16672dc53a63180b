/** What the runtimes are asked to compute: the golden logits of a padded batch. No file is touched here. */
import { BertForMaskedLM } from "@kcbert/bert";
import { readSafetensors, toFloat32, toInt32 } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs-core";

/** The golden files that {@link largestDifference} asks for. */
export const GOLDEN_FILES = [
  "mlm/model/config.json",
  "mlm/model/model.safetensors",
  "mlm/inputs.safetensors",
  "mlm/outputs.safetensors",
] as const;

/** The largest difference of the logits from the golden ones; all tensors are freed. */
export async function largestDifference(read: (path: string) => Promise<Uint8Array>): Promise<number> {
  const known: readonly string[] = GOLDEN_FILES;
  const model = await BertForMaskedLM.fromPretrained(async (name) => {
    const path = `mlm/model/${name}`;
    return known.includes(path) ? read(path) : undefined;
  });
  const { tensors: inputs } = readSafetensors(await read("mlm/inputs.safetensors"));
  const { tensors: outputs } = readSafetensors(await read("mlm/outputs.safetensors"));
  const input = (name: string): tf.Tensor2D => {
    const tensor = inputs.get(`padded.${name}`)!;
    return tf.tensor2d(toInt32(tensor), tensor.shape as [number, number], "int32");
  };
  const logits = tf.tidy(() =>
    model
      .forward({
        inputIds: input("input_ids"),
        attentionMask: input("attention_mask"),
        tokenTypeIds: input("token_type_ids"),
      })
      .logits.dataSync(),
  );
  model.dispose();
  const golden = toFloat32(outputs.get("padded.logits")!);
  let most = golden.length === logits.length ? 0 : Number.POSITIVE_INFINITY;
  for (const [i, value] of golden.entries()) most = Math.max(most, Math.abs(value - logits[i]!));
  return most;
}
