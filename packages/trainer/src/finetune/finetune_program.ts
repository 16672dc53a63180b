/**
 * The part of fine-tuning that a backend compiles: one step, one forward pass. It can be used again for other data and from
 * other weights, so that several seeds of a task, or tasks of one shape, cost one compilation.
 */
import { randomBits } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { eager, type Jit, type TensorFunction } from "../jit.ts";
import { adamW, type Optimizer, type Parameters } from "../optimization.ts";
import { type TrainStep, trainStep } from "../train_step.ts";
import { type FinetuneModel, headOf } from "./_heads.ts";
import type { Alongside } from "./alongside.ts";
import type { Examples } from "./examples.ts";

/** What of the recipe is part of the program. */
export interface FinetuneProgramOptions {
  /** Decoupled weight decay; biases and LayerNorm never decay. @default 0 */
  readonly weightDecay?: number;
  /**
   * Factor in (0, 1] by which each layer learns slower than the one above; the embeddings lie below the first layer, the
   * head is not slowed. @default 1
   */
  readonly layerDecay?: number;
  /**
   * How many layers learn besides the head and the pooler, the uppermost first; the embeddings lie below the first layer and
   * count as one. What does not learn has no gradient and no moments, and stays as it is, bit for bit. @default all
   */
  readonly trainLayers?: number;
  /** Gradients with a larger global norm are scaled down to it. @default 1 */
  readonly maxGradNorm?: number;
  /** How much each class counts, where texts have one class each. @default all alike */
  readonly classWeights?: readonly number[];
  /** What is learnt in the same steps. @default nothing */
  readonly alongside?: Alongside;
  /** Compiles: `jit` of a backend that does, such as `@kcbert/xla`. @default none */
  readonly jit?: Jit;
}

/** A model with its step and its forward pass, made once. */
export interface FinetuneProgram {
  /** The model; changed by `step`, still the caller's. */
  readonly model: FinetuneModel;
  /** The kind of examples that it takes. */
  readonly kind: Examples["kind"];
  /** Whether each shape costs a compilation. */
  readonly compiled: boolean;
  /** What learns, by key. */
  readonly parameters: Parameters;
  /** The optimiser of it, AdamW. */
  readonly optimizer: Optimizer;
  /** What is learnt in the same steps. */
  readonly alongside: Alongside | undefined;
  /**
   * A step: see `trainStep`. The inputs are the texts (ids, types, lengths), the draw of dropout, the labels, and those of
   * what is learnt alongside.
   */
  readonly step: TrainStep;
  /** The forward pass: ids, types, lengths → what the model says. */
  readonly outputs: TensorFunction;
  /** Begin again: these weights, by parameter key, and no moments. */
  restart(weights: ReadonlyMap<string, Float32Array>): void;
  /** Free the moments. */
  dispose(): void;
}

/**
 * Make the program that fine-tunes a model.
 *
 * @param model The model; its head's size and its config's `problemType` say what it learns.
 * @throws {RangeError} If an option is out of its range, or classes are weighed where there are none.
 * @throws {TypeError} If the model is frozen or quantised.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import { finetuneProgram } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const sizes = { vocabSize: 10, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForSequenceClassification.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const program = finetuneProgram(model, { layerDecay: 0.9 });
 * assert.equal(program.kind, "texts");
 * program.dispose();
 * ```
 */
export function finetuneProgram(model: FinetuneModel, options: FinetuneProgramOptions = {}): FinetuneProgram {
  const { weightDecay = 0, layerDecay = 1, maxGradNorm = 1, classWeights, alongside, jit = eager } = options;
  const { numHiddenLayers: layers } = model.config;
  const { trainLayers = layers + 1 } = options;
  checkModel(model);
  if (!(layerDecay > 0 && layerDecay <= 1)) {
    throw new RangeError(`Cannot fine-tune as layerDecay must be in (0, 1]: current value is ${layerDecay}`);
  }
  if (!Number.isInteger(trainLayers) || trainLayers < 0 || trainLayers > layers + 1) {
    throw new RangeError(
      `Cannot fine-tune as trainLayers must be a whole number from 0 to ${layers + 1}, the layers and the embeddings: current value is ${trainLayers}`,
    );
  }
  const head = headOf(model, classWeights);
  const depth = (key: string): number => depthBelowHead(key, layers);
  const rate = (key: string): number => layerDecay ** depth(key);
  const all = new Map([...(alongside?.parameters ?? []), ...model.parameters]);
  const parameters = new Map([...all].filter(([key]) => depth(key) <= trainLayers));
  if (parameters.size === 0) {
    throw new RangeError(
      "Cannot fine-tune as nothing would learn: the model has no head, so trainLayers must be at least 1",
    );
  }
  const optimizer = adamW(parameters, { weightDecay, maxGradNorm, rate });
  const step = trainStep(
    parameters,
    optimizer,
    (ids, types, lengths, draw, ...rest) => {
      const options = { dropout: { seed: 0, step: draw as tf.Scalar } };
      const loss = head.loss([ids!, types!, lengths!], rest.slice(0, head.labels), options);
      return alongside === undefined ? loss : tf.add(loss, alongside.loss(rest.slice(head.labels), options));
    },
    { jit },
  );
  return {
    model,
    kind: head.kind,
    compiled: jit !== eager,
    parameters,
    optimizer,
    alongside,
    step,
    outputs: jit((...texts) => tf.tidy(() => [head.outputs(texts)])),
    restart(weights) {
      tf.tidy(() => {
        for (const [key, parameter] of model.parameters) {
          const values = weights.get(key);
          if (values === undefined || values.length !== parameter.size) {
            throw new TypeError(
              `Cannot begin from these weights as ${key} needs ${parameter.size} numbers: there are ${values?.length ?? "none"}`,
            );
          }
          parameter.assign(tf.tensor(values, parameter.shape));
        }
        for (const moment of optimizer.state.values()) moment.assign(tf.zeros(moment.shape));
      });
    },
    dispose: () => optimizer.dispose(),
  };
}

/**
 * The numbers of a model's parameters, by key: copies, on the host.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import { copyWeights } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const sizes = { vocabSize: 10, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForSequenceClassification.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * assert.equal((await copyWeights(model)).get("classifier.weight")?.length, 2 * 8);
 * ```
 */
export async function copyWeights(model: FinetuneModel): Promise<Map<string, Float32Array>> {
  const weights = new Map<string, Float32Array>();
  for (const [key, parameter] of model.parameters) {
    weights.set(key, ((await parameter.data()) as Float32Array).slice());
  }
  return weights;
}

/** The draw of a step's dropout, int32: other seeds of a run draw other numbers, though the program is the same. */
export function dropoutDraw(seed: number, step: number): number {
  return randomBits(seed, step, "finetune.dropout", 1)[0]! | 0;
}

// --- internal ---

const LAYER = /\bencoder\.layer\.(\d+)\./;

/** How far a parameter lies below the head: 0 for the head and the pooler, 1 for the last layer, most for the embeddings. */
function depthBelowHead(key: string, layers: number): number {
  const layer = LAYER.exec(key)?.[1];
  if (layer !== undefined) return layers - Number(layer);
  return /\bembeddings\./.test(key) ? layers + 1 : 0;
}

function checkModel({ matrices }: FinetuneModel): void {
  if (matrices.size === 0) return;
  throw new TypeError(
    `Cannot fine-tune a model whose weights are frozen or quantised: load ${[...matrices.keys()][0]} and the others without frozen, from the folder in float32`,
  );
}
