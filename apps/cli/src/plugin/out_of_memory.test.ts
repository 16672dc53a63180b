import { PjrtOutOfMemoryError } from "@kcbert/xla";
import { expect, test } from "vitest";
import { CliError } from "../failure.ts";
import { adviseBatch } from "./out_of_memory.ts";

const SIZES = { batchSize: 256, accumulate: 1 };
const failing = (error: Error) =>
  adviseBatch(SIZES, async () => {
    throw error;
  });

test("the batch that would fit is told, with as many batches a step as make up for it", async () => {
  const reason = "Ran out of memory in memory space hbm. Used 35.30G of 15.75G hbm.";
  const error = new PjrtOutOfMemoryError("Cannot compile the program", reason);
  await expect(failing(error)).rejects.toThrow(
    new CliError(
      `Cannot compile the program as it asks for 35.30 GiB, and the device has 15.75 GiB for it: ${reason} (RESOURCE_EXHAUSTED); --batch-size 114 --accumulate 3 would fit`,
    ),
  );
});

test("without figures, that a smaller one is the way", async () => {
  const error = new PjrtOutOfMemoryError("Cannot run the program", "No room");
  await expect(failing(error)).rejects.toThrow(
    "; a smaller --batch-size than 256 takes less, with a greater --accumulate for the same step",
  );
});

test("in fine-tuning, where nothing is accumulated, learning and scoring have a batch each", async () => {
  const failing = (evaluationBatchSize: number | undefined, reason: string) =>
    adviseBatch({ batchSize: 64, evaluationBatchSize }, async () => {
      throw new PjrtOutOfMemoryError("Cannot run the program", reason);
    });
  const figures = "Ran out of memory in memory space hbm. Used 32.00G of 16.00G hbm.";
  await expect(failing(undefined, figures)).rejects.toThrow(
    "; --batch-size 32 --evaluation-batch-size 256 would fit",
  );
  await expect(failing(128, figures)).rejects.toThrow(
    "; --batch-size 32 --evaluation-batch-size 64 would fit",
  );
  await expect(failing(128, "No room")).rejects.toThrow(
    "; a smaller --batch-size than 64 takes less, or a smaller --evaluation-batch-size than 128",
  );
});

test("all else passes", async () => {
  const error = new RangeError("else");
  await expect(failing(error)).rejects.toBe(error);
  expect(await adviseBatch(SIZES, async () => 7)).toBe(7);
});
