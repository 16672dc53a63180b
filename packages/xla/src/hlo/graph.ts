/**
 * A StableHLO function in memory: operations in the order in which they were recorded, each a node with one result.
 *
 * Every operation here is pure, so one that was recorded before is not recorded again, and what no result needs is
 * left out of the text.
 */
import type { TensorType } from "./types.ts";

/** The result of an operation, or a parameter: a typed value of one {@link Graph}. */
export interface Value extends TensorType {
  /** Its place in the graph. */
  readonly id: number;
  /** The operation with its dialect, such as `stablehlo.add`; `parameter` for a parameter. */
  readonly op: string;
  readonly operands: readonly Value[];
  /** The attributes as text, without braces; for a parameter its number. */
  readonly attributes: string;
  /** The regions as text, if the operation has any. */
  readonly region: string;
}

/** What an operation is made of, besides its operands and its type. */
export interface OperationText {
  readonly attributes?: string;
  readonly region?: string;
}

/** Records operations. */
export class Graph {
  readonly #values: Value[] = [];
  readonly #known = new Map<string, Value>();
  readonly #parameters: Value[] = [];

  /** The parameters in order. */
  get parameters(): readonly Value[] {
    return this.#parameters;
  }

  /** How many values there are. */
  get size(): number {
    return this.#values.length;
  }

  /** Declare the next parameter. */
  parameter({ dtype, shape }: TensorType): Value {
    const attributes = `${this.#parameters.length}`;
    const value = this.#add({ dtype, shape, op: "parameter", operands: [], attributes, region: "" });
    this.#parameters.push(value);
    return value;
  }

  /** Record an operation; gives the earlier value if the very same one was recorded before. */
  record(
    op: string,
    operands: readonly Value[],
    { dtype, shape }: TensorType,
    { attributes = "", region = "" }: OperationText = {},
  ): Value {
    const key = `${op}|${operands.map(({ id }) => id).join()}|${dtype}|${shape.join()}|${attributes}|${region}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = this.#add({ dtype, shape, op, operands, attributes, region });
    this.#known.set(key, value);
    return value;
  }

  /** The values that some results need, parameters included, in order. */
  needed(results: readonly Value[]): Value[] {
    const live = new Set<Value>();
    const waiting = [...results];
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      if (live.has(value)) continue;
      live.add(value);
      waiting.push(...value.operands);
    }
    return this.#values.filter((value) => live.has(value));
  }

  #add(value: Omit<Value, "id">): Value {
    const added = { ...value, id: this.#values.length };
    this.#values.push(added);
    return added;
  }
}
