/** Kernels that read rows by their number, and add to them. */
import { dotGeneral } from "../hlo/dot.ts";
import { compare, convert, iota, reshape, splat } from "../hlo/elementwise.ts";
import type { Value } from "../hlo/graph.ts";
import { addToRows, takeAlong } from "../hlo/indexing.ts";
import { isFloat, sizeOf } from "../hlo/types.ts";
import { hidden, type Lowerings, positiveAxis, type Recording, wide } from "./lowering.ts";

/** By the kernel's name. */
export const ROWS: Lowerings = {
  GatherV2: (on, { x, indices }, { axis, batchDims }) => {
    if (((batchDims as number | undefined) ?? 0) !== 0) {
      throw new RangeError(
        `Cannot gather on the backend xla with batchDims ${String(batchDims)}: gather from one batch at a time`,
      );
    }
    const { graph: g } = on;
    const along = positiveAxis(axis as number, x!.shape.length);
    const rows = takeAlong(g, x!, convert(g, indices!, "i32"), along);
    return x!.shape.length === 2 ? hidden(on, rows) : rows; // a table's rows are activations
  },
  UnsortedSegmentSum: (on, { x, segmentIds }, { numSegments }) => {
    const { graph: g } = on;
    const rows = numSegments as number;
    const ids = reshape(g, convert(g, segmentIds!, "i32"), [sizeOf(segmentIds!.shape)]); // [M]
    const inner = x!.shape.slice(segmentIds!.shape.length);
    const updates = reshape(g, x!, [ids.shape[0]!, ...inner]); // [M, …]
    if (rows <= FEW_ROWS && isFloat(x!.dtype)) {
      const flat = reshape(g, updates, [ids.shape[0]!, sizeOf(inner)]); // [M, H]
      return reshape(g, sumByProduct(on, flat, ids, rows), [rows, ...inner]);
    }
    const numbers = wide(g, updates);
    return addToRows(g, splat(g, 0, numbers.dtype, [rows, ...inner]), ids, numbers);
  },
};

// --- internal ---

/**
 * Up to so many rows are summed by a product with a one-hot matrix.
 *
 * A scatter adds to one row at a time: where many updates meet in few rows (token types, positions) they wait for one
 * another, and on a GPU their order, and so the last digits, would change from run to run.
 */
const FEW_ROWS = 1024;

/** `[M, H]` summed into `[R, H]` by the ids `[M]`; ids out of range count for nothing. */
function sumByProduct(on: Recording, updates: Value, ids: Value, rows: number): Value {
  const { graph: g } = on;
  const [count = 0] = ids.shape;
  const places = iota(g, "i32", [count, rows], 1);
  const wanted = reshape(g, ids, [count, 1]);
  const oneHot = convert(g, compare(g, "EQ", places, wanted), updates.dtype); // [M, R]
  // Exact in either type: each term is a number times 0 or 1, and sums are float32.
  return dotGeneral(g, oneHot, updates, { batch: [], contracting: [[0, 0]] }, "f32", "HIGHEST"); // [R, H]
}
