import type { ArgsDef, StringArgDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { BACKENDS } from "../backend.ts";
import { fieldArgs } from "../io/text_field.ts";
import { PRESETS } from "./presets.ts";

/** What a flag is where neither the command line, nor `--config`, nor `--preset` says anything. */
export const DEFAULTS = {
  layers: "2",
  hidden: "128",
  heads: "2",
  "max-length": "64",
  "batch-size": "8",
  accumulate: "1",
  "learning-rate": "1.5e-3",
  warmup: "0.1",
  cooldown: "0.2",
  "final-rate": "0",
  schedule: "linear",
  optimizer: "adamw",
  beta1: "0.9",
  beta2: "0.999",
  "weight-decay": "0.01",
  "max-grad-norm": "1",
  "mask-probability": "0.15",
  masking: "dynamic",
  "dupe-factor": "10",
  dropout: "0",
  "initializer-range": "0.05",
  seed: "1",
  "held-out": "500",
  evaluations: "10",
  checkpoints: "6",
  keep: "1",
  resume: "auto",
  backend: "wasm",
  precision: "fp32",
  devices: "1",
} as const;

/** The flags of `kcbert-cli pretrain`. */
export const pretrainArgs: ArgsDef = {
  corpus: text(
    "file",
    "A file, or a pattern of files, of UTF-8 lines, plain or gzip; or a folder of shards from `corpus`",
  ),
  tokenizer: { ...text("folder", "The tokenizer's folder or file"), alias: "t" },
  output: { ...text("folder", "The run's folder"), alias: "o" },
  preset: text("name", `Where the flags begin: ${Object.keys(PRESETS).join(", ")}`),
  config: text("file", 'A JSON file of flags, such as {"layers": 4}; those of the command line win'),
  steps: text("n", "End after so many steps"),
  minutes: text("n", "End after so much time"),
  layers: setting("layers", "n", "Layers of the encoder"),
  hidden: setting("hidden", "n", "Width of the hidden states"),
  heads: setting("heads", "n", "Attention heads of each layer"),
  intermediate: text("n", "Width of the feed-forward layers (default: four times --hidden)"),
  "max-length": setting(
    "max-length",
    "n",
    "Tokens in a row; longer comments are cut, shorter ones share a row",
  ),
  positions: text("n", "Positions of the model (default: --max-length)"),
  buckets: text(
    "lengths",
    "Do not pack: each comment alone, in the shortest of these rows, such as 16,32,64",
  ),
  "batch-size": setting("batch-size", "n", "Rows in a batch"),
  accumulate: setting("accumulate", "n", "Batches in a step"),
  "learning-rate": setting("learning-rate", "x", "The peak learning rate"),
  schedule: setting(
    "schedule",
    "name",
    "How the learning rate falls: linear, bert, cosine, trapezoid or constant",
  ),
  warmup: setting("warmup", "part", "Part of the run that warms up"),
  cooldown: setting("cooldown", "part", "Part of the run in which a trapezoid falls"),
  "final-rate": setting("final-rate", "part", "Part of the peak that the learning rate falls to"),
  optimizer: setting("optimizer", "name", "adamw, bert-adam or lamb"),
  beta1: setting("beta1", "x", "Decay of the first moment"),
  beta2: setting("beta2", "x", "Decay of the second moment"),
  epsilon: text("x", "What keeps the optimizer's quotient finite (default: 1e-8, or 1e-6 but for adamw)"),
  "weight-decay": setting("weight-decay", "x", "Decoupled weight decay"),
  "max-grad-norm": setting("max-grad-norm", "x", "Gradients are clipped to this global norm"),
  "mask-probability": setting("mask-probability", "part", "Part of the tokens to predict"),
  masking: setting(
    "masking",
    "how",
    "dynamic: every epoch has masks of its own; static: as in Google's create_pretraining_data",
  ),
  "dupe-factor": setting("dupe-factor", "n", "With static masking: how many masks a comment has"),
  "max-predictions": text("n", "The most predictions for a row, on average over a batch (default: all)"),
  "whole-words": { type: "boolean", description: "Mask words as a whole or not at all" },
  "next-sentence": {
    type: "boolean",
    description: "Also learn whether one text follows another: lines are texts, blank lines part documents",
  },
  dropout: setting("dropout", "part", "Part of the hidden values dropped out"),
  "attention-dropout": text("part", "Part of the attention weights dropped out (default: --dropout)"),
  "initializer-range": setting("initializer-range", "x", "Deviation of the first weights"),
  seed: setting("seed", "n", "Seed of weights, order and masks"),
  "held-out": setting("held-out", "n", "Lines to test on, never learnt from"),
  samples: text("file", "Lines with [MASK] to fill in as the model learns"),
  evaluations: setting("evaluations", "n", "How often to test in the run"),
  checkpoints: setting("checkpoints", "n", "How often to keep a checkpoint in the run"),
  keep: setting("keep", "n", "How many of the latest checkpoints stay"),
  "log-every": text(
    "n",
    "Steps for each line of metrics.jsonl (default: so many that there are 10,000 lines)",
  ),
  "peak-tflops": text(
    "x",
    "What the device can at best, in TFLOP/s: shows the part of it that is used (MFU)",
  ),
  tensorboard: {
    type: "boolean",
    default: true,
    description: "Write event files for TensorBoard",
    negativeDescription: "Write no event files for TensorBoard",
  },
  resume: setting("resume", "when", "Go on with a run that is in the folder: auto, or never"),
  clean: text(
    "variant",
    "How the corpus was cleaned (2021, 2020 or 2022): kept in config.json, so that users' text is cleaned alike",
  ),
  backend: setting("backend", "name", `What computes: ${BACKENDS.join(", ")}`),
  plugin: text(
    "name",
    "With xla: cpu, cuda, tpu, or the path of a PJRT plugin (default: the best that is there)",
  ),
  precision: setting("precision", "name", "With xla: fp32, or bf16 for products of matrices in bfloat16"),
  devices: setting("devices", "n", "With xla: over how many devices a batch is divided"),
  "dry-run": { type: "boolean", description: "Tell what would be trained, and train nothing" },
  ...fieldArgs,
  json: commonArgs.json,
  quiet: commonArgs.quiet,
};

// --- internal ---

function text(valueHint: string, description: string): StringArgDef {
  return { type: "string", valueHint, description };
}

function setting(name: keyof typeof DEFAULTS, valueHint: string, description: string): StringArgDef {
  return text(valueHint, `${description} (default: ${DEFAULTS[name]})`);
}
