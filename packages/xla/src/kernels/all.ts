import { DROPOUT } from "./counter_dropout.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import type { Lowerings } from "./lowering.ts";
import { NAMED_OPERATIONS } from "./named_operations.ts";
import { PRODUCTS } from "./products.ts";
import { REDUCTIONS } from "./reductions.ts";
import { ROWS } from "./rows.ts";
import { STRUCTURE } from "./structure.ts";

/** Every kernel of TensorFlow.js that the backend `xla` has, by name. */
export const LOWERINGS: Lowerings = {
  ...ELEMENTWISE,
  ...REDUCTIONS,
  ...STRUCTURE,
  ...PRODUCTS,
  ...ROWS,
  ...DROPOUT,
  ...NAMED_OPERATIONS,
};
