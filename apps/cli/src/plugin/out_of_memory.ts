import type { PjrtOutOfMemoryError } from "@kcbert/xla";
import { CliError, sentence } from "../failure.ts";

/**
 * Train, and if the device's memory does not suffice, say which batch would fit, as far as XLA tells.
 *
 * @param sizes Rows in a batch; batches in a step, where there can be several; rows when scoring, where they can be chosen.
 */
export async function adviseBatch<T>(sizes: BatchSizes, train: () => Promise<T>): Promise<T> {
  try {
    return await train();
  } catch (error) {
    throw isOutOfMemory(error) ? advice(error, sizes) : error;
  }
}

// --- internal ---

interface BatchSizes {
  readonly batchSize: number;
  readonly accumulate?: number;
  readonly evaluationBatchSize?: number | undefined;
}

/** By its name: a training on another backend does not load XLA. */
function isOutOfMemory(error: unknown): error is PjrtOutOfMemoryError {
  return error instanceof Error && error.name === "PjrtOutOfMemoryError";
}

function advice(error: PjrtOutOfMemoryError, sizes: BatchSizes): CliError {
  const told =
    "evaluationBatchSize" in sizes ? whileFinetuning(error, sizes) : whilePretraining(error, sizes);
  return new CliError(`${sentence(error)}; ${told}`, { cause: error });
}

function whilePretraining(error: PjrtOutOfMemoryError, { batchSize, accumulate = 1 }: BatchSizes): string {
  const fitting = error.fittingBatch(batchSize);
  if (fitting === undefined)
    return `a smaller --batch-size than ${batchSize} takes less, with a greater --accumulate for the same step`;
  const batches = Math.ceil((batchSize * accumulate) / fitting);
  return `--batch-size ${fitting} --accumulate ${batches} would fit`;
}

/** It may be learning or scoring that took too much: XLA does not tell. */
function whileFinetuning(
  error: PjrtOutOfMemoryError,
  { batchSize, evaluationBatchSize = 512 }: BatchSizes,
): string {
  const [learning, scoring] = [batchSize, evaluationBatchSize].map((rows) => error.fittingBatch(rows));
  return learning === undefined
    ? `a smaller --batch-size than ${batchSize} takes less, or a smaller --evaluation-batch-size than ${evaluationBatchSize}`
    : `--batch-size ${learning} --evaluation-batch-size ${scoring} would fit`;
}
