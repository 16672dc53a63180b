import { basename, resolve } from "node:path";
import {
  type BertConfig,
  dequantized,
  formatBertConfig,
  loadConfig,
  type PretrainedSource,
} from "@kcbert/bert";
import { loadTokenizer } from "@kcbert/pipelines/load_tokenizer";
import { writeSafetensorsStream } from "@kcbert/safetensors";
import { BertTokenizer, formatTokenizerConfig } from "@kcbert/tokenizer";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError, sentence } from "../failure.ts";
import { ExportFolder } from "../hub/export_folder.ts";
import { bytesIn, type ExportedWeights, exportWeights, type WeightDtype } from "../hub/export_weights.ts";
import { formatModelCard } from "../hub/model_card.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { trainingFacts } from "../hub/training_facts.ts";
import { Interrupted } from "../interrupt.ts";
import { modelFolder } from "../model_folder.ts";
import { formatBytes } from "../progress.ts";
import { writeReport } from "../report.ts";

const args = {
  model: {
    type: "positional",
    required: true,
    description: "A model folder, or the name of a downloaded model",
  },
  output: { type: "string", alias: "o", required: true, valueHint: "folder", description: "Where to write" },
  dtype: {
    type: "string",
    valueHint: "type",
    description: "What weights are rounded to: F32, F16 or BF16; what they are by default",
  },
  name: { type: "string", valueHint: "name", description: "The model's name; the folder's by default" },
  language: { type: "string", default: "ko", valueHint: "code", description: "The model's language" },
  license: { type: "string", valueHint: "name", description: "The model's licence, such as apache-2.0" },
  "base-model": { type: "string", valueHint: "name", description: "The model that it was made from" },
  datasets: {
    type: "string",
    valueHint: "names",
    description: "What it was trained on, separated by commas",
  },
  metrics: {
    type: "string",
    valueHint: "names",
    description: "What it was measured by, separated by commas",
  },
  overwrite: { type: "boolean", description: "Replace files of the same names in a folder that has others" },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli export`. */
export const exportCommand: Command = defineExampledCommand(
  {
    meta: { description: "Write a model as a folder for Hugging Face, with a model card" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const dtype = args.dtype === undefined ? undefined : oneOf(args.dtype, "dtype", ["F32", "F16", "BF16"]);
      const source = dequantized(modelFolder(resolveModel(args.model)));
      const folder = ExportFolder.open(args.output, args.overwrite === true);
      try {
        const model = await load(args.model, source, dtype, signal);
        await write(folder, model, cardOf(args, model), signal);
        await report(args, model.weights);
      } finally {
        folder.discard();
      }
    },
  },
  [
    [
      "kcbert-cli export model --output my-kcbert --license mit --datasets nsmc",
      "A trained model, ready to be put on the hub",
    ],
    [
      "kcbert-cli export old --output new",
      "A folder with an old pytorch_model.bin becomes one with safetensors and a tokenizer.json",
    ],
    [
      "kcbert-cli export beomi/kcbert-base --output kcbert-half --dtype F16 --base-model beomi/kcbert-base",
      "Half the size",
    ],
    [
      "kcbert-cli export nsmc-int8 --output nsmc-floats",
      "A quantised model as floats, which transformers opens and finetune goes on from",
    ],
  ],
);

// --- internal ---

interface Flags {
  readonly model: string;
  readonly output: string;
  readonly name?: string | undefined;
  readonly language: string;
  readonly license?: string | undefined;
  readonly "base-model"?: string | undefined;
  readonly datasets?: string | undefined;
  readonly metrics?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

function cardOf(flags: Flags, { config, weights, metrics }: Model): string {
  return formatModelCard({
    name: flags.name ?? basename(resolve(flags.output)),
    config,
    architecture: weights.architecture,
    parameters: weights.parameters,
    dtype: weights.dtype,
    training: metrics === undefined ? undefined : trainingFacts(metrics),
    language: flags.language,
    license: flags.license,
    baseModel: flags["base-model"],
    datasets: listOf(flags.datasets),
    metrics: listOf(flags.metrics),
  });
}

interface Model {
  readonly config: BertConfig;
  readonly weights: ExportedWeights;
  readonly tokenizer: BertTokenizer;
  /** The folder's own tokenizer.json, which is kept as it is. */
  readonly tokenizerJson: string | undefined;
  readonly metrics: string | undefined;
}

function listOf(names: string | undefined): string[] | undefined {
  return names
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

async function load(
  name: string,
  source: PretrainedSource,
  dtype: WeightDtype | undefined,
  signal: AbortSignal,
): Promise<Model> {
  try {
    const config = await loadConfig(source, { signal });
    const tokenizer = await loadTokenizer(source, { signal });
    if (tokenizer.vocabSize > config.vocabSize) {
      throw new CliError(
        `its tokenizer has ${tokenizer.vocabSize} tokens, its config.json ${config.vocabSize}`,
      );
    }
    const weights = await exportWeights(source, config, dtype, signal);
    const [tokenizerJson, metrics] = [
      await text(source, "tokenizer.json"),
      await text(source, "metrics.jsonl"),
    ];
    return { config: exportedConfig(config, weights), weights, tokenizer, tokenizerJson, metrics };
  } catch (error) {
    if (error instanceof Interrupted || signal.aborted) throw error;
    throw new CliError(`Cannot export ${name}: ${sentence(error)}`, { cause: error });
  }
}

async function text(source: PretrainedSource, name: string): Promise<string | undefined> {
  const content = await source(name);
  return content === undefined ? undefined : new Response(content as BodyInit).text();
}

/** With the class and the dtype by which transformers loads the weights, and without where they were once loaded from. */
function exportedConfig(config: BertConfig, { dtype, architecture }: ExportedWeights): BertConfig {
  const extra = new Map(config.extra);
  for (const key of ["torch_dtype", "_name_or_path"]) extra.delete(key);
  extra.set("dtype", { F32: "float32", F16: "float16", BF16: "bfloat16" }[dtype]);
  return architecture === undefined
    ? { ...config, extra }
    : { ...config, architectures: config.architectures ?? [architecture], extra };
}

async function write(
  folder: ExportFolder,
  { config, weights, tokenizer, tokenizerJson }: Model,
  card: string,
  signal: AbortSignal,
): Promise<void> {
  const maxLength = Math.min(tokenizer.options.defaults?.maxLength ?? Infinity, config.maxPositionEmbeddings);
  const texts = {
    "config.json": formatBertConfig(config),
    "vocab.txt": tokenizer.vocabText(),
    "tokenizer.json": tokenizerJson ?? withoutDefaults(tokenizer).toJson(),
    "tokenizer_config.json": formatTokenizerConfig(tokenizer, maxLength),
    "README.md": card,
  };
  await folder.write("model.safetensors", safetensors(weights, signal));
  for (const [name, text] of Object.entries(texts))
    await folder.write(name, [new TextEncoder().encode(text)]);
  folder.finish();
}

/** A tokenizer.json cuts nothing by itself, as transformers writes it: the length stands in tokenizer_config.json. */
function withoutDefaults(tokenizer: BertTokenizer): BertTokenizer {
  const { defaults: _, ...options } = tokenizer.options;
  return BertTokenizer.fromVocab(tokenizer.vocabText(), options);
}

async function* safetensors(
  { tensors, dtype }: ExportedWeights,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const layouts = [...tensors].map(([name, { shape }]) => [name, { dtype, shape }] as const);
  const bytesOf = (name: string) => bytesIn(tensors.get(name)!, dtype);
  for await (const piece of writeSafetensorsStream(layouts, bytesOf, { format: "pt" })) {
    signal.throwIfAborted();
    yield piece;
  }
}

async function report(flags: Flags, { architecture, dtype, parameters }: ExportedWeights): Promise<void> {
  const size = parameters * (dtype === "F32" ? 4 : 2);
  const kind = architecture ?? "BERT";
  const hint = flags.license === undefined ? "; its model card names no licence, --license does" : "";
  await writeReport(
    `Exported ${flags.model}: a ${kind} of ${parameters.toLocaleString("en")} parameters in ${dtype} (${formatBytes(size)}) to ${flags.output}${hint}`,
    { model: flags.model, path: resolve(flags.output), architecture, parameters, dtype },
    flags,
  );
}
