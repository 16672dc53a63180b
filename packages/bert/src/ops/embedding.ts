import * as tf from "@tensorflow/tfjs-core";
import type { Matrix } from "../stored_matrix.ts";
import { withGradient } from "./_with_gradient.ts";

/**
 * Look up rows of a table.
 *
 * @param ids int32 `[M]`, each in [0, R).
 * @param table float32 `[R, H]`, or a matrix of that shape in a form of its own, which gets no gradient.
 * @param paddingIndex A row that gets no gradient from the lookup, like PyTorch's `padding_idx`.
 * @returns float32 `[M, H]`; the caller owns it.
 */
export function embedding(ids: tf.Tensor1D, table: Matrix, paddingIndex?: number): tf.Tensor2D {
  if (!(table instanceof tf.Tensor)) return table.gather(ids.dataSync() as Int32Array);
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

/** The first rows of a table: `[rows, H]`. */
export function firstRows(table: Matrix, rows: number): tf.Tensor2D {
  if (!(table instanceof tf.Tensor)) return table.gather(Array.from({ length: rows }, (_, row) => row));
  return tf.slice(table as tf.Tensor2D, [0, 0], [rows, -1]);
}

// --- internal ---

/** The ids, with −1, which a segment sum leaves out, in place of one of them. */
function without(ids: tf.Tensor1D, id: number): tf.Tensor1D {
  return tf.where(tf.equal(ids, id), tf.fill(ids.shape, -1, "int32"), ids);
}
