/**
 * The recording of one function: what its kernels do becomes a graph, and what it reads from outside becomes arguments.
 */
import * as tf from "@tensorflow/tfjs-core";
import { constant, reshape, splat } from "../hlo/elementwise.ts";
import { Graph, type Value } from "../hlo/graph.ts";
import { sameShape } from "../hlo/types.ts";
import { LOWERINGS } from "../kernels/all.ts";
import type { Attributes, Precision, Recording } from "../kernels/lowering.ts";
import { arrayType, isUniform, type Stored, storedSize } from "./stored.ts";

/** An argument of the program that is no input of the function: a variable, or the data of a tensor from outside. */
export type Capture =
  | { readonly kind: "variable"; readonly variable: tf.Variable }
  | { readonly kind: "tensor"; readonly stored: Stored };

/** A recording in progress. */
export class Trace implements Recording {
  readonly graph: Graph = new Graph();
  readonly precision: Precision;
  /** In the order of the parameters, after the inputs. */
  readonly captures: Capture[] = [];
  /** What was made while recording; it ends with it. */
  readonly made: Stored[] = [];
  /** Data from outside that the function disposed. */
  readonly disposed: Stored[] = [];
  readonly #variables = new Map<tf.Variable, Value>();
  readonly #tensors = new Map<Stored, Value>();

  constructor(precision: Precision) {
    this.precision = precision;
  }

  /** Record a kernel. */
  run(name: string, inputs: Readonly<Record<string, Value>>, attributes: Attributes): Value[] {
    const lowering = LOWERINGS[name];
    if (lowering === undefined)
      throw new Error(`Cannot record the kernel ${name}: the backend xla does not have it`);
    const result = lowering(this, inputs, attributes);
    return Array.isArray(result) ? result : [result];
  }

  /** Take in numbers that the function brought itself; many alike are not kept. */
  take(stored: Stored): void {
    this.made.push(stored);
    if (stored.values === undefined || storedSize(stored) <= LONGEST_CONSTANT || !isUniform(stored.values))
      return;
    stored.traced = this.#constant(stored);
    stored.values = undefined;
  }

  /** What a tensor is in the program, in the tensor's own shape. */
  valueOf(tensor: tf.TensorInfo, stored: Stored): Value {
    const value = this.#find(tensor, stored);
    return sameShape(value.shape, tensor.shape) ? value : reshape(this.graph, value, tensor.shape);
  }

  // --- internal ---

  #find(tensor: tf.TensorInfo, stored: Stored): Value {
    if (stored.traced !== undefined) {
      if (stored.trace !== this) throw new Error(ENDED);
      return stored.traced;
    }
    if (stored.trace !== undefined) {
      if (stored.trace !== this) throw new Error(ENDED);
      stored.traced = this.#constant(stored);
      return stored.traced;
    }
    return tensor instanceof tf.Variable ? this.#variable(tensor, stored) : this.#tensor(stored);
  }

  #variable(variable: tf.Variable, stored: Stored): Value {
    let parameter = this.#variables.get(variable);
    if (parameter === undefined) {
      parameter = this.graph.parameter(arrayType(stored));
      this.#variables.set(variable, parameter);
      this.captures.push({ kind: "variable", variable });
    }
    return parameter;
  }

  #tensor(stored: Stored): Value {
    let parameter = this.#tensors.get(stored);
    if (parameter === undefined) {
      parameter = this.graph.parameter(arrayType(stored));
      this.#tensors.set(stored, parameter);
      stored.holds++; // as long as the program lives
      this.captures.push({ kind: "tensor", stored });
    }
    return parameter;
  }

  /** Numbers that the function brought itself: short ones become part of the text, long ones an argument. */
  #constant(stored: Stored): Value {
    const { dtype } = arrayType(stored);
    const values = stored.values!;
    if (isUniform(values)) return splat(this.graph, values[0] ?? 0, dtype, stored.shape);
    return storedSize(stored) <= LONGEST_CONSTANT
      ? constant(this.graph, values, dtype, stored.shape)
      : this.#tensor(stored);
  }
}

/** What is said of a tensor whose recording is over. */
const ENDED =
  "Cannot use a tensor that was made inside jit after the function has returned: return it from the function, or assign it to a variable";

/** More numbers than that do not stand in a program's text. */
const LONGEST_CONSTANT = 1024;
