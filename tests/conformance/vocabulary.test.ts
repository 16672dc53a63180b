/** Folders whose vocabulary does not fit the model: decided where tokenizer and model meet. */
import { loadFillMask } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";
import { goldenBertFolder, goldenBertText } from "../golden/bert.ts";

interface Verdict {
  path: string;
  verdict: "load" | "refuse" | "either";
  what: string;
}

const { entries } = JSON.parse(goldenBertText("formats-manifest.json")) as { entries: Verdict[] };
const cases = entries.filter(
  ({ path }) => path.startsWith("malformed/checkpoints/vocab-") && !path.endsWith("-size"),
);

beforeAll(() => tf.setBackend("cpu"));

test("all are there", () => expect(cases).toHaveLength(5));

test.each(cases)("$verdict $path: $what", async ({ path, verdict }) => {
  const before = tf.memory().numTensors;
  const outcome = await loadFillMask(goldenBertFolder(path)).catch((error: unknown) => error);
  if (outcome instanceof Error) {
    expect(verdict).not.toBe("load");
    expect(outcome.message).toMatch(/^Cannot /);
  } else {
    expect(verdict).not.toBe("refuse");
    const pipeline = outcome as Awaited<ReturnType<typeof loadFillMask>>;
    const { tokenizer } = pipeline;
    if (path.endsWith("vocab-prototype")) {
      expect(["__proto__", "constructor", "toString"].map((token) => tokenizer.tokenToId(token))).toEqual([
        5, 6, 7,
      ]);
      expect([...tokenizer.encode("valueOf").ids]).toEqual([
        tokenizer.clsId,
        tokenizer.unkId,
        tokenizer.sepId,
      ]);
    }
    pipeline.dispose();
  }
  expect(tf.memory().numTensors).toBe(before);
});
