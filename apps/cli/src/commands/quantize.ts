import type { BertClass, BertPreTrainedModel, PretrainedSource } from "@kcbert/bert";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf } from "../arguments.ts";
import { startBackend } from "../backend.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError, sentence } from "../failure.ts";
import { tokenizerFiles } from "../finetune/open_session.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { makeFolder, refuseFull } from "../io/fresh_folder.ts";
import { writeFiles } from "../io/output.ts";
import { joinedFolder } from "../joined_folder.ts";
import { loadTokenizerPath } from "../load_tokenizer_path.ts";
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
  weights: {
    type: "string",
    default: "int8",
    valueHint: "type",
    description: "What the dense layers become: int8, or int4, which is half as large and less exact",
  },
  "group-size": {
    type: "string",
    default: "32",
    valueHint: "n",
    description: "With int4, how many weights share a scale: 32 or 64",
  },
  base: {
    type: "string",
    valueHint: "folder",
    description:
      "Write only what differs from this quantised model, which it was fine-tuned from, quantised as that is",
  },
  "base-name": {
    type: "string",
    valueHint: "name",
    description: "What the result calls the base, such as its package (default: as --base has it)",
  },
  overwrite: { type: "boolean", description: "Replace files of the same names in a folder that has files" },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli quantize`. */
export const quantizeCommand: Command = defineExampledCommand(
  {
    meta: { description: "Make a smaller copy of a model, for inference: weights in 8 or 4 bits" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const weights = oneOf(args.weights, "weights", ["int8", "int4"]);
      const groupSize = Number(oneOf(args["group-size"], "group-size", ["32", "64"])) as 32 | 64;
      refuseFull(args.output, args.overwrite === true);
      const source = modelFolder(resolveModel(args.model));
      if (args.base !== undefined) {
        const base = { folder: args.base, name: args["base-name"] ?? args.base };
        const told = await writeOverlay(args.model, base, args.output, signal);
        await writeReport(`${describeOverlay(told)}: ${args.output}`, told, { ...args, stdoutTaken: false });
        return;
      }
      const tokenizer = await loadTokenizerPath(args.model);
      await startBackend("wasm");
      const { models, positions } = await quantizedModels(args.model, source, { weights, groupSize, signal });
      try {
        const files = new Map<string, Uint8Array>(await joinedFolder(models));
        for (const [name, bytes] of await tokenizerFiles(source, tokenizer, positions))
          files.set(name, bytes);
        makeFolder(args.output);
        await writeFiles(args.output, files);
        const size = files.get(`model.${weights}.safetensors`)!.length;
        const parts = models.map(({ architecture }) => architecture).join(" and ");
        await writeReport(
          `Wrote ${parts} in ${weights}, ${formatBytes(size)} of weights: ${args.output}`,
          { weights, bytes: size, architectures: models.map(({ architecture }) => architecture) },
          { ...args, stdoutTaken: false },
        );
      } finally {
        for (const model of models) model.dispose();
      }
    },
  },
  [
    ["kcbert-cli quantize nsmc-model -o nsmc-int8", "A quarter of the size, and faster"],
    ["kcbert-cli quantize nsmc-model --weights int4 -o nsmc-int4", "An eighth of the size of its layers"],
    [
      "kcbert-cli quantize hate-model --base model-int8 -o hate",
      "Only the layers that finetune --train-layers taught; the rest is read from the base",
    ],
  ],
);

// --- internal ---

interface QuantizeSettings {
  readonly weights: "int8" | "int4";
  readonly groupSize: 32 | 64;
  readonly signal: AbortSignal;
}

/** What an overlay is, for people and as JSON. */
interface OverlayReport extends Readonly<Record<string, unknown>> {
  readonly base: string;
  readonly bytes: number;
  readonly parameters: readonly string[];
}

/** Write what of a model differs from its base: it is whole only beside that, whose tokenizer it shares. */
async function writeOverlay(
  name: string,
  base: { readonly folder: string; readonly name: string },
  output: string,
  signal: AbortSignal,
): Promise<OverlayReport> {
  const bert = await import("@kcbert/bert");
  await startBackend("wasm");
  const source = modelFolder(resolveModel(name));
  const files = new Map<string, Uint8Array>();
  let parameters: string[];
  try {
    const { architectures = ["BertModel"] } = await bert.loadConfig(source, { signal });
    if (architectures.length > 1)
      throw new CliError(`it holds ${architectures.join(" and ")}: one head is laid over a base`);
    const model = await modelClass(bert, architectures[0]!).fromPretrained(source, { signal, pooler: false });
    try {
      const sink = async (file: string, bytes: Uint8Array): Promise<void> => void files.set(file, bytes);
      const options = { name: base.name, signal };
      parameters = await bert.saveOverlay(model, modelFolder(resolveModel(base.folder)), sink, options);
    } finally {
      model.dispose();
    }
  } catch (error) {
    throw new CliError(`Cannot lay the model ${name} over ${base.folder}: ${sentence(error)}`, {
      cause: error,
    });
  }
  makeFolder(output);
  await writeFiles(output, files);
  const bytes = [...files].find(([file]) => file.startsWith("overlay."))![1].length;
  return { base: base.name, bytes, parameters };
}

function describeOverlay({ base, bytes, parameters }: OverlayReport): string {
  return `Wrote ${parameters.length} parameters that differ from ${base}, ${formatBytes(bytes)} of weights`;
}

function modelClass(bert: typeof import("@kcbert/bert"), architecture: string): Loadable {
  if (MODELS.includes(architecture)) return (bert as unknown as Record<string, Loadable>)[architecture]!;
  throw new CliError(`it is a ${architecture}: known are ${MODELS.join(", ")}`);
}

/** All models that a folder holds, by its `architectures`, quantised. */
async function quantizedModels(
  name: string,
  source: PretrainedSource,
  { weights, groupSize, signal }: QuantizeSettings,
): Promise<{ models: BertPreTrainedModel[]; positions: number }> {
  const bert = await import("@kcbert/bert");
  const models: BertPreTrainedModel[] = [];
  try {
    const config = await bert.loadConfig(source, { signal });
    for (const architecture of config.architectures ?? ["BertModel"]) {
      const model = await modelClass(bert, architecture).fromPretrained(source, { signal });
      try {
        models.push(await bert.quantize(model, weights, weights === "int4" ? { groupSize } : {}));
      } finally {
        model.dispose();
      }
    }
    return { models, positions: config.maxPositionEmbeddings };
  } catch (error) {
    for (const model of models) model.dispose();
    throw new CliError(`Cannot quantise the model ${name}: ${sentence(error)}`, { cause: error });
  }
}

type Loadable = BertClass<BertPreTrainedModel> & {
  fromPretrained(
    source: PretrainedSource,
    options: { signal: AbortSignal; pooler?: boolean },
  ): Promise<BertPreTrainedModel>;
};

const MODELS: readonly string[] = [
  "BertModel",
  "BertForMaskedLM",
  "BertForPreTraining",
  "BertForSequenceClassification",
  "BertForTokenClassification",
  "BertForQuestionAnswering",
];
