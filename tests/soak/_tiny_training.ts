import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cli } from "./_processes.ts";
import { sample } from "./_real_comments.ts";

/** What a training needs, made by `kcbert-cli` of the first lines of the sample. */
export interface TinyTraining {
  /** The lines, cleaned. */
  readonly corpus: string;
  /** A tokenizer trained on them. */
  readonly tokenizer: string;
}

/** Clean the sample, keep its first lines, train a tokenizer on them. */
export async function tinyTraining(folder: string, lines: number): Promise<TinyTraining> {
  const [cleaned, corpus, tokenizer] = ["cleaned.txt", "corpus.txt", "tokenizer"].map((name) =>
    join(folder, name),
  );
  await cli(
    "clean",
    fileURLToPath(sample),
    "--column",
    "3",
    "--min-length",
    "10",
    "--dedupe",
    "-o",
    cleaned!,
  );
  const kept = readFileSync(cleaned!, "utf8").split("\n", lines);
  writeFileSync(corpus!, `${kept.join("\n")}\n`);
  await cli("train-tokenizer", corpus!, "--vocab-size", "2000", "-o", tokenizer!);
  return { corpus: corpus!, tokenizer: tokenizer! };
}

/** The words of `kcbert-cli pretrain` that train a model of two narrow layers. */
export function pretrainWords(
  { corpus, tokenizer }: TinyTraining,
  output: string,
  ...more: string[]
): string[] {
  const data = ["--corpus", corpus, "--tokenizer", tokenizer, "--output", output, "--clean", "2021"];
  const size = "--layers 2 --hidden 32 --heads 2 --max-length 32 --batch-size 4 --held-out 50";
  return ["pretrain", ...data, ...size.split(" "), ...more];
}
