import { createWasmBackend } from "@kcbert/kernels";
import { readSafetensors } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder } from "../../../tests/golden/bert.ts";
import { kcbertBase } from "./config.ts";
import {
  BertForMaskedLM,
  BertForPreTraining,
  BertForSequenceClassification,
  BertForTokenClassification,
} from "./heads.ts";
import { BertModel } from "./modeling_bert.ts";
import type { PretrainedSink, PretrainedSource } from "./pretrained.ts";
import type { LoadReport } from "./pretrained_model.ts";

/** A folder in memory, to save in and to load from. */
function folder(): { files: Map<string, Uint8Array>; sink: PretrainedSink; source: PretrainedSource } {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    sink: async (name, bytes) => void files.set(name, bytes),
    source: async (name) => files.get(name),
  };
}

beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(() => tf.setBackend(backend));

  /** What a model says to one text. */
  const say = (model: BertForMaskedLM) =>
    tf.tidy(() =>
      model.forward({ inputIds: tf.tensor2d([[2, 9, 4, 3]], [1, 4], "int32") }).logits.dataSync(),
    );

  test("what is saved is loaded, bit for bit, and leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    const { files, sink, source } = folder();
    const model = await BertForMaskedLM.fromPretrained(goldenBertFolder("mlm/model"));
    await model.save(sink);
    expect([...files.keys()].sort()).toEqual(["config.json", "model.safetensors"]);
    const { metadata, tensors } = readSafetensors(files.get("model.safetensors")!);
    expect(metadata.get("format")).toBe("pt");
    expect([...tensors.keys()].sort()).toEqual([...model.parameters.keys()].sort());
    expect(JSON.parse(new TextDecoder().decode(files.get("config.json"))).architectures).toEqual([
      "BertForMaskedLM",
    ]);

    const again = await BertForMaskedLM.fromPretrained(source);
    expect(again.config.hiddenSize).toBe(model.config.hiddenSize);
    expect([...again.parameters.keys()]).toEqual([...model.parameters.keys()]);
    expect(say(again)).toEqual(say(model));
    model.dispose();
    again.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("two models of one kind live side by side", async () => {
    const first = await BertForMaskedLM.fromPretrained(goldenBertFolder("mlm/model"));
    const said = say(first);
    const second = BertForMaskedLM.init(first.config, { seed: 1 });
    expect(say(first)).toEqual(said);
    expect(say(second)).not.toEqual(said);
    second.dispose();
    expect(say(first)).toEqual(said);
    first.dispose();
  });

  test("a head that the folder lacks begins anew, one that it does not need is not kept, and both are reported", async () => {
    const before = tf.memory().numTensors;
    const reports: LoadReport[] = [];
    const load = (seed: number) =>
      BertForSequenceClassification.fromPretrained(goldenBertFolder("pretraining/model"), {
        seed,
        config: { numLabels: 3 },
        onReport: (report) => reports.push(report),
      });
    const [model, same, other] = [await load(1), await load(1), await load(2)];
    expect(reports[0]).toEqual({
      missing: ["classifier.weight", "classifier.bias"],
      unexpected: expect.arrayContaining(["cls.predictions.bias", "cls.seq_relationship.weight"]) as string[],
    });
    expect([...model.parameters.keys()].some((key) => key.startsWith("cls."))).toBe(false);
    const head = (of: BertForSequenceClassification) => of.parameters.get("classifier.weight")!;
    expect(head(model).shape).toEqual([3, 32]);
    expect(head(same).dataSync()).toEqual(head(model).dataSync());
    expect(head(other).dataSync()).not.toEqual(head(model).dataSync());
    for (const each of [model, same, other]) each.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a bare model takes the encoder of any folder, with a pooler or without", async () => {
    const source = goldenBertFolder("mlm/model"); // which has none
    const missing: string[] = [];
    const pooled = await BertModel.fromPretrained(source, {
      onReport: (report) => missing.push(...report.missing),
    });
    expect(missing).toEqual(["pooler.dense.weight", "pooler.dense.bias"]);
    const bare = await BertModel.fromPretrained(source, { pooler: false });
    const shapes = tf.tidy(() => {
      const inputs = { inputIds: tf.tensor2d([[2, 9, 3]], [1, 3], "int32") };
      const [a, b] = [pooled.forward(inputs), bare.forward(inputs)];
      expect(b.lastHiddenState.dataSync()).toEqual(a.lastHiddenState.dataSync());
      return [a.poolerOutput?.shape, b.poolerOutput?.shape];
    });
    expect(shapes).toEqual([[1, 32], undefined]);
    pooled.dispose();
    bare.dispose();
  });

  test("a folder that does not fit is refused, and leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    const source = goldenBertFolder("cls3/model");
    const wider = { config: { numLabels: 4, id2label: undefined } };
    await expect(BertForSequenceClassification.fromPretrained(source, wider)).rejects.toThrow(
      "Cannot load the weights as shapes must agree: classifier.bias is [3] in the checkpoint, [4] by config.json",
    );
    await expect(BertForMaskedLM.fromPretrained(source, { config: { numHiddenLayers: 3 } })).rejects.toThrow(
      /^Cannot load the weights as every weight must be there: bert\.encoder\.layer\.2\./,
    );
    await expect(
      BertForMaskedLM.fromPretrained(source, { config: { numAttentionHeads: 3 } }),
    ).rejects.toThrow(RangeError);
    await expect(
      BertForMaskedLM.fromPretrained(source, { signal: AbortSignal.abort("enough") }),
    ).rejects.toBe("enough");
    expect(tf.memory().numTensors).toBe(before);
    const model = await BertForSequenceClassification.fromPretrained(source, {
      ...wider,
      ignoreMismatchedSizes: true,
    });
    expect(model.parameters.get("classifier.bias")!.shape).toEqual([4]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

test.each([BertModel, BertForPreTraining, BertForTokenClassification])(
  "%o knows its name as Hugging Face does",
  (kind) => {
    expect(new kind(kcbertBase, new Map()).architecture).toBe(kind.name);
  },
);

test("a model without its parameters says which it lacks", async () => {
  await tf.setBackend("cpu");
  const loaded = await BertModel.fromPretrained(goldenBertFolder("base/model"));
  const empty = new BertModel(loaded.config, new Map());
  const inputIds = tf.tensor2d([[2]], [1, 1], "int32");
  expect(() => empty.forward({ inputIds })).toThrow(
    new RangeError("Cannot run the model as it lacks the parameter embeddings.word_embeddings.weight"),
  );
  inputIds.dispose();
  loaded.dispose();
});
