/** Twenty steps of a small BERT by masked words, on whatever backend was chosen: the same in Node, Deno and a page. */
import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { adamW, trainStep } from "@kcbert/trainer";
import * as tf from "@tensorflow/tfjs-core";

/** What the steps come to. */
export interface Trained {
  /** The backend that computed them. */
  readonly backend: string;
  /** Of each step. */
  readonly losses: readonly number[];
  /** Norms of all gradients together, of each step. */
  readonly norms: readonly number[];
  /** All weights after the last step, one after the other. */
  readonly weights: readonly number[];
}

const [ROWS, LENGTH, WORDS, MASKED] = [4, 16, 200, 8];

/** Train on the current backend. */
export async function miniStep(steps = 20): Promise<Trained> {
  const model = BertForMaskedLM.init(
    {
      ...kcbertBase,
      vocabSize: WORDS,
      hiddenSize: 32,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      intermediateSize: 128,
      maxPositionEmbeddings: LENGTH,
      hiddenDropoutProb: 0.1,
      attentionProbsDropoutProb: 0.1,
    },
    { seed: 1 },
  );
  const optimizer = adamW(model.parameters, { maxGradNorm: 0.5 });
  const step = trainStep(model.parameters, optimizer, (draw, ids, places, labels) =>
    model.loss({ inputIds: ids as tf.Tensor2D }, labels!, {
      maskedPositions: places as tf.Tensor1D,
      dropout: { seed: 1, step: draw as tf.Scalar },
    }),
  );
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let i = 0; i < steps; i++) {
    const ids = Int32Array.from({ length: ROWS * LENGTH }, (_, j) => 5 + ((7 * j + 31 * i + j * j) % 195));
    const places = Int32Array.from({ length: MASKED }, (_, j) => 8 * j + 1);
    const inputs = [
      tf.scalar(i, "int32"),
      tf.tensor2d(ids, [ROWS, LENGTH], "int32"),
      tf.tensor1d(places, "int32"),
      tf.tensor1d(
        places.map((place) => ids[place]!),
        "int32",
      ),
    ];
    const { loss, gradNorm } = step([inputs], tf.tensor1d(optimizer.scalars(1e-3, i)));
    losses.push((await loss.data())[0]!);
    norms.push((await gradNorm.data())[0]!);
    tf.dispose([loss, gradNorm, ...inputs]);
  }
  const weights: number[] = [];
  for (const weight of model.parameters.values()) weights.push(...(await weight.data()));
  model.dispose();
  return { backend: tf.getBackend(), losses, norms, weights };
}
