/** Filling masks while a task is learnt, so that one folder does both. */
import type { BertForMaskedLM, PretrainedSource } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { Alongside, LineShards } from "@kcbert/trainer";
import { CliError, sentence } from "../failure.ts";

/** What the masked language model goes on learning from. */
export interface KeepMaskedLm {
  /** Cleaned lines as ids. */
  readonly corpus: LineShards;
  /** Its loss counts so much beside the task's. */
  readonly weight: number;
  /** Packed rows of each step. */
  readonly rows: number;
}

/** A masked language model that goes on learning. */
export interface KeptMaskedLm {
  readonly model: BertForMaskedLM;
  readonly alongside: Alongside;
}

/**
 * Load the masked language model of a folder, to learn alongside.
 *
 * @throws {CliError} If the folder has none.
 */
export async function keepMaskedLm(
  { corpus, weight, rows }: KeepMaskedLm,
  {
    source,
    tokenizer,
    name,
    seed,
    signal,
  }: {
    source: PretrainedSource;
    tokenizer: BertTokenizer;
    name: string;
    seed: number;
    signal: AbortSignal;
  },
): Promise<KeptMaskedLm> {
  const { BertForMaskedLM } = await import("@kcbert/bert");
  const { BatchLoader, maskedLmAlongside, specialIdsOf } = await import("@kcbert/trainer");
  let missing: readonly string[] = [];
  const model = await BertForMaskedLM.fromPretrained(source, {
    signal,
    onReport: (report) => (missing = report.missing),
  }).catch((cause: unknown) => {
    throw new CliError(`Cannot load the model ${name}: ${sentence(cause)}`, { cause });
  });
  if (missing.length > 0) {
    model.dispose();
    throw new CliError(
      `Cannot keep the masked language model of ${name} as it has none: it lacks ${missing[0]}`,
    );
  }
  const { maxPositionEmbeddings, vocabSize } = model.config;
  const loader = new BatchLoader(corpus, {
    batchSize: rows,
    rowLength: Math.min(ROW_LENGTH, maxPositionEmbeddings),
    seed,
    padId: tokenizer.padId,
    masking: { maskId: tokenizer.maskId, specialIds: specialIdsOf(tokenizer), vocabSize, probability: 0.15 },
  });
  return { model, alongside: maskedLmAlongside(model, loader, { weight }) };
}

// --- internal ---

/** Tokens in a packed row. */
const ROW_LENGTH = 128;
