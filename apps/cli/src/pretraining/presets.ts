/**
 * Recipes with a name: what the flags are where the command line and `--config` say nothing.
 */

/** Flags by name, as they would be written. */
export type FlagValues = Readonly<Record<string, string | boolean>>;

/** As KcBERT was pretrained with google-research/bert (static masks, Adam without bias correction). */
const ORIGINAL: FlagValues = {
  "max-length": "128",
  positions: "300",
  "batch-size": "256",
  steps: "1000000",
  "learning-rate": "1e-4",
  schedule: "bert",
  warmup: "0.01",
  optimizer: "bert-adam",
  "mask-probability": "0.15",
  masking: "static",
  "max-predictions": "20",
  dropout: "0.1",
  "initializer-range": "0.02",
};

/** Sizes of "Well-Read Students Learn Better" (arXiv 1908.08962), for a machine without an accelerator. */
const COMPACT: FlagValues = {
  "max-length": "128",
  "batch-size": "32",
  schedule: "linear",
  warmup: "0.06",
  optimizer: "adamw",
  "initializer-range": "0.02",
  "mask-probability": "0.15",
};

/** The presets of `kcbert-cli pretrain`. */
export const PRESETS: Readonly<Record<string, FlagValues>> = {
  "kcbert-base": { ...ORIGINAL, layers: "12", hidden: "768", heads: "12" },
  "kcbert-large": { ...ORIGINAL, layers: "24", hidden: "1024", heads: "16" },
  small: { ...COMPACT, layers: "4", hidden: "512", heads: "8", "learning-rate": "5e-4" },
  mini: { ...COMPACT, layers: "4", hidden: "256", heads: "4", "learning-rate": "1e-3" },
  /** KcBERT Base in a day: masks and batches of MosaicBERT (arXiv 2312.17482), no dropout as in Cramming (2212.14034). */
  modern: {
    layers: "12",
    hidden: "768",
    heads: "12",
    "max-length": "128",
    positions: "300",
    "batch-size": "512",
    accumulate: "8",
    steps: "70000",
    "learning-rate": "5e-4",
    schedule: "linear",
    warmup: "0.06",
    "final-rate": "0.02",
    optimizer: "adamw",
    beta2: "0.98",
    epsilon: "1e-6",
    "weight-decay": "1e-5",
    "mask-probability": "0.3",
    dropout: "0",
    "initializer-range": "0.02",
  },
};
