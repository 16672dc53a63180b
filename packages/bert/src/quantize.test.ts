import { createWasmBackend } from "@kcbert/kernels";
import { readSafetensors, toInt32, writeSafetensors } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertFolder } from "../../../tests/golden/bert.ts";
import {
  areWithinWeights,
  dequantizeGroups,
  dequantizeRows,
  quantizeGroups,
  quantizeRows,
} from "./_quantized_numbers.ts";
import {
  type BertConfig,
  BertForMaskedLM,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  type BertInputs,
  BertModel,
  type BertPreTrainedModel,
  kcbertBase,
  type PretrainedSource,
  quantize,
  type QuantizeOptions,
  truncatedNormal,
} from "./mod.ts";
import { gelu } from "./ops/activations.ts";
import { QUANTIZED_LINEAR } from "./quantized_matrix.ts";

const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 2500, // three blocks of the decoder
  hiddenSize: 48,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  intermediateSize: 100,
  maxPositionEmbeddings: 20,
  initializerRange: 0.1,
};
const KINDS = [
  ["int8", {}],
  ["int4", { groupSize: 32 }],
  ["int4", { groupSize: 64 }],
] as const satisfies [kind: string, options: QuantizeOptions][];

type Folder = Map<string, Uint8Array>;

beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(() => tf.setBackend(backend));

  test.each(KINDS)(
    "%s %o: what is saved is loaded, bit for bit, and leaves no tensor behind",
    async (kind, options) => {
      const before = tf.memory().numTensors;
      const model = BertForPreTraining.init(CONFIG, { seed: 1 });
      const small = await quantize(model, kind, options);
      expect(small).toBeInstanceOf(BertForPreTraining);
      const said = predict(small);
      expect(predict(model)).not.toEqual(said); // the original is what it was
      model.dispose();

      const folder = await saved(small);
      expect([...folder.keys()]).toEqual([`model.${kind}.safetensors`, "config.json"]);
      for (const source of [sourceOf(folder), streamOf(folder), sourceOf(await saved(small, 40_000))]) {
        const again = await BertForPreTraining.fromPretrained(source);
        expect(predict(again)).toEqual(said);
        expect(await saved(again)).toEqual(folder);
        again.dispose();
      }
      small.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test("shards have an index", async () => {
    const model = BertModel.init(CONFIG, { seed: 1 });
    const small = await quantize(model, "int8");
    const names = [...(await saved(small, 40_000)).keys()];
    model.dispose();
    small.dispose();
    expect(names).toContain("model.int8.safetensors.index.json");
    expect(names.some((name) => /^model\.int8-00002-of-0000\d\.safetensors$/.test(name))).toBe(true);
  });

  test("a quantised folder gives other heads their encoder", async () => {
    const before = tf.memory().numTensors;
    const model = BertForMaskedLM.init(CONFIG, { seed: 1 });
    const small = await quantize(model, "int8");
    const folder = await saved(small);
    model.dispose();
    small.dispose();
    const reports: unknown[] = [];
    const onReport = (report: unknown): unknown => reports.push(report);
    const bare = await BertModel.fromPretrained(sourceOf(folder), { pooler: false, onReport });
    const classes = await BertForSequenceClassification.fromPretrained(sourceOf(folder), {
      config: { numLabels: 3 },
      onReport,
    });
    expect(reports).toMatchObject([
      { missing: [] },
      {
        missing: [
          "bert.pooler.dense.weight",
          "bert.pooler.dense.bias",
          "classifier.weight",
          "classifier.bias",
        ],
      },
    ]);
    expect(classes.matrices.get("bert.encoder.layer.1.output.dense.weight")!.shape).toEqual([48, 100]);
    bare.dispose();
    classes.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a frozen model says the same, keeps the table out of the backend, and is saved as it was", async () => {
    const model = BertForMaskedLM.init(CONFIG, { seed: 1 });
    const folder = await saved(model);
    const said = predict(model);
    model.dispose();
    const before = tf.memory();
    const frozen = await BertForMaskedLM.fromPretrained(sourceOf(folder), { frozen: true });
    const held = tf.memory().numBytes - before.numBytes;
    const plain = await BertForMaskedLM.fromPretrained(sourceOf(folder));
    const all = tf.memory().numBytes - before.numBytes - held;
    expect(all - held).toBe(4 * CONFIG.vocabSize * CONFIG.hiddenSize);
    expect(predict(frozen)).toEqual(said);
    expect(await saved(frozen)).toEqual(folder);
    const [a, b] = [await quantize(frozen, "int4"), await quantize(plain, "int4")];
    expect(await saved(a)).toEqual(await saved(b));
    for (const model of [frozen, plain, a, b]) model.dispose();
    expect(tf.memory().numTensors).toBe(before.numTensors);
  });

  // Just below what is found. The weights are random and the models tiny, so errors grow from layer to layer, and do
  // not average out: a trained model keeps far closer (README). On wasm activations are rounded too, elsewhere they are floats.
  test.each([
    ["mlm", (source) => BertForMaskedLM.fromPretrained(source), [0.998, 0.93, 0.92]],
    ["pretraining", (source) => BertForPreTraining.fromPretrained(source), [0.998, 0.97, 0.96]],
    ["cls3", (source) => BertForSequenceClassification.fromPretrained(source), [0.994, 0.94, 0.92]],
    ["multilabel", (source) => BertForSequenceClassification.fromPretrained(source), [0.996, 0.8, 0.7]],
    ["tokcls", (source) => BertForTokenClassification.fromPretrained(source), [0.997, 0.85, 0.83]],
    ["qa", (source) => BertForQuestionAnswering.fromPretrained(source), [0.999, 0.98, 0.98]],
  ] satisfies [string, (source: PretrainedSource) => Promise<BertPreTrainedModel>, number[]][])(
    "golden %s: the logits point where they did",
    async (name, load, least) => {
      const model = await load(goldenBertFolder(`${name}/model`));
      const inputs = goldenInputs(name);
      const said = predict(model, inputs);
      const found: number[] = [];
      for (const [kind, options] of KINDS) {
        const small = await quantize(model, kind, options);
        found.push(cosine(said, predict(small, inputs)));
        small.dispose();
      }
      tf.dispose({ ...inputs });
      model.dispose();
      if (process.env["QUANTISATION_TABLE"] !== undefined) {
        process.stdout.write(`${name} ${backend} ${found.map((value) => value.toFixed(6)).join(" ")}\n`);
      }
      for (const [i, bound] of least.entries()) expect(found[i]).toBeGreaterThan(bound);
      expect(found[0]).toBeGreaterThan(found[1]!); // more bits say more
    },
  );
});

// Random weights again: of 600 scores that mean nothing the best two are close, so small errors change the first choice.
test("golden mlm: the files are smaller, and first choices the same as far as that goes", async () => {
  await tf.setBackend("cpu");
  const model = await BertForMaskedLM.fromPretrained(goldenBertFolder("mlm/model"));
  const inputs = goldenInputs("mlm");
  const { vocabSize } = model.config;
  const firstChoices = (model: BertForMaskedLM): number[] => {
    const logits = predict(model, inputs);
    return Array.from({ length: logits.length / vocabSize }, (_, row) => {
      const scores = logits.slice(row * vocabSize, (row + 1) * vocabSize);
      return scores.indexOf(Math.max(...scores));
    });
  };
  const choices = firstChoices(model);
  expect(new Set(choices).size).toBeGreaterThan(40); // not one for all
  const size = async (model: BertForMaskedLM): Promise<number> =>
    [...(await saved(model)).values()][0]!.length;
  const whole = await size(model);
  const found: [share: number, agreement: number][] = [];
  for (const [kind, options] of KINDS) {
    const small = await quantize(model, kind, options);
    const agreement =
      firstChoices(small).filter((choice, i) => choice === choices[i]).length / choices.length;
    found.push([(await size(small)) / whole, agreement]);
    small.dispose();
  }
  tf.dispose({ ...inputs });
  model.dispose();
  if (process.env["QUANTISATION_TABLE"] !== undefined) {
    process.stdout.write(`mlm size and first choices ${JSON.stringify(found)} of ${choices.length}\n`);
  }
  for (const [share] of found) expect(share).toBeLessThan(0.4);
  for (const [i, least] of [0.9, 0.44, 0.44].entries()) expect(found[i]![1]).toBeGreaterThan(least);
});

test("a kernel of the backend takes the place of dequantising", async () => {
  await tf.setBackend("cpu");
  const models: BertForMaskedLM[] = [];
  for (const [kind, options] of KINDS) {
    models.push(await quantize(BertForMaskedLM.init(CONFIG, { seed: 1 }), kind, options));
  }
  const slow = models.map((model) => predict(model));
  const asked: unknown[] = [];
  tf.registerKernel({
    kernelName: QUANTIZED_LINEAR,
    backendName: "cpu",
    kernelFunc: ({ inputs, attrs }) => {
      const { bits, rows, columns, groupSize } = attrs as unknown as Record<string, number>;
      const { activation } = attrs as unknown as { activation: string };
      const { x, bias, values, scales } = inputs as Record<string, tf.Tensor>;
      asked.push(bits);
      const bytes = new Uint8Array((values!.dataSync() as Int32Array).slice().buffer);
      const weight = (row: number, column: number): number => {
        const scale =
          scales!.dataSync()[row * Math.ceil(columns! / groupSize!) + Math.floor(column / groupSize!)]!;
        if (bits === 8) return ((bytes[row * columns! + column]! << 24) >> 24) * scale;
        const byte = bytes[row * Math.ceil(columns! / 2) + (column >> 1)]!;
        return (((byte >> (4 * (column & 1))) & 15) - 8) * scale;
      };
      const floats = Float32Array.from({ length: rows! * columns! }, (_, i) =>
        weight(Math.floor(i / columns!), i % columns!),
      );
      const matrix = tf.tensor2d(floats, [rows!, columns!]);
      const y = tf.add(tf.matMul(x as tf.Tensor2D, matrix, false, true), bias!);
      return activation === "gelu" ? gelu(y) : y;
    },
  });
  try {
    expect(models.map((model) => predict(model))).toEqual(slow);
    expect(asked).toHaveLength(3 * (2 * 6 + 1)); // two layers of six, and the head's
  } finally {
    tf.unregisterKernel(QUANTIZED_LINEAR, "cpu");
    for (const model of models) model.dispose();
  }
});

describe("numbers", () => {
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 140 }))
    .chain(([rows, columns]) =>
      fc.tuple(
        fc.constant(columns),
        fc
          .array(fc.double({ min: -3, max: 3, noNaN: true }), {
            minLength: rows * columns,
            maxLength: rows * columns,
          })
          .map((values) => Float32Array.from(values)),
      ),
    );

  test("8 bits are within half a step of the original", () => {
    fc.assert(
      fc.property(matrix, fc.constantFrom(63, 127), ([columns, values], most) => {
        const quantized = quantizeRows(values, columns, most);
        const rows = values.length / columns;
        const again = dequantizeRows(quantized, columns, 0, rows);
        expect(quantized.values.every((value) => Math.abs(value) <= most)).toBe(true);
        for (let i = 0; i < values.length; i++) {
          const step = quantized.scales[Math.floor(i / columns)]!;
          // A subnormal scale is a coarse one.
          expect(Math.abs(again[i]! - values[i]!)).toBeLessThanOrEqual(step * 0.5001 + 1e-43 * most);
        }
      }),
    );
  });

  test("4 bits are no further from the original than by the plainest scale", () => {
    fc.assert(
      fc.property(matrix, fc.constantFrom(32, 64), ([columns, values], groupSize) => {
        const rows = values.length / columns;
        const again = dequantizeGroups(
          quantizeGroups(values, columns, groupSize),
          columns,
          groupSize,
          0,
          rows,
        );
        for (let row = 0; row < rows; row++) {
          for (let begin = 0; begin < columns; begin += groupSize) {
            const end = Math.min(begin + groupSize, columns);
            const [from, to] = [row * columns + begin, row * columns + end];
            const group = values.subarray(from, to);
            const scale = group.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 7;
            const plain = group.map((value) => (scale === 0 ? 0 : Math.round(value / scale) * scale));
            const error = squaredError(group, again.subarray(from, to));
            // Half precision rounds the scale by up to 2^-11, or to a multiple of 2^-24.
            const slack = group.length * (scale * 8 * 2 ** -11 + 8 * 2 ** -24) ** 2;
            expect(Math.sqrt(error)).toBeLessThanOrEqual(
              Math.sqrt(squaredError(group, plain)) + Math.sqrt(slack),
            );
          }
        }
      }),
    );
  });

  test("normal weights lose a hundredth in 8 bits, less than a tenth in 4", () => {
    const values = truncatedNormal(1, 0, "weights", 64 * 768);
    const lost = (again: Float32Array): number =>
      Math.sqrt(squaredError(values, again) / squaredError(values, new Float32Array(values.length)));
    expect(lost(dequantizeRows(quantizeRows(values, 768, 63), 768, 0, 64))).toBeLessThan(0.011);
    expect(lost(dequantizeRows(quantizeRows(values, 768, 127), 768, 0, 64))).toBeLessThan(0.0055);
    expect(lost(dequantizeGroups(quantizeGroups(values, 768, 32), 768, 32, 0, 64))).toBeLessThan(0.072);
    expect(lost(dequantizeGroups(quantizeGroups(values, 768, 64), 768, 64, 0, 64))).toBeLessThan(0.077);
  });

  test("rows are read from the middle", () => {
    const values = Float32Array.from({ length: 4 * 37 }, (_, i) => Math.sin(i));
    const rows = quantizeRows(values, 37, 127);
    expect(dequantizeRows(rows, 37, 1, 3)).toEqual(dequantizeRows(rows, 37, 0, 4).subarray(37, 3 * 37));
    const groups = quantizeGroups(values, 37, 32);
    const all = dequantizeGroups(groups, 37, 32, 0, 4);
    expect(dequantizeGroups(groups, 37, 32, 1, 3)).toEqual(all.subarray(37, 3 * 37));
  });
});

describe("refuses", () => {
  beforeAll(() => tf.setBackend("cpu"));

  test("areWithinWeights() sees every byte at every place", () => {
    for (let byte = 0; byte < 256; byte++) {
      const isWithin = Math.abs(Int8Array.of(byte)[0]!) <= 63;
      for (const [offset, length, place] of [
        [0, 8, 5],
        [1, 11, 0],
        [3, 9, 8],
        [2, 9, 4],
        [1, 2, 1],
      ] as const) {
        const bytes = new Uint8Array(16).subarray(offset, offset + length).fill(193);
        bytes[place] = byte;
        expect([byte, offset, areWithinWeights(bytes)]).toEqual([byte, offset, isWithin]);
      }
    }
    expect(areWithinWeights(new Uint8Array(0))).toBe(true);
  });

  test("what it cannot quantise", async () => {
    const model = BertModel.init(CONFIG, { seed: 1 });
    await expect(quantize(model, "int2" as "int4")).rejects.toThrow(
      "weights must be int8 or int4: weights is int2",
    );
    await expect(quantize(model, "int4", { groupSize: 16 as 32 })).rejects.toThrow(
      "must be 32 or 64: groupSize is 16",
    );
    const small = await quantize(model, "int8");
    await expect(quantize(small, "int4")).rejects.toThrow("must be of floats: it has 8 bits already");
    await expect(small.save(async () => {}, { dtype: "F16" })).rejects.toThrow(
      "dtype must be F32, or absent: dtype is F16",
    );
    const weight = model.parameters.get("encoder.layer.0.output.dense.weight")!;
    weight.assign(tf.mul(weight, Number.NaN));
    const before = tf.memory().numTensors;
    await expect(quantize(model, "int8")).rejects.toThrow(RangeError);
    await expect(quantize(model, "int4")).rejects.toThrow(RangeError);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a folder that another tool quantised", async () => {
    const folder = await saved(await quantize(BertModel.init(CONFIG, { seed: 1 }), "int8"));
    const config = JSON.parse(new TextDecoder().decode(folder.get("config.json"))) as object;
    expect(config).toMatchObject({
      quantization_config: { quant_method: "kcbert", bits: 8, group_size: null },
    });
    for (const written of [
      { quant_method: "bitsandbytes", bits: 8 },
      { quant_method: "kcbert", bits: 4 },
      7,
    ]) {
      const json = JSON.stringify({ ...config, quantization_config: written });
      const source = sourceOf(new Map([...folder, ["config.json", new TextEncoder().encode(json)]]));
      await expect(BertModel.fromPretrained(source)).rejects.toThrow(
        /quantization_config must be .*: it is /,
      );
    }
  });

  const name = "encoder.layer.1.intermediate.dense.weight";
  test.each([
    ["the file is missing", undefined, "folder must have model.int8.safetensors, or an index of shards"],
    ["a matrix is missing", { [name]: null }, `every weight must be there: ${name} is missing`],
    ["its scales are", { [`${name}_scale`]: null }, `every weight must be there: ${name}_scale is missing`],
    [
      "floats are",
      { "encoder.layer.0.output.dense.bias": null },
      "encoder.layer.0.output.dense.bias is missing",
    ],
    [
      "the dtype is another",
      { [name]: { dtype: "U8" } },
      `${name} is U8 [100, 48] in the file, I8 [100, 48] by`,
    ],
    [
      "the shape is another",
      { [name]: { shape: [48, 100] } },
      `${name} is I8 [48, 100] in the file, I8 [100, 48] by`,
    ],
    [
      "a weight has 8 bits",
      { [name]: { bytes: new Uint8Array(4800).fill(64) } },
      `in [-63, 63]: ${name} has another`,
    ],
    [
      "a scale is no number",
      { [`${name}_scale`]: { bytes: new Uint8Array(400).fill(255) } },
      "_scale holds a NaN",
    ],
    [
      "a name occurs twice",
      { [`bert.${name}`]: { dtype: "I8", shape: [100, 48], bytes: new Uint8Array(4800) } },
      "must occur once",
    ],
  ])("a folder in which %s", async (_, changes, message) => {
    const small = await quantize(BertModel.init(CONFIG, { seed: 1 }), "int8");
    const folder = await saved(small);
    const tensors = new Map<string, object>(readSafetensors(folder.get("model.int8.safetensors")!).tensors);
    for (const [key, change] of Object.entries(changes ?? {})) {
      if (change === null) tensors.delete(key);
      else tensors.set(key, { ...tensors.get(key), ...change });
    }
    if (changes === undefined) folder.delete("model.int8.safetensors");
    else
      folder.set(
        "model.int8.safetensors",
        writeSafetensors(tensors as Parameters<typeof writeSafetensors>[0]),
      );
    const before = tf.memory().numTensors;
    for (const source of [sourceOf(folder), streamOf(folder)]) {
      await expect(BertModel.fromPretrained(source)).rejects.toThrow(message);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** All outputs, one after another. */
function predict(model: BertPreTrainedModel, inputs?: BertInputs): number[] {
  const inputIds =
    inputs?.inputIds ?? tf.tensor2d([2, 8, 4, 9, 2401, 3, 2, 1030, 4, 3, 0, 0], [2, 6], "int32");
  const outputs = (model as BertModel).forward({ ...inputs, inputIds });
  const values = Object.values(outputs).flatMap((output) => [...(output as tf.Tensor).dataSync()]);
  tf.dispose([Object.values(outputs) as tf.Tensor[], inputs === undefined ? inputIds : []]);
  return values;
}

async function saved(model: BertPreTrainedModel, maxShardBytes?: number): Promise<Folder> {
  const folder: Folder = new Map();
  await model.save(async (name, bytes) => void folder.set(name, Uint8Array.from(bytes)), { maxShardBytes });
  return folder;
}

function sourceOf(folder: Folder): (name: string) => Promise<Uint8Array | undefined> {
  return async (name) => folder.get(name);
}

/** The folder as streams of odd chunks. */
function streamOf(folder: Folder): (name: string) => Promise<ReadableStream<Uint8Array> | undefined> {
  return async (name) => {
    const bytes = folder.get(name);
    if (bytes === undefined) return undefined;
    return new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 10_007) controller.enqueue(bytes.slice(at, at + 10_007));
        controller.close();
      },
    });
  };
}

function goldenInputs(name: string): BertInputs {
  const { tensors } = readSafetensors(goldenBert(`${name}/inputs.safetensors`));
  const tensor = (key: string): tf.Tensor2D => {
    const found = tensors.get(`padded.${key}`)!;
    return tf.tensor2d(toInt32(found), found.shape as [number, number], "int32");
  };
  return {
    inputIds: tensor("input_ids"),
    attentionMask: tensor("attention_mask"),
    tokenTypeIds: tensor("token_type_ids"),
  };
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function squaredError(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}
