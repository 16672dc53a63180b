import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BertConfig, BertForMaskedLM } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { EndEvent, PretrainOptions, TokenizedLines } from "@kcbert/trainer";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { BACKENDS, startBackend } from "../backend.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { type DecimalLimits, decimalNumber } from "../decimal_number.ts";
import { CliError, fileError, UsageError } from "../failure.ts";
import { resolveInputs } from "../io/inputs.ts";
import { openOutput } from "../io/output.ts";
import { readTexts, totalSize } from "../io/read_texts.ts";
import { fieldArgs, textField } from "../io/text_field.ts";
import { loadTokenizerPath } from "../load_tokenizer_path.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { modelFolder } from "../model_folder.ts";
import { startProgress } from "../progress.ts";
import { writeReport } from "../report.ts";
import { RunFolder } from "../run_folder.ts";
import { startTrainingProgress } from "../training_progress.ts";

const args = {
  corpus: {
    type: "string",
    required: true,
    valueHint: "file",
    description: "A file, or a pattern of files, of UTF-8 lines, plain or gzip: one comment a line",
  },
  tokenizer: {
    type: "string",
    required: true,
    valueHint: "folder",
    description: "The tokenizer's folder or file",
  },
  output: {
    type: "string",
    alias: "o",
    required: true,
    valueHint: "folder",
    description: "The run's folder",
  },
  steps: { type: "string", valueHint: "n", description: "End after so many steps" },
  minutes: { type: "string", valueHint: "n", description: "End after so much time" },
  layers: { type: "string", default: "2", valueHint: "n", description: "Layers of the encoder" },
  hidden: { type: "string", default: "128", valueHint: "n", description: "Width of the hidden states" },
  heads: { type: "string", default: "2", valueHint: "n", description: "Attention heads of each layer" },
  "max-length": {
    type: "string",
    default: "64",
    valueHint: "n",
    description:
      "Tokens in a row, and positions of the model; longer comments are cut, shorter ones share a row",
  },
  "batch-size": { type: "string", default: "8", valueHint: "n", description: "Rows in a batch" },
  accumulate: { type: "string", default: "1", valueHint: "n", description: "Batches in a step" },
  "learning-rate": {
    type: "string",
    default: "1.5e-3",
    valueHint: "x",
    description: "The peak learning rate",
  },
  warmup: {
    type: "string",
    default: "0.1",
    valueHint: "part",
    description: "Part of the run that warms up",
  },
  schedule: {
    type: "string",
    default: "linear",
    valueHint: "name",
    description: "How the learning rate falls: linear, bert, cosine or trapezoid",
  },
  optimizer: { type: "string", default: "adamw", valueHint: "name", description: "adamw, bert-adam or lamb" },
  "weight-decay": { type: "string", default: "0.01", valueHint: "x", description: "Decoupled weight decay" },
  "mask-probability": {
    type: "string",
    default: "0.15",
    valueHint: "part",
    description: "Part of the tokens to predict",
  },
  dropout: {
    type: "string",
    default: "0",
    valueHint: "part",
    description: "Part of the hidden values dropped out",
  },
  "initializer-range": {
    type: "string",
    default: "0.05",
    valueHint: "x",
    description: "Deviation of the first weights",
  },
  seed: { type: "string", default: "1", valueHint: "n", description: "Seed of weights, order and masks" },
  "held-out": {
    type: "string",
    default: "500",
    valueHint: "n",
    description: "Lines to test on, never learnt from",
  },
  samples: {
    type: "string",
    valueHint: "file",
    description: "Lines with [MASK] to fill in as the model learns",
  },
  evaluations: { type: "string", default: "10", valueHint: "n", description: "How often to test in the run" },
  checkpoints: {
    type: "string",
    default: "6",
    valueHint: "n",
    description: "How often to keep a checkpoint in the run",
  },
  resume: {
    type: "string",
    default: "auto",
    valueHint: "when",
    description: "Go on with a run that is in the folder: auto, or never",
  },
  clean: {
    type: "string",
    valueHint: "variant",
    description:
      "How the corpus was cleaned (2021, 2020 or 2022): kept in config.json, so that users' text is cleaned alike",
  },
  backend: { type: "string", default: "wasm", description: "What computes: wasm or cpu" },
  ...fieldArgs,
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli pretrain`. */
export const pretrainCommand: Command = defineExampledCommand(
  {
    meta: { description: "Train a BERT to guess masked words, from nothing but a corpus" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const recipe = readRecipe(args);
      const inputs = resolveInputs([args.corpus]);
      const samples = args.samples === undefined ? SAMPLES : await readSamples(args.samples);
      const tokenizer = await loadTokenizerPath(args.tokenizer);
      const folder = new RunFolder(args.output, { resume: recipe.resume === "auto" });
      try {
        const progress = startProgress({ title: "Reading", total: totalSize(inputs), quiet: args.quiet });
        const texts = readTexts(inputs, {
          field: textField(args),
          header: args.header,
          signal,
          onRead: progress.advance,
        });
        const lines = await encodeCorpus(texts, tokenizer).finally(progress.done);
        await startBackend(recipe.backend);
        const end = await train({ folder, recipe, tokenizer, lines, samples, signal, flags: args });
        await report(end, args);
        if (end.reason === "interrupted") throw signal.reason;
      } finally {
        folder.close();
      }
    },
  },
  [
    [
      "kcbert-cli pretrain --corpus comments.txt --tokenizer tokenizer --output model --clean 2021 --minutes 3",
      "A small BERT in three minutes; run again after Ctrl-C, it goes on",
    ],
    [
      "kcbert-cli pretrain --corpus 'corpus/*.txt.gz' --tokenizer tokenizer --output model --layers 4 --hidden 256 --heads 4 --max-length 128 --batch-size 32 --learning-rate 5e-4 --steps 100000",
      "A larger one",
    ],
  ],
);

// --- internal ---

/** Shown beside the loss unless `--samples` names others; as `clean` leaves text. */
const SAMPLES = [
  "이 영화 정말 [MASK]",
  "배우들의 [MASK] 최고",
  "스토리가 너무 [MASK]",
  "[MASK] 아까운 영화",
  "기대 안했는데 [MASK] 봤어요",
];

const TOKENIZER_FILES = ["vocab.txt", "tokenizer.json", "tokenizer_config.json"];
const SCHEDULES = ["linear", "bert", "cosine", "trapezoid"] as const;
const OPTIMIZERS = ["adamw", "bert-adam", "lamb"] as const;

type Flags = Record<Exclude<keyof typeof args, "steps" | "minutes" | "clean">, string> &
  Partial<Record<"steps" | "minutes" | "clean", string>>;
type Recipe = ReturnType<typeof readRecipe>;

/** All flags as numbers, before any work is done. */
function readRecipe(flags: Readonly<Record<string, unknown>>) {
  const given = flags as Flags;
  const whole = (name: keyof Flags, min: number) => wholeNumber(given[name], name, { min })!;
  const part = (name: keyof Flags, limits: DecimalLimits) => decimalNumber(given[name], name, limits)!;
  const [hidden, heads] = [whole("hidden", 1), whole("heads", 1)];
  if (hidden % heads !== 0)
    throw new UsageError(`Cannot divide --hidden ${hidden} among --heads ${heads}: it takes a multiple`);
  const minutes = decimalNumber(given.minutes, "minutes", { above: 0 });
  const steps = wholeNumber(given.steps, "steps", { min: 1 });
  if (steps === undefined && minutes === undefined)
    throw new UsageError("Cannot train without an end: give --steps or --minutes");
  return {
    steps,
    seconds: minutes === undefined ? undefined : minutes * 60,
    layers: whole("layers", 1),
    hidden,
    heads,
    maxLength: whole("max-length", 3),
    batchSize: whole("batch-size", 1),
    accumulate: whole("accumulate", 1),
    learningRate: part("learning-rate", { above: 0 }),
    warmup: part("warmup", { min: 0, below: 1 }),
    schedule: oneOf(given.schedule, "schedule", SCHEDULES),
    optimizer: oneOf(given.optimizer, "optimizer", OPTIMIZERS),
    weightDecay: part("weight-decay", { min: 0 }),
    maskProbability: part("mask-probability", { above: 0, below: 1 }),
    dropout: part("dropout", { min: 0, below: 1 }),
    initializerRange: part("initializer-range", { above: 0 }),
    seed: whole("seed", 0),
    heldOut: whole("held-out", 1),
    evaluations: whole("evaluations", 1),
    checkpoints: whole("checkpoints", 1),
    resume: oneOf(given.resume, "resume", ["auto", "never"]),
    clean: given.clean === undefined ? null : oneOf(given.clean, "clean", ["2021", "2020", "2022"]),
    backend: oneOf(given.backend, "backend", BACKENDS),
  };
}

interface TrainOptions {
  readonly folder: RunFolder;
  readonly recipe: Recipe;
  readonly tokenizer: BertTokenizer;
  readonly lines: TokenizedLines;
  readonly samples: readonly string[];
  readonly signal: AbortSignal;
  readonly flags: {
    readonly tokenizer: string;
    readonly json?: boolean | undefined;
    readonly quiet?: boolean | undefined;
  };
}

/** Train, from the beginning or from the latest checkpoint, and write what happens to the run's folder. */
async function train({
  folder,
  recipe,
  tokenizer,
  lines,
  samples,
  signal,
  flags,
}: TrainOptions): Promise<EndEvent> {
  const { holdOut, pretrain } = await import("@kcbert/trainer");
  const data = holdOut(lines, heldOutCount(recipe.heldOut, lines), recipe.seed);
  const checkpoint = folder.latestCheckpoint();
  const model = await loadModel(checkpoint, recipe, tokenizer, data.train);
  const tokenizerFiles = await readTokenizerFiles(resolveModel(flags.tokenizer), tokenizer, recipe.maxLength);
  const progress = startTrainingProgress({ quiet: flags.quiet || flags.json });
  try {
    for await (const event of pretrain(model, data, {
      ...(await trainerOptions(recipe)),
      tokenizer,
      samples,
      signal,
      checkpoint: (step, write) =>
        folder.keep(step, async (sink) => {
          await write(sink);
          for (const [name, bytes] of tokenizerFiles) await sink(name, bytes);
        }),
      ...(checkpoint === undefined ? {} : { resume: modelFolder(checkpoint) }),
    })) {
      if (event.event === "start") folder.begin();
      if (event.event === "end" && event.reason === "done") await finish(folder, model, tokenizerFiles);
      folder.append(event);
      progress.show(event);
      if (flags.json) await openOutput(undefined).write(`${JSON.stringify(event)}\n`);
      if (event.event === "end") return event;
    }
  } finally {
    progress.done();
    model.dispose();
  }
  throw new CliError("Cannot tell how the training ended");
}

/** A fresh model, or the one that the run had come to. */
async function loadModel(
  checkpoint: string | undefined,
  recipe: Recipe,
  tokenizer: BertTokenizer,
  train: TokenizedLines,
): Promise<BertForMaskedLM> {
  const { BertForMaskedLM, checkBertConfig, kcbertBase } = await import("@kcbert/bert");
  const { specialIdsOf, startFromUnigrams, unigramCosts } = await import("@kcbert/trainer");
  const config = checkBertConfig({ ...kcbertBase, ...configOf(recipe, tokenizer) });
  if (checkpoint === undefined) {
    const model = BertForMaskedLM.init(config, { seed: recipe.seed });
    const costs = unigramCosts(train, { vocabSize: config.vocabSize, specialIds: specialIdsOf(tokenizer) });
    startFromUnigrams(model, costs);
    return model;
  }
  let missing: readonly string[] = [];
  const model = await BertForMaskedLM.fromPretrained(modelFolder(checkpoint), {
    onReport: (report) => (missing = report.missing),
  });
  const difference = differenceOf(model.config, configOf(recipe, tokenizer));
  if (difference === undefined && missing.length === 0) return model;
  model.dispose();
  if (difference === undefined)
    throw new CliError(`Cannot go on from ${checkpoint}: it lacks ${missing.join(", ")}`);
  throw new CliError(`Cannot go on from ${checkpoint}: ${difference}; name another --output to begin anew`);
}

function configOf(recipe: Recipe, tokenizer: BertTokenizer): Partial<BertConfig> {
  return {
    vocabSize: tokenizer.vocabSize,
    hiddenSize: recipe.hidden,
    numHiddenLayers: recipe.layers,
    numAttentionHeads: recipe.heads,
    intermediateSize: 4 * recipe.hidden,
    hiddenDropoutProb: recipe.dropout,
    attentionProbsDropoutProb: recipe.dropout,
    maxPositionEmbeddings: recipe.maxLength,
    initializerRange: recipe.initializerRange,
    padTokenId: tokenizer.padId,
    clean: recipe.clean,
  };
}

/** The first entry in which a config is not what the flags say. */
function differenceOf(found: BertConfig, wanted: Partial<BertConfig>): string | undefined {
  const other = (Object.keys(wanted) as (keyof BertConfig)[]).find(
    (name) => (found[name] ?? null) !== (wanted[name] ?? null),
  );
  if (other === undefined) return undefined;
  return `its ${other} is ${JSON.stringify(found[other] ?? null)}, and ${JSON.stringify(wanted[other] ?? null)} is asked for`;
}

async function trainerOptions(recipe: Recipe): Promise<Omit<PretrainOptions, "tokenizer">> {
  const trainer = await import("@kcbert/trainer");
  const schedules = {
    linear: trainer.linearDecay,
    bert: trainer.bertDecay,
    cosine: trainer.cosineDecay,
    trapezoid: trainer.trapezoid,
  };
  const optimizers = { adamw: trainer.adamW, "bert-adam": trainer.bertAdam, lamb: trainer.lamb };
  const { warmup, weightDecay, learningRate, batchSize, accumulate, maskProbability, seed } = recipe;
  return {
    ...(recipe.steps === undefined ? {} : { maxSteps: recipe.steps }),
    ...(recipe.seconds === undefined ? {} : { maxSeconds: recipe.seconds }),
    rowLength: recipe.maxLength,
    schedule: schedules[recipe.schedule]({ warmup }),
    optimizer: (parameters) => optimizers[recipe.optimizer](parameters, { weightDecay }),
    evaluations: recipe.evaluations,
    checkpoints: recipe.checkpoints,
    learningRate,
    batchSize,
    accumulate,
    maskProbability,
    seed,
  };
}

/** Encode the corpus, some thousand lines at a time; lines without a token are left out. */
async function encodeCorpus(texts: AsyncIterable<string>, tokenizer: BertTokenizer): Promise<TokenizedLines> {
  const { joinLines } = await import("@kcbert/trainer");
  const parts: TokenizedLines[] = [];
  let waiting: string[] = [];
  for await (const text of texts) {
    if (text.trim() === "") continue;
    if (waiting.push(text) < LINES_TOGETHER) continue;
    parts.push(tokenizer.encodeBatch(waiting));
    waiting = [];
  }
  if (waiting.length > 0) parts.push(tokenizer.encodeBatch(waiting));
  return joinLines(parts);
}

const LINES_TOGETHER = 8192;

/** As many as asked for, but never more than a tenth of the corpus. */
function heldOutCount(wanted: number, lines: TokenizedLines): number {
  return Math.max(1, Math.min(wanted, Math.floor((lines.rowStarts.length - 1) / 10)));
}

/** The tokenizer's own files, so that the model's folder is whole; made where there is only a vocabulary. */
async function readTokenizerFiles(
  path: string,
  tokenizer: BertTokenizer,
  maxLength: number,
): Promise<Map<string, Uint8Array>> {
  const { formatTokenizerConfig } = await import("@kcbert/tokenizer");
  const files = new Map([
    ["vocab.txt", encoder.encode(tokenizer.vocabText())],
    ["tokenizer.json", encoder.encode(tokenizer.toJson())],
    ["tokenizer_config.json", encoder.encode(formatTokenizerConfig(tokenizer, maxLength))],
  ]);
  for (const name of TOKENIZER_FILES) {
    const file = join(path, name);
    if (!existsSync(file)) continue;
    try {
      files.set(name, await readFile(file));
    } catch (error) {
      throw fileError(`read ${file}`, error);
    }
  }
  return files;
}

async function readSamples(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError(`read ${path}`, error);
  });
  const samples = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const bad = samples.find((line) => !line.includes("[MASK]"));
  if (bad !== undefined)
    throw new CliError(`Cannot use the samples in ${path}: a line has no [MASK]: ${bad}`);
  return samples;
}

/** Put the model into the run's folder itself, whole or not at all. */
async function finish(
  folder: RunFolder,
  model: BertForMaskedLM,
  tokenizerFiles: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const files = new Map(tokenizerFiles);
  await model.save(async (name, bytes) => void files.set(name, bytes));
  await folder.finish(files);
}

/** The last word, for people; with `--json` the `end` event was it. */
async function report(end: EndEvent, { output, json, quiet }: ReportFlags): Promise<void> {
  if (json) return;
  const gain = end.unigramLoss - end.evalLoss;
  const against = `${Math.abs(gain).toFixed(3)} ${gain < 0 ? "above" : "below"} the unigram model's ${end.unigramLoss.toFixed(3)}`;
  const scores = `held-out loss ${end.evalLoss.toFixed(3)}, ${against}; accuracy ${(end.accuracy * 100).toFixed(1)} %`;
  const text =
    end.reason === "done"
      ? `Trained ${count(end.step)} steps: ${scores} (${output})`
      : `Stopped after ${count(end.step)} steps: ${scores} (run the same command again to go on: ${output})`;
  await writeReport(text, {}, { quiet });
}

interface ReportFlags {
  readonly output: string;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

function count(number: number): string {
  return number.toLocaleString("en");
}

const encoder = new TextEncoder();
