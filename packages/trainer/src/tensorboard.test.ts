import { expect, test } from "vitest";
import { tensorBoardEvents, tensorBoardHeader } from "./tensorboard.ts";

/** `Event`s of TensorBoard 2.21's `event_pb2`, in records of its `RecordWriter`. */
const GOLDEN =
  "1800000000000000a37f4b2209000000000000d03f1a0d627261696e2e4576656e743a320f5aa63b300000000000000095f5d05f09000000000000f83f10ac022a220a110a0a747261696e2f6c6f737315000020400a0d0a06ec8690ec8ba415000000be87a1dc2b";

test("tensorBoardEvents() writes the bytes that TensorBoard's own writer writes", () => {
  const scalars = { "train/loss": 2.5, 손실: -0.125 };
  const bytes = [tensorBoardHeader(250), tensorBoardEvents([{ time: 1500, step: 300, scalars }])];
  expect(bytes.map((part) => Buffer.from(part).toString("hex")).join("")).toBe(GOLDEN);
});

test("a step beyond 32 bits, and no event at all", () => {
  const bytes = tensorBoardEvents([{ time: 0, step: 2 ** 40, scalars: {} }]);
  expect([...bytes.subarray(12 + 9, -4)]).toEqual([16, 128, 128, 128, 128, 128, 32, 42, 0]);
  expect(tensorBoardEvents([])).toEqual(new Uint8Array());
});
