import type { PjrtOutOfMemoryError } from "@kcbert/xla";
import { CliError, sentence } from "../failure.ts";

/**
 * Train, and if the device's memory does not suffice, say which batch would fit, as far as XLA tells.
 *
 * @param sizes Rows in a batch, and batches in a step.
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
  readonly accumulate: number;
}

/** By its name: a training on another backend does not load XLA. */
function isOutOfMemory(error: unknown): error is PjrtOutOfMemoryError {
  return error instanceof Error && error.name === "PjrtOutOfMemoryError";
}

function advice(error: PjrtOutOfMemoryError, { batchSize, accumulate }: BatchSizes): CliError {
  const fitting = error.fittingBatch(batchSize);
  const batches = fitting === undefined ? "" : Math.ceil((batchSize * accumulate) / fitting);
  const told =
    fitting === undefined
      ? `a smaller --batch-size than ${batchSize} takes less, with a greater --accumulate for the same step`
      : `--batch-size ${fitting} --accumulate ${batches} would fit`;
  return new CliError(`${sentence(error)}; ${told}`, { cause: error });
}
