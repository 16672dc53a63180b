import {
  CheckpointError,
  fromFloat32,
  readSafetensors,
  toFloat32,
  toInt32,
  writeSafetensors,
} from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import {
  BertForMaskedLM,
  BertForPreTraining,
  BertForSequenceClassification,
  type BertInputs,
  BertModel,
  kcbertBase,
  loadConfig,
  loadWeights,
  parseBertConfig,
  type PretrainedSource,
  savePretrained,
} from "./mod.ts";

interface Verdict {
  path: string;
  verdict: "load" | "refuse" | "either";
  what: string;
  expected?: "f32" | "f16" | "bf16" | "mixed" | "base";
  outputs?: string;
}

const { entries } = JSON.parse(goldenBertText("formats-manifest.json")) as { entries: Verdict[] };
const formats = entries.filter(({ path }) => path.startsWith("formats/"));
/** What the tokenizer has to refuse is not the model's business. */
const checkpoints = entries.filter(
  ({ path }) => path.startsWith("malformed/checkpoints/") && !/vocab-(?:long|no-unk)$/.test(path),
);

/** The largest deviation of a logit that is accepted, as the golden vectors' README states. */
const tolerance = 1e-4;

/** A folder whose files come as they are, or as streams of small chunks. */
const ways: [way: string, folder: (path: string) => PretrainedSource][] = [
  ["bytes", goldenBertFolder],
  [
    "streams",
    (path) => async (name) => {
      const bytes = await goldenBertFolder(path)(name);
      return bytes === undefined ? undefined : chunked(bytes);
    },
  ],
];

beforeAll(() => tf.setBackend("cpu"));

describe.each(ways)("formats from %s", (_, folder) => {
  const expected = readSafetensors(goldenBert("formats/expected.safetensors")).tensors;

  test("are all there", () => expect(formats).toHaveLength(16));

  test.each(formats)("$path: $what", async ({ path, expected: kind = "f32" }) => {
    const before = tf.memory().numTensors;
    const inputs = inputsOf(expected);
    if (kind === "base") {
      const model = await BertModel.fromPretrained(folder(path));
      const { lastHiddenState, poolerOutput } = model.forward(inputs);
      expectNear(lastHiddenState, expected.get("base.last_hidden_state")!);
      expectNear(poolerOutput!, expected.get("base.pooler_output")!);
      tf.dispose([lastHiddenState, poolerOutput!]);
      model.dispose();
    } else {
      const model = await BertForPreTraining.fromPretrained(folder(path));
      const { predictionLogits, seqRelationshipLogits } = model.forward(inputs);
      expectNear(predictionLogits, expected.get(`${kind}.prediction_logits`)!);
      expectNear(seqRelationshipLogits, expected.get(`${kind}.seq_relationship_logits`)!);
      tf.dispose([predictionLogits, seqRelationshipLogits]);
      model.dispose();
    }
    tf.dispose(Object.values(inputs));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("entries of config.json that change the result", () => {
  const folder = "formats/config-variants";
  const { variants } = JSON.parse(goldenBertText(`${folder}/variants.json`)) as {
    variants: { name: string; config: object }[];
  };
  const expected = readSafetensors(goldenBert(`${folder}/expected.safetensors`)).tensors;

  test.each(variants)("$name", async ({ name, config }) => {
    const json = { ...(JSON.parse(goldenBertText(`${folder}/model/config.json`)) as object), ...config };
    const source: PretrainedSource = async (file) =>
      file === "config.json"
        ? new TextEncoder().encode(JSON.stringify(json))
        : goldenBertFolder(`${folder}/model`)(file);
    const model = await BertForMaskedLM.fromPretrained(source);
    const inputs = inputsOf(expected);
    const { logits } = model.forward(inputs);
    expectNear(logits, expected.get(`${name}.logits`)!);
    tf.dispose([logits, ...Object.values(inputs)]);
    model.dispose();
  });
});

describe.each(ways)("checkpoints from %s", (_, folder) => {
  const expected = readSafetensors(goldenBert("malformed/checkpoints/expected.safetensors")).tensors;

  test("are all there", () => expect(checkpoints).toHaveLength(67));

  test.each(checkpoints)("$verdict $path: $what", async ({ path, verdict, outputs }) => {
    const before = tf.memory().numTensors;
    const asked: string[] = [];
    const source: PretrainedSource = (name, options) => {
      asked.push(name);
      return folder(path)(name, options);
    };
    const Model = path.includes("labels") ? BertForSequenceClassification : BertForMaskedLM;
    const load = () => (Model as typeof BertForMaskedLM).fromPretrained(source);
    const outcome = await load().catch((error: unknown) => error);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(asked.filter((name) => /[/\\]/.test(name))).toEqual([]); // no path leaves the folder
    if (asked.includes("model.safetensors") && path.endsWith("both-files"))
      expect(asked).not.toContain("pytorch_model.bin");
    if (outcome instanceof Error) {
      expect(verdict).not.toBe("load");
      expect([SyntaxError, TypeError, RangeError].some((kind) => outcome instanceof kind)).toBe(true);
      expect(outcome.message).toMatch(/^Cannot /);
    } else {
      expect(verdict).not.toBe("refuse");
      const model = outcome as BertForMaskedLM;
      if (outputs !== undefined) {
        const inputs = inputsOf(expected);
        const { logits } = model.forward(inputs);
        expectNear(logits, expected.get("logits")!);
        tf.dispose([logits, ...Object.values(inputs)]);
      }
      model.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each([
    ["hidden-size", "bert.embeddings.LayerNorm.bias is [8] in the checkpoint, [16] by config.json"],
    [
      "vocab-size",
      "bert.embeddings.word_embeddings.weight is [40, 8] in the checkpoint, [41, 8] by config.json",
    ],
    ["missing-layer", "bert.encoder.layer.1.attention.self.query.weight and 15 more are missing"],
    ["integer-weights", "bert.encoder.layer.0.attention.self.query.weight is I32"],
    ["nan-weight", "bert.encoder.layer.0.attention.self.query.weight holds a NaN or an infinity"],
    ["index-missing-shard", "model.safetensors.index.json names model-00002-of-00002.safetensors"],
    ["only-malicious-bin", 'found "os.system", which is not run'],
    ["no-weights", "the folder must have model.safetensors or pytorch_model.bin"],
    ["config-roberta", 'model_type must be "bert": model_type is "roberta"'],
    [
      "tied-decoder-differs",
      "cls.predictions.decoder.weight differs from bert.embeddings.word_embeddings.weight",
    ],
  ])("names both sides: %s", async (name, message) => {
    await expect(BertForMaskedLM.fromPretrained(folder(`malformed/checkpoints/${name}`))).rejects.toThrow(
      message,
    );
  });
});

describe("loadWeights()", () => {
  const source = goldenBertFolder("pretraining/model");
  const config = parseBertConfig(goldenBertText("pretraining/model/config.json"));

  test("reports what is missing and what is of no use, as Hugging Face does", async () => {
    const { weights, missing, unexpected } = await loadWeights(
      source,
      BertForSequenceClassification.parameterShapes(config),
    );
    expect(missing).toEqual(["classifier.weight", "classifier.bias"]);
    expect(unexpected).not.toHaveLength(0);
    expect(unexpected.every((name) => name.startsWith("cls."))).toBe(true);
    expect([...weights.keys()].some((key) => key.startsWith("cls."))).toBe(false);
  });

  test("refuses what must not be missing, if the caller says so", async () => {
    const shapes = BertForSequenceClassification.parameterShapes(config);
    const load = loadWeights(source, shapes, { mayBeMissing: () => false });
    await expect(load).rejects.toThrow("classifier.weight and 1 more are missing");
  });

  test("begins a head anew that has another size, if the caller says so", async () => {
    const folder = goldenBertFolder("cls3/model");
    const shapes = [
      ...BertForSequenceClassification.parameterShapes({ ...(await loadConfig(folder)), numLabels: 5 }),
    ];
    await expect(loadWeights(folder, shapes)).rejects.toThrow(
      "classifier.bias is [3] in the checkpoint, [5]",
    );
    const { missing } = await loadWeights(folder, shapes, { ignoreMismatchedSizes: true });
    expect(missing).toEqual(["classifier.weight", "classifier.bias"]);
    const wide = BertForSequenceClassification.parameterShapes({
      ...(await loadConfig(folder)),
      hiddenSize: 80,
    });
    await expect(loadWeights(folder, wide, { ignoreMismatchedSizes: true })).rejects.toThrow(CheckpointError);
  });

  test("takes names with and without bert., old and new", async () => {
    const { tensors } = readSafetensors(goldenBert("base/model/model.safetensors"));
    const shapes = [...tensors].map(([key, { shape }]) => [`bert.${key}`, shape] as const);
    const { weights } = await loadWeights(goldenBertFolder("base/model"), shapes);
    for (const [key, tensor] of tensors)
      expect(weights.get(`bert.${key}`)!.values).toEqual(toFloat32(tensor));
  });

  test("hands weights over one by one, and keeps none", async () => {
    const taken: string[] = [];
    const shapes = [...BertForPreTraining.parameterShapes(config)];
    const { weights } = await loadWeights(source, shapes, { take: (key) => taken.push(key) });
    expect(weights.size).toBe(0);
    expect(taken.toSorted()).toEqual(shapes.map(([key]) => key).toSorted());
  });

  test("gives up when it is told to", async () => {
    const abort = new AbortController();
    const take = (): void => abort.abort(new Error("enough"));
    const shapes = BertForPreTraining.parameterShapes(config);
    await expect(loadWeights(source, shapes, { signal: abort.signal, take })).rejects.toThrow("enough");
  });

  test("passes on what the source throws", async () => {
    const broken = (): Promise<never> => Promise.reject(new Error("the network is down"));
    await expect(loadWeights(broken, [])).rejects.toThrow("the network is down");
    await expect(loadConfig(broken)).rejects.toThrow("the network is down");
    await expect(loadConfig(async () => undefined)).rejects.toThrow("its folder has no config.json");
  });
});

describe("savePretrained()", () => {
  const shapes = [
    ["b", [2, 3]],
    ["a", [4]],
    ["c", []],
  ] as const;
  const values = new Map([
    ["a", Float32Array.of(1, 2, 3, 4)],
    ["b", Float32Array.of(0.1, 1, 2, 3, 4, 5)],
    ["c", Float32Array.of(-7)],
  ]);
  const save = async (options = {}, config = kcbertBase) => {
    const folder = new Map<string, Uint8Array>();
    await savePretrained(
      async (name, bytes) => void folder.set(name, bytes),
      config,
      shapes,
      (key) => values.get(key)!,
      options,
    );
    return folder;
  };

  test("writes the file that safetensors would", async () => {
    const folder = await save();
    const tensors = shapes.map(([key, shape]) => [key, fromFloat32(values.get(key)!, shape)] as const);
    expect(folder.get("model.safetensors")).toEqual(writeSafetensors(tensors, { format: "pt" }));
    expect(JSON.parse(text(folder.get("config.json")))).toMatchObject({
      dtype: "float32",
      model_type: "bert",
    });
  });

  test("rounds, and says so in config.json", async () => {
    const extra = new Map<string, unknown>([
      ["torch_dtype", "float32"],
      ["directionality", "bidi"],
    ]);
    const folder = await save({ dtype: "BF16" }, { ...kcbertBase, extra });
    expect(readSafetensors(folder.get("model.safetensors")!).tensors.get("b")!.dtype).toBe("BF16");
    const config = JSON.parse(text(folder.get("config.json"))) as object;
    expect(config).toMatchObject({ dtype: "bfloat16", directionality: "bidi" });
    expect(config).not.toHaveProperty("torch_dtype");
  });

  test("splits into shards that load again", async () => {
    const folder = await save({ maxShardBytes: 24 });
    expect([...folder.keys()]).toEqual([
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
      "config.json",
    ]);
    const index = JSON.parse(text(folder.get("model.safetensors.index.json"))) as object;
    expect(index).toMatchObject({ metadata: { total_size: 44 } });
    const { weights } = await loadWeights(async (name) => folder.get(name), shapes);
    for (const [key, expected] of values) expect(weights.get(key)!.values).toEqual(expected);
  });

  test("refuses values that do not fit", async () => {
    const wrong = savePretrained(
      async () => {},
      kcbertBase,
      [["a", [3]]],
      () => new Float32Array(2),
    );
    await expect(wrong).rejects.toThrow("shape is [3], values are 2");
  });

  test.each(["mlm", "pretraining", "cls3"] as const)(
    "writes back what it loaded, bit by bit: %s",
    async (name) => {
      const Model = {
        mlm: BertForMaskedLM,
        pretraining: BertForPreTraining,
        cls3: BertForSequenceClassification,
      }[name];
      const model = await (Model as typeof BertForMaskedLM).fromPretrained(goldenBertFolder(`${name}/model`));
      const folder = new Map<string, Uint8Array>();
      await model.save(async (file, bytes) => void folder.set(file, bytes));
      expect(
        Buffer.compare(folder.get("model.safetensors")!, goldenBert(`${name}/model/model.safetensors`)),
      ).toBe(0);
      expect(JSON.parse(text(folder.get("config.json")))).toEqual(
        JSON.parse(goldenBertText(`${name}/model/config.json`)),
      );
      model.dispose();
    },
  );
});

// --- internal ---

function inputsOf(
  tensors: ReadonlyMap<string, Parameters<typeof toInt32>[0]>,
): BertInputs & Record<string, tf.Tensor> {
  const tensor = (name: string): tf.Tensor2D => {
    const found = tensors.get(`input.${name}`)!;
    return tf.tensor2d(toInt32(found), found.shape as [number, number], "int32");
  };
  return {
    inputIds: tensor("input_ids"),
    attentionMask: tensor("attention_mask"),
    tokenTypeIds: tensor("token_type_ids"),
  };
}

function expectNear(actual: tf.Tensor, expected: Parameters<typeof toFloat32>[0]): void {
  expect(actual.shape).toEqual(expected.shape);
  const [found, wanted] = [actual.dataSync(), toFloat32(expected)];
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) worst = Math.max(worst, Math.abs(found[i]! - wanted[i]!));
  expect(worst).toBeLessThan(tolerance);
}

function chunked(bytes: Uint8Array, size = 1000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, (at += size)));
    },
  });
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
