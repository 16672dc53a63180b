import { BertForMaskedLM, kcbertBase, randomBits } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
// @boundaries-ignore tests may share fixtures
import { cpuPluginPath } from "../../../../tests/xla/cpu_plugin.ts";
import { PjrtClient } from "../pjrt/client.ts";
import { PjrtPlugin } from "../pjrt/plugin.ts";
import { registerXlaBackendOn } from "../register.ts";
import { type CompiledProgram, jit, type JitOptions, type TensorFunction } from "./jit.ts";

const path = cpuPluginPath();

describe.skipIf(path === undefined)("jit()", () => {
  let client: PjrtClient;

  beforeAll(async () => {
    client = PjrtClient.create(await PjrtPlugin.load(path!), { cpu_device_count: 8 });
    registerXlaBackendOn(client);
  });

  beforeEach(() => tf.setBackend("xla"));

  afterEach(() => tf.disposeVariables());

  afterAll(() => {
    tf.removeBackend("xla");
    client.dispose();
  });

  test("compiles once a shape, and leaves no tensor behind", async () => {
    const programs: CompiledProgram[] = [];
    const square = jit((x) => [tf.square(x!), tf.sum(x!)], {
      onCompile: (program) => programs.push(program),
    });
    const before = tf.memory();
    for (const size of [3, 3, 2, 3]) {
      const x = tf.range(0, size, 1, "float32");
      const [squares, sum] = square(x);
      expect([...(await squares!.data())]).toEqual([0, 1, 4].slice(0, size));
      expect([...(await sum!.data())]).toEqual([size === 3 ? 3 : 1]);
      tf.dispose([x, squares!, sum!]);
    }
    expect(programs.map(({ shapes }) => shapes)).toEqual([[[3]], [[2]]]);
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    expect(tf.memory().numBytes).toBe(before.numBytes);
    square.dispose();
  });

  test("variables are arguments, and assignments results: each call sees the last one's", async () => {
    const count = tf.variable(tf.scalar(10));
    const step = jit((by) => {
      const before = tf.clone(count);
      count.assign(tf.add(count, by!) as tf.Scalar);
      count.assign(tf.add(count, 100) as tf.Scalar);
      return [before, count];
    });
    const seen: number[] = [];
    for (const by of [1, 2, 3]) {
      const results = step(tf.scalar(by));
      for (const result of results) seen.push((await result.data())[0]!);
    }
    expect(seen).toEqual([10, 111, 111, 213, 213, 316]);
    count.assign(tf.scalar(5)); // and what is assigned outside is seen inside
    expect((await step(tf.scalar(1))[1]!.data())[0]).toBe(106);
    expect(count.dataSync()[0]).toBe(106);
  });

  test("calls need not wait for one another, nor for the compilation", async () => {
    const total = tf.variable(tf.scalar(0));
    const step = jit((x) => {
      total.assign(tf.add(total, x!) as tf.Scalar);
      return [tf.mul(total, 2)];
    });
    const inputs = [1, 2, 3, 4].map((x) => tf.scalar(x));
    const results = inputs.map((x) => step(x)[0]!);
    tf.dispose(inputs); // what is on its way keeps what it needs
    const later = tf.add(total, 0.5); // and an op of its own waits for its turn
    expect(() => results[0]!.dataSync()).toThrow(
      "while the program that makes it is being compiled: await tensor.data()",
    );
    expect(await Promise.all(results.map(async (x) => (await x.data())[0]))).toEqual([2, 6, 12, 20]);
    expect((await later.data())[0]).toBe(10.5);
  });

  test("does not take the memory of a tensor that shares a variable's", async () => {
    const start = tf.tensor1d([1, 2]);
    const weight = tf.variable(start);
    const step = jit(() => {
      weight.assign(tf.mul(weight, 2));
      return [];
    });
    step();
    step();
    expect([...(await weight.data())]).toEqual([4, 8]);
    expect([...(await start.data())]).toEqual([1, 2]);
  });

  test("tensors from outside, and numbers made inside, keep their values", async () => {
    const table = tf.tensor2d(
      Array.from({ length: 3000 }, (_, i) => i),
      [1500, 2],
    );
    const long = Float32Array.from({ length: 2000 }, (_, i) => i / 2);
    const look = jit((ids) => [
      tf.gather(table, ids as tf.Tensor1D),
      tf.sum(tf.tensor1d(long)),
      tf.add(tf.tensor1d([1, 2, 3]), tf.tensor1d([7, 7, 7])),
    ]);
    for (let i = 0; i < 2; i++) {
      const [rows, sum, short] = look(tf.tensor1d([0, 1499], "int32"));
      expect([...(await rows!.data())]).toEqual([0, 1, 2998, 2999]);
      expect([...(await sum!.data())]).toEqual([long.reduce((a, b) => a + b)]);
      expect([...(await short!.data())]).toEqual([8, 9, 10]);
      if (i === 0) table.dispose(); // the program keeps it
    }
  });

  test("a jitted function inside another becomes part of it", async () => {
    const inner = jit((x) => [tf.add(x!, 1)]);
    const outer = jit((x) => inner(inner(x!)[0]!));
    expect((await outer(tf.scalar(1))[0]!.data())[0]).toBe(3);
  });

  test("says what cannot be done inside, and leaves all as it was", async () => {
    const weight = tf.variable(tf.scalar(1));
    const before = tf.memory();
    const fails = (fn: TensorFunction, message: string | RegExp) =>
      expect(() => jit(fn)(tf.scalar(1)), String(message)).toThrow(message);
    fails((x) => [tf.scalar(x!.dataSync()[0]!)], "Cannot read a tensor's numbers inside jit");
    fails((x) => {
      weight.assign(tf.add(weight, x!) as tf.Scalar);
      throw new Error("of the function's own");
    }, "of the function's own");
    fails((x) => x as unknown as tf.Tensor[], "does not return a list of tensors");
    fails((x) => {
      weight.assign(tf.stack([x!, x!]) as unknown as tf.Scalar);
      return [];
    }, "shape of the new value (2) and previous value () must match");
    expect(weight.dataSync()[0]).toBe(1);
    const after = tf.memory();
    expect(after.numDataBuffers - before.numDataBuffers).toBe(4); // the inputs
    fails(() => [tf.variable(tf.scalar(2))], "Cannot make a variable inside jit");
    let leaked: tf.Tensor | undefined;
    const leak = jit((x) => {
      leaked = tf.keep(tf.add(x!, 1));
      return [tf.clone(leaked)];
    });
    await leak(tf.scalar(1))[0]!.data();
    expect(() => leaked!.dataSync()).toThrow();
    await tf.setBackend("cpu");
    expect(() => jit((x) => [x!])(tf.scalar(1))).toThrow("Cannot run a jitted function on the backend cpu");
  });

  test("keeps as many programs as it is told", async () => {
    const shapes: number[] = [];
    const sum = jit((x) => [tf.sum(x!)], {
      shapes: 2,
      onCompile: ({ shapes: [shape] }) => shapes.push(shape![0]!),
    });
    for (const size of [1, 2, 1, 3, 1, 2]) await sum(tf.ones([size]))[0]!.data();
    expect(shapes).toEqual([1, 2, 3, 2]);
  });

  test("gives a variable's memory away where that is safe, or asked for", () => {
    const total = tf.variable(tf.scalar(0));
    const add: TensorFunction = (x) => {
      total.assign(tf.add(total, x!) as tf.Scalar);
      return [];
    };
    const one = tf.scalar(1);
    expect(jit(add).lower(one)).not.toContain("tf.aliasing_output"); // on a processor
    expect(jit(add, { donate: true }).lower(one)).toContain(
      "%arg1: tensor<f32> {tf.aliasing_output = 0 : i32}",
    );
  });

  test.each([true, false])("steps follow one another, the memory given away or not: %s", async (donate) => {
    const total = tf.variable(tf.scalar(0));
    const step = jit(
      (x) => {
        total.assign(tf.add(total, x!) as tf.Scalar);
        return [];
      },
      { donate },
    );
    for (let i = 1; i <= 4; i++) step(tf.scalar(i));
    expect((await total.data())[0]).toBe(10);
    expect(total.dataSync()[0]).toBe(10);
  });

  test("gives the text of a program for more devices than there are, but does not run it", () => {
    const sum = jit((x) => [tf.sum(x!)], { mesh: { data: 64 } });
    expect(sum.lower(tf.ones([64, 2]))).toContain("mhlo.num_partitions = 64");
    expect(() => sum(tf.ones([64, 2]))).toThrow("Cannot divide the batch over 64 devices");
  });

  test("refuses a mesh of more devices than there are", () => {
    expect(() => jit((x) => [x!], { mesh: { data: 9 } })(tf.ones([9]))).toThrow(
      "Cannot divide the batch over 9 devices: the backend has 8, of the platform cpu",
    );
  });

  describe("twenty steps of training", () => {
    const sizes = {
      vocabSize: 96,
      hiddenSize: 32,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 64,
    };
    const config = { ...kcbertBase, ...sizes, maxPositionEmbeddings: 16 };

    /** Losses and parameters of AdamW-like steps on two batches. */
    async function train(backend: string, options: JitOptions & { rate?: number } = {}) {
      await tf.setBackend(backend);
      const rate = options.rate ?? 0;
      const model = BertForMaskedLM.init(
        { ...config, hiddenDropoutProb: rate, attentionProbsDropoutProb: rate },
        { seed: 1 },
      );
      const parameters = [...model.parameters.values()];
      const moments = parameters.map((p) => tf.variable(tf.zeros(p.shape), false));
      const step: TensorFunction = (ids, segments, positions, labels, draw) =>
        tf.tidy(() => {
          const mask = tf.equal(tf.expandDims(segments!, 2), tf.expandDims(segments!, 1));
          const { value, grads } = tf.variableGrads(
            () =>
              model.loss({ inputIds: ids as tf.Tensor2D, attentionMask: mask }, labels!, {
                maskedPositions: positions as tf.Tensor1D,
                dropout: { seed: 4, step: draw as tf.Scalar },
              }),
            parameters,
          );
          for (const [i, parameter] of parameters.entries()) {
            const gradient = grads[parameter.name];
            if (gradient === undefined) continue;
            const moment = tf.add(tf.mul(moments[i]!, 0.9), gradient);
            moments[i]!.assign(moment);
            parameter.assign(tf.sub(parameter, tf.mul(moment, 0.02)));
          }
          return [value];
        });
      const divided = options.divided === undefined ? {} : { divided: new Set(moments) };
      const run = backend === "xla" ? jit(step, { ...options, ...divided }) : step;
      const losses: number[] = [];
      for (let i = 0; i < 20; i++) {
        const words = randomBits(1, i % 2, "words", 8 * 16);
        const inputs = [
          tf.tensor2d(
            Int32Array.from(words, (word) => word % 96),
            [8, 16],
            "int32",
          ),
          tf.tensor2d(
            Int32Array.from(words, (_, j) => Math.floor((j % 16) / 6)),
            [8, 16],
            "int32",
          ),
          tf.tensor1d(
            Int32Array.from({ length: 16 }, (_, j) => 8 * j + (j % 8)),
            "int32",
          ),
          tf.tensor1d(
            Int32Array.from({ length: 16 }, (_, j) => (j === 7 ? -100 : words[100 + j]! % 96)),
            "int32",
          ),
          tf.scalar(i, "int32"),
        ];
        const [loss] = run(...inputs);
        losses.push((await loss!.data())[0]!);
        tf.dispose([...inputs, loss!]);
      }
      const numbers = await Promise.all(parameters.map((p) => p.data()));
      tf.dispose([...parameters, ...moments]);
      return { losses, numbers: numbers.flatMap((each) => [...each]) };
    }

    const largestDifference = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((largest, x, i) => Math.max(largest, Math.abs(x - b[i]!)), 0);

    test.each([0, 0.1])("equal those of the backend cpu to 1e-4, with dropout %d", async (rate) => {
      const expected = await train("cpu", { rate });
      const actual = await train("xla", { rate });
      expect(expected.losses[18]! - expected.losses[0]!).toBeLessThan(-0.5); // it learns
      expect(largestDifference(actual.losses, expected.losses)).toBeLessThan(1e-4);
      expect(largestDifference(actual.numbers, expected.numbers)).toBeLessThan(1e-4);
    });

    test("in bfloat16 come near, with float32 weights", async () => {
      const expected = await train("xla");
      const actual = await train("xla", { precision: "bf16" });
      expect(largestDifference(actual.losses, expected.losses)).toBeLessThan(0.05);
      expect(largestDifference(actual.losses, expected.losses)).toBeGreaterThan(0);
      expect(actual.losses[18]! - actual.losses[0]!).toBeLessThan(-0.5);
    });

    test("are the same on eight devices, with divided moments too", async () => {
      const one = await train("xla", { rate: 0.1 });
      for (const options of [{}, { divided: new Set<tf.Variable>() }]) {
        const eight = await train("xla", { rate: 0.1, mesh: { data: 8 }, ...options });
        expect(largestDifference(eight.losses, one.losses)).toBeLessThan(1e-5);
        expect(largestDifference(eight.numbers, one.numbers)).toBeLessThan(1e-5);
      }
    });
  });
});
