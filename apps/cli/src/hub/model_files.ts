import { matchesGlob } from "node:path";

/** Files of a model folder beside its weights; a folder has some of them. */
export const FOLDER_FILES: readonly string[] = [
  "config.json",
  "vocab.txt",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "README.md",
];

/** Files of weights, the best first; one of them is enough, an index with the shards that it names. */
export const WEIGHT_FILES: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "model.int8.safetensors",
  "model.int4.safetensors",
];

/**
 * The names that one of the patterns (`*.json`, `1_Pooling/*`, `config.json`) matches. A pattern without a slash looks
 * at the names of files in folders as well, as `hf download --include` does.
 */
export function matching(names: readonly string[], patterns: readonly string[]): string[] {
  return names.filter((name) =>
    patterns.some((pattern) => {
      const whole = pattern.endsWith("/") ? `${pattern}**` : pattern;
      return matchesGlob(name, whole) || (!whole.includes("/") && matchesGlob(name, `**/${whole}`));
    }),
  );
}
