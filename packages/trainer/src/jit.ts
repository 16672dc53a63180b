/**
 * The seam to backends that compile: a function of tensors goes in, and one that does the same comes out.
 */
import type * as tf from "@tensorflow/tfjs-core";

/** A function of tensors. Its inputs stay the caller's, and what it returns is the caller's. */
export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor[];

/**
 * Makes a function of tensors fast: a compiling backend records it once for each set of shapes and runs the whole as one
 * program.
 *
 * What is given to it is pure but for the variables it assigns to: whatever changes from call to call is an input, no
 * value is read back inside, and no branch depends on one.
 */
export type Jit = (fn: TensorFunction) => TensorFunction;

/** Compiles nothing: the function itself. */
export const eager: Jit = (fn) => fn;
