import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BertConfig, LoadReport } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { PretrainableModel, TokenizedLines } from "@kcbert/trainer";
import { CliError, fileError } from "../failure.ts";
import { modelFolder } from "../model_folder.ts";

const TOKENIZER_FILES = ["vocab.txt", "tokenizer.json", "tokenizer_config.json"];

/** What a fresh model is made with. */
export interface ModelNeeds {
  /** Whether it has a head for pairs. */
  readonly nextSentence: boolean;
  /** Of the first weights. */
  readonly seed: number;
  readonly tokenizer: BertTokenizer;
  /** Lines whose words are counted, for the first output bias. */
  readonly sample: TokenizedLines;
}

/**
 * A fresh model, or the one that the run had come to.
 *
 * @param checkpoint The folder to go on from, if there is one.
 * @param wanted The dimensions that the recipe asks for.
 * @throws {CliError} If the checkpoint is of another model.
 */
export async function loadModel(
  checkpoint: string | undefined,
  wanted: Partial<BertConfig>,
  { nextSentence, seed, tokenizer, sample }: ModelNeeds,
): Promise<PretrainableModel> {
  const { BertForMaskedLM, BertForPreTraining, checkBertConfig, kcbertBase } = await import("@kcbert/bert");
  const { specialIdsOf, startFromUnigrams, unigramCosts } = await import("@kcbert/trainer");
  const config = checkBertConfig({ ...kcbertBase, ...wanted });
  if (checkpoint === undefined) {
    const model = nextSentence
      ? BertForPreTraining.init(config, { seed })
      : BertForMaskedLM.init(config, { seed });
    const costs = unigramCosts(sample, { vocabSize: config.vocabSize, specialIds: specialIdsOf(tokenizer) });
    startFromUnigrams(model, costs);
    return model;
  }
  let missing: readonly string[] = [];
  const how = { onReport: (report: LoadReport) => (missing = report.missing) };
  const source = modelFolder(checkpoint);
  const model = await (nextSentence
    ? BertForPreTraining.fromPretrained(source, how)
    : BertForMaskedLM.fromPretrained(source, how));
  const difference = differenceOf(model.config, wanted);
  if (difference === undefined && missing.length === 0) return model;
  model.dispose();
  if (difference === undefined)
    throw new CliError(`Cannot go on from ${checkpoint}: it lacks ${missing.join(", ")}`);
  throw new CliError(`Cannot go on from ${checkpoint}: ${difference}; name another --output to begin anew`);
}

/** The tokenizer's own files, so that the model's folder is whole; made where there is only a vocabulary. */
export async function readTokenizerFiles(
  path: string,
  tokenizer: BertTokenizer,
  maxLength: number,
): Promise<Map<string, Uint8Array>> {
  const { formatTokenizerConfig } = await import("@kcbert/tokenizer");
  const encoder = new TextEncoder();
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

// --- internal ---

/** The first entry in which a config is not what the flags say. */
function differenceOf(found: BertConfig, wanted: Partial<BertConfig>): string | undefined {
  const other = (Object.keys(wanted) as (keyof BertConfig)[]).find(
    (name) => (found[name] ?? null) !== (wanted[name] ?? null),
  );
  if (other === undefined) return undefined;
  return `its ${other} is ${JSON.stringify(found[other] ?? null)}, and ${JSON.stringify(wanted[other] ?? null)} is asked for`;
}
