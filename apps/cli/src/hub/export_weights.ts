import {
  type BertConfig,
  BertForMaskedLM,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  loadWeights,
  type ParameterShape,
  type PretrainedSource,
} from "@kcbert/bert";
import {
  fromFloat32,
  parseShardIndex,
  readSafetensors,
  type SafetensorsTensor,
  toFloat32,
} from "@kcbert/safetensors";
import { readPytorchBin } from "@kcbert/safetensors/pytorch";
import { CliError } from "../failure.ts";

/** What weights can be written as. */
export type WeightDtype = "F32" | "F16" | "BF16";

/** Weights as they are to be written. */
export interface ExportedWeights {
  /** By the names that transformers uses today. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly dtype: WeightDtype;
  /** The class that the weights are of, the first if they are of several; `undefined` if they may be of any. */
  readonly architecture: string | undefined;
  /** Numbers in them. */
  readonly parameters: number;
}

/**
 * Read all weights of a folder, whatever they are stored in, and check that they make the model that `config.json` says.
 *
 * Nothing is lost: a pooler or a second head stay, although the model's class may not need them. Old names
 * (`LayerNorm.gamma`) become new ones, the decoder that is tied to the embeddings is left out, and buffers too.
 *
 * @param source The folder.
 * @param config Its config.
 * @param dtype What to round to; what they are, by default, or F32 if they are not all the same.
 * @throws {CliError} If the weights are broken, or are not all there.
 */
export async function exportWeights(
  source: PretrainedSource,
  config: BertConfig,
  dtype?: WeightDtype,
  signal?: AbortSignal,
): Promise<ExportedWeights> {
  const tensors = renamed(await readWeights(source, signal));
  const architecture = config.architectures?.[0] ?? guess([...tensors.keys()]);
  for (const name of config.architectures ?? [architecture]) await check(source, config, name, signal);
  const target = dtype ?? commonDtype(tensors);
  const parameters = [...tensors.values()].reduce((sum, { shape }) => sum + product(shape), 0);
  return { tensors, dtype: target, architecture, parameters };
}

/** The bytes of a tensor in the dtype wanted. */
export function bytesIn(tensor: SafetensorsTensor, dtype: WeightDtype): Uint8Array {
  return tensor.dtype === dtype ? tensor.bytes : fromFloat32(toFloat32(tensor), tensor.shape, dtype).bytes;
}

// --- internal ---

const CLASSES: Readonly<
  Record<
    string,
    { parameterShapes(config: BertConfig, options?: { pooler?: boolean }): Iterable<ParameterShape> }
  >
> = {
  BertModel,
  BertForMaskedLM,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
};

type Tensors = Map<string, SafetensorsTensor>;

async function readWeights(source: PretrainedSource, signal?: AbortSignal): Promise<Tensors> {
  const options = signal === undefined ? {} : { signal };
  for (const [single, read] of [
    ["model.safetensors", safetensorsOf],
    ["pytorch_model.bin", pytorchOf],
  ] as const) {
    const whole = await source(single, options);
    if (whole !== undefined) return read(whole);
    const index = await source(`${single}.index.json`, options);
    if (index === undefined) continue;
    const all: Tensors = new Map();
    const json = await new Response(index as BodyInit).text();
    for (const shard of new Set(parseShardIndex(json).weightMap.values())) {
      const part = await source(shard, options);
      if (part === undefined) throw new CliError(`${shard} is missing, which ${single}.index.json names`);
      for (const [name, tensor] of await read(part)) all.set(name, tensor);
    }
    return all;
  }
  throw new CliError("there is no model.safetensors and no pytorch_model.bin");
}

async function safetensorsOf(content: Uint8Array | ReadableStream<Uint8Array>): Promise<Tensors> {
  if (content instanceof Uint8Array) return new Map(readSafetensors(content).tensors);
  return collect((await readSafetensors(content)).read());
}

async function pytorchOf(content: Uint8Array | ReadableStream<Uint8Array>): Promise<Tensors> {
  if (content instanceof Uint8Array) return readPytorchBin(content);
  return collect((await readPytorchBin(content)).read());
}

async function collect(read: AsyncIterable<readonly [string, SafetensorsTensor]>): Promise<Tensors> {
  const tensors: Tensors = new Map();
  for await (const [name, tensor] of read) tensors.set(name, tensor);
  return tensors;
}

const NOT_WEIGHTS =
  /(?:^|\.)embeddings\.(?:position_ids|token_type_ids)$|^cls\.predictions\.decoder\.(?:weight|bias)$/;

function renamed(tensors: Tensors): Tensors {
  const all: Tensors = new Map();
  for (const [name, tensor] of tensors) {
    if (NOT_WEIGHTS.test(name)) continue; // `check` has compared a decoder with what it is tied to
    all.set(
      name.replace(/(?<=LayerNorm\.)gamma$/, "weight").replace(/(?<=LayerNorm\.)beta$/, "bias"),
      tensor,
    );
  }
  return all;
}

/** The class by its heads; a `classifier` may be of texts or of tokens. */
function guess(names: readonly string[]): string | undefined {
  const has = (start: string) => names.some((name) => name.startsWith(start));
  if (has("cls.predictions.")) return has("cls.seq_relationship.") ? "BertForPreTraining" : "BertForMaskedLM";
  if (has("qa_outputs.")) return "BertForQuestionAnswering";
  return has("classifier.") ? undefined : "BertModel";
}

/** Load the weights as the model does, which refuses what is broken, missing, of another shape, or not finite. */
async function check(
  source: PretrainedSource,
  config: BertConfig,
  architecture: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const model = CLASSES[architecture ?? "BertModel"];
  if (model === undefined)
    throw new CliError(`its class ${architecture} is none of ${Object.keys(CLASSES).join(", ")}`);
  const shapes = [...model.parameterShapes(config)];
  const { missing } = await loadWeights(source, shapes, { signal, take: () => {} });
  const lacks = missing.filter((key) => !key.includes("pooler."));
  if (lacks.length > 0) throw new CliError(`a ${architecture} must have ${lacks[0]}, which the weights lack`);
}

function commonDtype(tensors: Tensors): WeightDtype {
  const [first, ...others] = new Set([...tensors.values()].map(({ dtype }) => dtype));
  return others.length === 0 && (first === "F16" || first === "BF16") ? first : "F32";
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}
