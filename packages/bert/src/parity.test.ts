/**
 * The models against what Hugging Face transformers and PyTorch compute: outputs, losses and the gradient of every
 * parameter, on each backend, within the tolerances of the golden vectors' README.
 */
import { createWasmBackend } from "@kcbert/kernels";
import { readSafetensors, toFloat32, toInt32 } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertFolder, goldenBertPaths, goldenBertText } from "../../../tests/golden/bert.ts";
import { parseBertConfig } from "./config.ts";
import {
  BertForMaskedLM,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from "./heads.ts";
import { type BertInputs, BertModel } from "./modeling_bert.ts";
import type { BertPreTrainedModel } from "./pretrained_model.ts";

type Values = Float32Array | Int32Array | Uint8Array;
type Named = Record<string, tf.Tensor>;

/** A golden model as a function of its golden inputs. */
interface Subject {
  readonly model: BertPreTrainedModel;
  /** Outputs under the golden names. */
  outputs(inputs: BertInputs): Named;
  /** The loss against the golden labels; none for a bare model. */
  loss?(inputs: BertInputs, labels: Named): tf.Scalar;
}

/** Largest differences that the README accepts; `share` is of the largest element of the golden tensor. */
const TOLERANCES: readonly [name: RegExp, absolute: number, share: number][] = [
  [/^loss$/, 2e-5, 0],
  [/logits$/, 1e-4, 0],
  [/^attentions/, 1e-5, 0],
  [/^(hidden_states|last_hidden_state|pooler_output|mean_pooled$)/, 2e-5, 0],
  [/^gradient/, 1e-6, 5e-5],
];

const SUBJECTS: Record<string, (name: string) => Promise<Subject>> = {
  mlm: async (name) => {
    const model = await BertForMaskedLM.fromPretrained(goldenBertFolder(`${name}/model`));
    return {
      model,
      outputs: (inputs) => ({ logits: model.forward(inputs).logits }),
      loss: (inputs, { labels }) => model.loss(inputs, labels!),
    };
  },
  pretraining: async (name) => {
    const model = await BertForPreTraining.fromPretrained(goldenBertFolder(`${name}/model`));
    return {
      model,
      outputs: (inputs) => {
        const { predictionLogits, seqRelationshipLogits } = model.forward(inputs);
        return { prediction_logits: predictionLogits, seq_relationship_logits: seqRelationshipLogits };
      },
      loss: (inputs, { labels, next_sentence_label: next }) =>
        model.loss(inputs, labels!, next as tf.Tensor1D),
    };
  },
  cls2: sequenceClassifier,
  cls3: sequenceClassifier,
  regression: sequenceClassifier,
  multilabel: sequenceClassifier,
  tokcls: async (name) => {
    const model = await BertForTokenClassification.fromPretrained(goldenBertFolder(`${name}/model`));
    return {
      model,
      outputs: (inputs) => ({ logits: model.forward(inputs).logits }),
      loss: (inputs, { labels }) => model.loss(inputs, labels as tf.Tensor2D),
    };
  },
  qa: async (name) => {
    const model = await BertForQuestionAnswering.fromPretrained(goldenBertFolder(`${name}/model`));
    return {
      model,
      outputs: (inputs) => {
        const { startLogits, endLogits } = model.forward(inputs);
        return { start_logits: startLogits, end_logits: endLogits };
      },
      loss: (inputs, { start_positions: start, end_positions: end }) =>
        model.loss(inputs, start as tf.Tensor1D, end as tf.Tensor1D),
    };
  },
  base: async (name) => {
    const model = await BertModel.fromPretrained(goldenBertFolder(`${name}/model`));
    return {
      model,
      outputs: (inputs) => {
        const asked = { outputHiddenStates: true, outputAttentions: true };
        const { lastHiddenState, poolerOutput, hiddenStates, attentions } = model.forward(inputs, asked);
        return {
          last_hidden_state: lastHiddenState,
          pooler_output: poolerOutput!,
          ...Object.fromEntries(hiddenStates!.map((x, i) => [`hidden_states.${i}`, x])),
          ...Object.fromEntries(attentions!.map((x, i) => [`attentions.${i}`, x])),
        };
      },
    };
  },
};

async function sequenceClassifier(name: string): Promise<Subject> {
  const model = await BertForSequenceClassification.fromPretrained(goldenBertFolder(`${name}/model`));
  return {
    model,
    outputs: (inputs) => ({ logits: model.forward(inputs).logits }),
    loss: (inputs, { labels }) => model.loss(inputs, labels!),
  };
}

/** Tensors of a golden file, by name. */
function golden(path: string): Map<string, { shape: number[]; values: Values }> {
  const tensors = [...readSafetensors(goldenBert(path)).tensors];
  return new Map(
    tensors.map(([name, tensor]) => [
      name,
      { shape: [...tensor.shape], values: tensor.dtype === "F32" ? toFloat32(tensor) : toInt32(tensor) },
    ]),
  );
}

/** The tensors of one case, `padded.input_ids` as `input_ids`. */
function ofCase(path: string, name: string): Map<string, { shape: number[]; values: Values }> {
  const all = [...golden(path)].filter(([key]) => key.startsWith(`${name}.`));
  return new Map(all.map(([key, value]) => [key.slice(name.length + 1), value]));
}

function check(place: string, name: string, actual: Values, expected: Values): void {
  expect(actual.length).toBe(expected.length);
  const [pattern, absolute, share] = TOLERANCES.find(([pattern]) => pattern.test(name))!;
  let largest = 0;
  let difference = 0;
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - actual[i]!));
  }
  expect(difference, name).toBeLessThanOrEqual(absolute + share * largest);
  const entry = `${place} ${pattern.source}`;
  const relative = share === 0 ? difference : difference / Math.max(largest, absolute / share);
  worst.set(entry, Math.max(worst.get(entry) ?? 0, relative));
}

/** The largest difference at each place, for the README: `PARITY_TABLE=1 npx vitest run packages/bert`. */
const worst = new Map<string, number>();
afterAll(() => {
  if (process.env["PARITY_TABLE"] === undefined) return;
  for (const [entry, value] of worst) process.stdout.write(`${entry} ${value.toExponential(1)}\n`);
});

beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  describe.each(Object.keys(SUBJECTS))("%s", (name) => {
    let subject: Subject;
    let before: number;
    beforeAll(async () => {
      await tf.setBackend(backend);
      before = tf.memory().numTensors;
      subject = await SUBJECTS[name]!(name);
    });
    afterAll(() => {
      subject.model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    /** Inputs and labels of a case; the caller disposes of them. */
    function inputsOf(caseName: string): { inputs: BertInputs; labels: Named } {
      const tensors: Named = {};
      for (const [key, { shape, values }] of ofCase(`${name}/inputs.safetensors`, caseName)) {
        tensors[key] = tf.tensor(values, shape, values instanceof Float32Array ? "float32" : "int32");
      }
      const { input_ids, attention_mask, token_type_ids, ...labels } = tensors;
      const inputs: BertInputs = { inputIds: input_ids as tf.Tensor2D };
      if (attention_mask) inputs.attentionMask = attention_mask;
      if (token_type_ids) inputs.tokenTypeIds = token_type_ids as tf.Tensor2D;
      return { inputs, labels };
    }

    test.each(["padded", "text", "single", "full", "holes", "idsonly"])(
      "%s: outputs and loss",
      (caseName) => {
        const count = tf.memory().numTensors;
        const { inputs, labels } = inputsOf(caseName);
        const expected = ofCase(`${name}/outputs.safetensors`, caseName);
        const outputs = subject.outputs(inputs);
        if (subject.loss) outputs["loss"] = subject.loss(inputs, labels);
        let compared = 0;
        for (const [key, output] of Object.entries(outputs)) {
          const wanted = expected.get(key);
          if (wanted === undefined) continue;
          expect(output.shape).toEqual(wanted.shape);
          check(`${name} ${backend}`, key, output.dataSync() as Values, wanted.values);
          compared++;
        }
        expect(compared).toBeGreaterThan(0);
        // What is golden and not compared is what `BertModel` leaves to its caller.
        const rest = [...expected.keys()].filter((key) => !(key in outputs));
        expect(rest.every((key) => key.startsWith("mean_pooled"))).toBe(true);
        tf.dispose([outputs, { ...inputs }, labels]);
        expect(tf.memory().numTensors).toBe(count);
      },
    );

    const files = goldenBertPaths(`${name}/gradients.`);
    test.runIf(files.length > 0).each(files)("the gradients of %s", (path) => {
      const count = tf.memory().numTensors;
      const { inputs, labels } = inputsOf(path.split(".")[1]!);
      const { parameters } = subject.model;
      const { value, grads } = tf.variableGrads(
        () => subject.loss!(inputs, labels),
        [...parameters.values()],
      );
      const expected = golden(path);
      expect([...parameters.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [key, variable] of parameters) {
        check(
          `${name} ${backend}`,
          `gradient of ${key}`,
          grads[variable.name]!.dataSync() as Values,
          expected.get(key)!.values,
        );
      }
      tf.dispose([value, grads, { ...inputs }, labels]);
      expect(tf.memory().numTensors).toBe(count);
    });
  });

  test("the config's activations and eps change the logits as they should", async () => {
    await tf.setBackend(backend);
    const folder = "formats/config-variants";
    const { variants } = JSON.parse(goldenBertText(`${folder}/variants.json`)) as {
      variants: { name: string; config: Record<string, unknown> }[];
    };
    const written = JSON.parse(goldenBertText(`${folder}/model/config.json`)) as object;
    const expected = golden(`${folder}/expected.safetensors`);
    const tensor = (name: string) => {
      const { values, shape } = expected.get(name)!;
      const ids: tf.Tensor = tf.tensor(values, shape, "int32");
      return ids as tf.Tensor2D;
    };
    for (const { name, config } of variants) {
      const model = await BertForMaskedLM.fromPretrained(goldenBertFolder(`${folder}/model`), {
        config: parseBertConfig(JSON.stringify({ ...written, ...config })),
      });
      const logits = tf.tidy(() => {
        const inputs = {
          inputIds: tensor("input.input_ids"),
          attentionMask: tensor("input.attention_mask"),
          tokenTypeIds: tensor("input.token_type_ids"),
        };
        return model.forward(inputs).logits.dataSync() as Values;
      });
      check(`variants ${backend}`, "logits", logits, expected.get(`${name}.logits`)!.values);
      model.dispose();
    }
  });
});
