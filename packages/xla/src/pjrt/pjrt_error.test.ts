import { expect, test } from "vitest";
import { PjrtError, PjrtOutOfMemoryError } from "./pjrt_error.ts";

test("an error says what was being done, XLA's words and XLA's code", () => {
  const error = new PjrtError("Cannot run the program", 3, "Execution supplied 2 buffers\n");
  expect(String(error)).toBe(
    "PjrtError: Cannot run the program: Execution supplied 2 buffers (INVALID_ARGUMENT)",
  );
  expect(new PjrtError("Cannot", 99, "").message).toBe("Cannot: no reason given (UNKNOWN)");
});

/** As the TPU compiler, the GPU's allocator and the CPU's put it. */
test.each([
  [
    "Ran out of memory in memory space hbm. Used 35.30G of 15.75G hbm. Exceeded hbm capacity by 19.55G.",
    undefined,
    [37_903_086_387, 16_911_433_728, 114],
    "it asks for 35.30 GiB, and the device has 15.75 GiB for it",
  ],
  [
    "Out of memory while trying to allocate 12884901888 bytes.",
    { inUse: 2 ** 32, limit: 2 ** 33 },
    [12_884_901_888, 2 ** 32, 85],
    "it asks for 12.00 GiB, and the device has 4.00 GiB for it",
  ],
  [
    "Out of memory while trying to allocate 1.50GiB.",
    { inUse: 0, limit: 2 ** 26 },
    [1_610_612_736, 2 ** 26, 10],
    "it asks for 1.50 GiB, and the device has 64.0 MiB for it",
  ],
  [
    "Out of memory allocating 4398046511104 bytes.",
    undefined,
    [4_398_046_511_104, undefined, undefined],
    "it asks for 4096.00 GiB",
  ],
  ["Attempting to reserve too much", undefined, [undefined, undefined, undefined], ""],
] as const)("out of memory: %s", (reason, memory, [requested, available, batch], told) => {
  const error = new PjrtOutOfMemoryError("Cannot run the program", reason, memory);
  expect([error.requested, error.available, error.fittingBatch(256)]).toEqual([requested, available, batch]);
  expect(error.message).toBe(
    `Cannot run the program${told && ` as ${told}`}: ${reason} (RESOURCE_EXHAUSTED)`,
  );
  expect(error).toBeInstanceOf(PjrtError);
});
