import type { BertConfig } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { PretrainOptions } from "@kcbert/trainer";
import { oneOf, wholeNumber } from "../arguments.ts";
import { type Backend, type BackendOptions, BACKENDS } from "../backend.ts";
import { readConfigFile } from "../config_file.ts";
import { type DecimalLimits, decimalNumber } from "../decimal_number.ts";
import { UsageError } from "../failure.ts";
import { DEFAULTS, pretrainArgs } from "./flags.ts";
import { PRESETS } from "./presets.ts";

/** All flags of a training, checked, as numbers. */
export interface Recipe {
  readonly corpus: string;
  readonly tokenizer: string;
  readonly output: string;
  readonly preset: string | undefined;
  readonly steps: number | undefined;
  readonly seconds: number | undefined;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly intermediate: number;
  /** Tokens in a row. */
  readonly maxLength: number;
  /** Positions of the model, at least `maxLength`. */
  readonly positions: number;
  readonly buckets: readonly number[] | undefined;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly learningRate: number;
  readonly schedule: (typeof SCHEDULES)[number];
  readonly warmup: number;
  readonly cooldown: number;
  readonly finalRate: number;
  readonly optimizer: (typeof OPTIMIZERS)[number];
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number | undefined;
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  readonly maskProbability: number;
  /** Of static masking. */
  readonly maskCopies: number | undefined;
  readonly predictionsPerRow: number | undefined;
  readonly wholeWords: boolean;
  readonly nextSentence: boolean;
  readonly dropout: number;
  readonly attentionDropout: number;
  readonly initializerRange: number;
  readonly seed: number;
  readonly heldOut: number;
  /** The file of the sentences to fill in. */
  readonly samples: string | undefined;
  readonly evaluations: number;
  readonly checkpoints: number;
  readonly keep: number;
  readonly logEvery: number | undefined;
  readonly peakTflops: number | undefined;
  readonly tensorboard: boolean;
  readonly resume: "auto" | "never";
  /** Undefined if the flags do not say. */
  readonly clean: (typeof CLEANS)[number] | undefined;
  readonly backend: Backend;
  /** The plugin, precision and devices of xla. */
  readonly backendOptions: BackendOptions;
  readonly dryRun: boolean;
  readonly column: string | undefined;
  readonly jsonl: string | undefined;
  readonly header: boolean;
}

const CLEANS = ["2021", "2020", "2022"] as const;
const SCHEDULES = ["linear", "bert", "cosine", "trapezoid", "constant"] as const;
const OPTIMIZERS = ["adamw", "bert-adam", "lamb"] as const;
const REQUIRED = ["corpus", "tokenizer", "output"] as const;

/**
 * Read all flags, before any work is done: those of the command line, else of `--config`, else of `--preset`, else the
 * defaults.
 *
 * @param given What the command line gives; a flag that it does not is undefined.
 * @throws {UsageError} If a flag is missing or makes no sense.
 */
export async function readRecipe(given: Readonly<Record<string, unknown>>): Promise<Recipe> {
  const flags = await mergedFlags(given);
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  const whole = (name: string, min: number) => wholeNumber(text(name), name, { min });
  const number = (name: string, limits: DecimalLimits) => decimalNumber(text(name), name, limits);
  const [hidden, heads] = [whole("hidden", 1)!, whole("heads", 1)!];
  if (hidden % heads !== 0)
    throw new UsageError(`Cannot divide --hidden ${hidden} among --heads ${heads}: it takes a multiple`);
  const [minutes, steps] = [number("minutes", { above: 0 }), whole("steps", 1)];
  if (steps === undefined && minutes === undefined)
    throw new UsageError("Cannot train without an end: give --steps or --minutes");
  const maxLength = whole("max-length", 3)!;
  if (flags["next-sentence"] === true && text("buckets") !== undefined)
    throw new UsageError("Cannot use --buckets with --next-sentence: each pair has a row of --max-length");
  const dropout = number("dropout", { min: 0, below: 1 })!;
  const isStatic = oneOf(text("masking")!, "masking", ["dynamic", "static"]) === "static";
  return {
    corpus: text("corpus")!,
    tokenizer: text("tokenizer")!,
    output: text("output")!,
    preset: text("preset"),
    steps,
    seconds: minutes === undefined ? undefined : minutes * 60,
    layers: whole("layers", 1)!,
    hidden,
    heads,
    intermediate: whole("intermediate", 1) ?? 4 * hidden,
    maxLength,
    positions: positionsOf(whole("positions", 3), maxLength),
    buckets: bucketsOf(text("buckets"), maxLength),
    batchSize: whole("batch-size", 1)!,
    accumulate: whole("accumulate", 1)!,
    learningRate: number("learning-rate", { above: 0 })!,
    schedule: oneOf(text("schedule")!, "schedule", SCHEDULES),
    warmup: number("warmup", { min: 0, below: 1 })!,
    cooldown: number("cooldown", { above: 0, below: 1 })!,
    finalRate: number("final-rate", { min: 0, below: 1 })!,
    optimizer: oneOf(text("optimizer")!, "optimizer", OPTIMIZERS),
    beta1: number("beta1", { min: 0, below: 1 })!,
    beta2: number("beta2", { min: 0, below: 1 })!,
    epsilon: number("epsilon", { above: 0 }),
    weightDecay: number("weight-decay", { min: 0 })!,
    maxGradNorm: number("max-grad-norm", { above: 0 })!,
    maskProbability: number("mask-probability", { above: 0, below: 1 })!,
    maskCopies: isStatic ? whole("dupe-factor", 1) : undefined,
    predictionsPerRow: whole("max-predictions", 1),
    wholeWords: flags["whole-words"] === true,
    nextSentence: flags["next-sentence"] === true,
    dropout,
    attentionDropout: number("attention-dropout", { min: 0, below: 1 }) ?? dropout,
    initializerRange: number("initializer-range", { above: 0 })!,
    seed: whole("seed", 0)!,
    heldOut: whole("held-out", 1)!,
    samples: text("samples"),
    evaluations: whole("evaluations", 1)!,
    checkpoints: whole("checkpoints", 1)!,
    keep: whole("keep", 1)!,
    logEvery: whole("log-every", 1),
    peakTflops: number("peak-tflops", { above: 0 }),
    tensorboard: flags["tensorboard"] !== false,
    resume: oneOf(text("resume")!, "resume", ["auto", "never"]),
    clean: text("clean") === undefined ? undefined : oneOf(text("clean")!, "clean", CLEANS),
    backend: oneOf(text("backend")!, "backend", BACKENDS),
    backendOptions: {
      plugin: text("plugin"),
      precision: oneOf(text("precision")!, "precision", ["fp32", "bf16"]),
      devices: whole("devices", 1),
    },
    dryRun: flags["dry-run"] === true,
    column: text("column"),
    jsonl: text("jsonl"),
    header: flags["header"] === true,
  };
}

/** The model's dimensions. */
export function configOf(recipe: Recipe, tokenizer: BertTokenizer): Partial<BertConfig> {
  return {
    vocabSize: tokenizer.vocabSize,
    hiddenSize: recipe.hidden,
    numHiddenLayers: recipe.layers,
    numAttentionHeads: recipe.heads,
    intermediateSize: recipe.intermediate,
    hiddenDropoutProb: recipe.dropout,
    attentionProbsDropoutProb: recipe.attentionDropout,
    maxPositionEmbeddings: recipe.positions,
    initializerRange: recipe.initializerRange,
    padTokenId: tokenizer.padId,
    clean: recipe.clean ?? null,
  };
}

/** What the trainer is told. */
export async function trainerOptions(recipe: Recipe): Promise<Omit<PretrainOptions, "tokenizer">> {
  const trainer = await import("@kcbert/trainer");
  const { warmup, cooldown, finalRate: final } = recipe;
  const schedules = {
    linear: () => trainer.linearDecay({ warmup, final }),
    bert: () => trainer.bertDecay({ warmup }),
    cosine: () => trainer.cosineDecay({ warmup, final }),
    trapezoid: () => trainer.trapezoid({ warmup, cooldown, final }),
    constant: () => trainer.constantRate({ warmup }),
  };
  const makers = { adamw: trainer.adamW, "bert-adam": trainer.bertAdam, lamb: trainer.lamb };
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = recipe;
  const settings = { beta1, beta2, weightDecay, maxGradNorm, ...(epsilon === undefined ? {} : { epsilon }) };
  return defined<Omit<PretrainOptions, "tokenizer">>({
    maxSteps: recipe.steps,
    maxSeconds: recipe.seconds,
    rowLength: recipe.maxLength,
    batchSize: recipe.batchSize,
    accumulate: recipe.accumulate,
    buckets: recipe.buckets,
    learningRate: recipe.learningRate,
    schedule: schedules[recipe.schedule](),
    optimizer: (parameters) => makers[recipe.optimizer](parameters, settings),
    maskProbability: recipe.maskProbability,
    maskCopies: recipe.maskCopies,
    predictionsPerRow: recipe.predictionsPerRow,
    wholeWords: recipe.wholeWords,
    evaluations: recipe.evaluations,
    checkpoints: recipe.checkpoints,
    seed: recipe.seed,
  });
}

// --- internal ---

async function mergedFlags(given: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const config =
    given["config"] === undefined ? {} : await readConfigFile(given["config"] as string, pretrainArgs);
  const name = (given["preset"] ?? config["preset"]) as string | undefined;
  const preset = name === undefined ? {} : PRESETS[oneOf(name, "preset", Object.keys(PRESETS))];
  const flags: Record<string, unknown> = { ...DEFAULTS, ...preset, ...config, ...defined(given) };
  const missing = REQUIRED.find((flag) => flags[flag] === undefined);
  if (missing !== undefined) throw new UsageError(`Missing --${missing}: see --help`);
  return flags;
}

function positionsOf(positions: number | undefined, maxLength: number): number {
  if (positions === undefined || positions >= maxLength) return positions ?? maxLength;
  throw new UsageError(
    `Cannot use --positions ${positions} with --max-length ${maxLength}: it takes at least as many`,
  );
}

/** `16,32,64`, up to the longest row. */
function bucketsOf(given: string | undefined, maxLength: number): number[] | undefined {
  if (given === undefined) return undefined;
  const lengths = given.split(",").map((length) => wholeNumber(length, "buckets", { min: 3 })!);
  const buckets = [...new Set([...lengths, maxLength])].sort((a, b) => a - b);
  if (buckets.at(-1) === maxLength) return buckets;
  throw new UsageError(
    `Cannot use --buckets ${given} with --max-length ${maxLength}: no row is longer than that`,
  );
}

/** What is not undefined. */
function defined<T extends object>(values: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
