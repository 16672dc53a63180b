import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { startBackend } from "./backend.ts";
import { passesSelfTest } from "./backends/self_test.ts";

afterEach(() => tf.setBackend("cpu"));

describe("passesSelfTest()", () => {
  test.each(["cpu", "wasm"] as const)("the backend %s passes, and leaves nothing behind", async (name) => {
    await startBackend(name);
    const before = tf.memory().numTensors;
    expect(await passesSelfTest(undefined)).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("what computes a little wrong fails", async () => {
    await startBackend("cpu");
    const wrong =
      (fn: (...x: tf.Tensor[]) => tf.Tensor[]) =>
      (...x: tf.Tensor[]) =>
        tf.tidy(() => fn(...x).map((y) => tf.mul(y, 1.01)));
    expect(await passesSelfTest(wrong)).toBe(false);
    expect(await passesSelfTest(wrong, "bf16")).toBe(true); // no farther off than bfloat16 may be
  });
});

describe("startBackend()", () => {
  test.each([
    [{ precision: "bf16" }, "Cannot use --precision bf16 with the backend wasm: it is for xla"],
    [{ devices: 2 }, "Cannot use --devices 2 with the backend wasm: it is for xla"],
    [{ plugin: "cuda" }, "Cannot use --plugin cuda with the backend wasm: it is for xla"],
  ] as const)("refuses %o where it means nothing", async (options, message) => {
    await expect(startBackend("wasm", options)).rejects.toThrow(message);
  });

  test("says which package a backend needs", async () => {
    await expect(startBackend("tensorflow")).rejects.toThrow("npm install @tensorflow/tfjs-node");
  });

  test("auto takes the fastest that works, and says why not a faster one", async () => {
    const told: string[] = [];
    const { KCBERT_PJRT_PLUGIN, KCBERT_PYTHON, KCBERT_XLA_CACHE } = process.env;
    Object.assign(process.env, {
      KCBERT_PJRT_PLUGIN: "",
      KCBERT_PYTHON: "none",
      KCBERT_XLA_CACHE: "/nowhere",
    });
    try {
      await startBackend("auto", { say: (sentence) => told.push(sentence) });
    } finally {
      for (const [name, value] of Object.entries({ KCBERT_PJRT_PLUGIN, KCBERT_PYTHON, KCBERT_XLA_CACHE })) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect(tf.getBackend()).toBe("wasm");
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^Taking the backend wasm, the fastest that works here; .*Google TPUs.*NVIDIA GPUs/,
    );
  });
});
