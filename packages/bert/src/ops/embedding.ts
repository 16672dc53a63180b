import * as tf from "@tensorflow/tfjs-core";
import { withGradient } from "./_with_gradient.ts";

/**
 * Look up rows of a table.
 *
 * @param ids int32 `[M]`, each in [0, R).
 * @param table float32 `[R, H]`.
 * @param paddingIndex A row that gets no gradient from the lookup, like PyTorch's `padding_idx`.
 * @returns float32 `[M, H]`; the caller owns it.
 */
export function embedding(ids: tf.Tensor1D, table: tf.Tensor, paddingIndex?: number): tf.Tensor2D {
  return withGradient(
    [table],
    (save) => {
      save(ids);
      return tf.gather(table, ids) as tf.Tensor2D; // [M, H]
    },
    (dy, [ids]) => {
      const rows =
        paddingIndex === undefined ? (ids as tf.Tensor1D) : without(ids as tf.Tensor1D, paddingIndex);
      return [tf.unsortedSegmentSum(dy, rows, table.shape[0]!)]; // [R, H]
    },
  );
}

// --- internal ---

/** The ids, with −1, which a segment sum leaves out, in place of one of them. */
function without(ids: tf.Tensor1D, id: number): tf.Tensor1D {
  return tf.where(tf.equal(ids, id), tf.fill(ids.shape, -1, "int32"), ids);
}
