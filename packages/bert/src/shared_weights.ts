import type * as tf from "@tensorflow/tfjs-core";
import type { StoredMatrix } from "./stored_matrix.ts";

/** A parameter of a model, in whatever form. */
export type ModelPart = tf.Variable | StoredMatrix;

/**
 * Weights that several models have in common, such as the encoder below several heads: given to `fromPretrained`, each is
 * loaded by the first model that needs it, used by the others, and freed with the last of them.
 *
 * All of these models must come from one file of weights, or files that agree. They are for inference: what one of them
 * learnt would change the others.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, BertModel, kcbertBase, SharedWeights } from "@kcbert/bert";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const folder = new Map<string, Uint8Array>();
 * const made = BertForMaskedLM.init(config, { seed: 1 });
 * await made.save(async (name, bytes) => void folder.set(name, bytes));
 *
 * const shared = new SharedWeights();
 * const filler = await BertForMaskedLM.fromPretrained(async (name) => folder.get(name), { shared });
 * const encoder = await BertModel.fromPretrained(async (name) => folder.get(name), { shared, pooler: false });
 * const key = "embeddings.LayerNorm.weight";
 * assert.equal(encoder.parameters.get(key), filler.parameters.get(`bert.${key}`));
 * filler.dispose(); // the encoder goes on
 * encoder.dispose();
 * assert.equal(shared.size, 0);
 * made.dispose();
 * ```
 */
export class SharedWeights {
  /** By key without `bert.`, as models with and without a head call the same weight differently. */
  readonly #held = new Map<string, { readonly part: ModelPart; users: number }>();

  /** How many weights are held now. */
  get size(): number {
    return this.#held.size;
  }

  /** Whether the weight of this key is held. */
  has(key: string): boolean {
    return this.#held.has(plainKey(key));
  }

  /** One more model uses the weight of this key; undefined if it is not held. */
  take(key: string): ModelPart | undefined {
    const held = this.#held.get(plainKey(key));
    if (held === undefined) return undefined;
    held.users += 1;
    return held.part;
  }

  /** A model has loaded a weight: the one to use, which is another's if that was quicker. */
  put(key: string, part: ModelPart): ModelPart {
    const held = this.take(key);
    if (held === undefined) this.#held.set(plainKey(key), { part, users: 1 });
    else part.dispose();
    return held ?? part;
  }

  /** A model needs the weight no longer; whether it was one of these. */
  giveBack(key: string, part: ModelPart): boolean {
    const plain = plainKey(key);
    const held = this.#held.get(plain);
    if (held?.part !== part) return false;
    held.users -= 1;
    if (held.users === 0) {
      this.#held.delete(plain);
      part.dispose();
    }
    return true;
  }
}

// --- internal ---

function plainKey(key: string): string {
  return key.replace(/^bert\./, "");
}
