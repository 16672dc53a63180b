/**
 * ONNX files, as far as a BERT needs them: written here operator by operator, so that ONNX Runtime runs the same weights without
 * a converter.
 */
import type { BertForSequenceClassification } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";

/** Bytes in pieces, so that weights are not copied from message to message. */
type Pieces = Uint8Array[];

/** A size, or the name of one that is known when the graph runs. */
type Size = number | string;

/**
 * A classifier of texts as transformers.js takes it: `input_ids`, `attention_mask`, `token_type_ids` int64 `[B, T]` in, `logits`
 * float32 `[B, L]` out.
 */
export function onnxOfClassifier(model: BertForSequenceClassification): Uint8Array {
  const graph = new Graph();
  const { hiddenSize, numAttentionHeads: heads, numHiddenLayers, numLabels, layerNormEps } = model.config;
  const values = (key: string): Float32Array => model.parameters.get(key)!.dataSync() as Float32Array;
  const parameter = (key: string): string => graph.constant(values(key), model.parameters.get(key)!.shape);
  const scalar = (value: number): string => graph.constant(Float32Array.of(value), []);
  const shape = (...sizes: number[]): string =>
    graph.constant(BigInt64Array.from(sizes, BigInt), [sizes.length]);
  const linear = (x: string, name: string): string => {
    const weight = model.parameters.get(`${name}.weight`)!;
    const turned = tf.tidy(() => tf.transpose(weight).dataSync() as Float32Array); // [in, out], as MatMul has it
    const product = graph.add("MatMul", [x, graph.constant(turned, weight.shape.toReversed())]);
    return graph.add("Add", [product, parameter(`${name}.bias`)]);
  };
  const norm = (x: string, name: string): string =>
    graph.add("LayerNormalization", [x, parameter(`${name}.weight`), parameter(`${name}.bias`)], {
      axis: attributeInteger(-1),
      epsilon: attributeFloat(layerNormEps),
    });
  const [root, half, one, scale] = [
    scalar(Math.SQRT2),
    scalar(0.5),
    scalar(1),
    scalar(Math.sqrt(hiddenSize / heads)),
  ];
  const gelu = (x: string): string => {
    const erf = graph.add("Erf", [graph.add("Div", [x, root])]);
    return graph.add("Mul", [graph.add("Mul", [x, graph.add("Add", [erf, one])]), half]);
  };
  const transpose = (x: string, axes: readonly number[]): string =>
    graph.add("Transpose", [x], { perm: attributeIntegers(axes) });
  const [apart, together] = [shape(0, 0, heads, -1), shape(0, 0, hiddenSize)];
  const attend = (x: string, name: string, bias: string): string => {
    const split = (part: string, axes: readonly number[]): string =>
      transpose(graph.add("Reshape", [linear(x, `${name}.${part}`), apart]), axes);
    const scores = graph.add("MatMul", [split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1])]); // [B, N, T, T]
    const masked = graph.add("Add", [graph.add("Div", [scores, scale]), bias]);
    const weights = graph.add("Softmax", [masked], { axis: attributeInteger(-1) });
    const context = graph.add("MatMul", [weights, split("value", [0, 2, 1, 3])]); // [B, N, T, D]
    return graph.add("Reshape", [transpose(context, [0, 2, 1, 3]), together]);
  };

  const length = graph.add("Gather", [
    graph.add("Shape", ["input_ids"]),
    graph.constant(BigInt64Array.of(1n), []),
  ]);
  const [zero, step] = [graph.constant(BigInt64Array.of(0n), []), graph.constant(BigInt64Array.of(1n), [])];
  const positions = graph.add("Range", [zero, length, step]); // [T]
  const gather = (table: string, ids: string): string =>
    graph.add("Gather", [parameter(`bert.embeddings.${table}_embeddings.weight`), ids]);
  const words = graph.add("Add", [gather("word", "input_ids"), gather("token_type", "token_type_ids")]);
  let hidden = norm(graph.add("Add", [words, gather("position", positions)]), "bert.embeddings.LayerNorm");
  const mask = graph.add("Cast", ["attention_mask"], { to: attributeInteger(FLOAT) });
  const hiding = graph.add("Mul", [graph.add("Sub", [one, mask]), scalar(-10_000)]);
  const bias = graph.add("Unsqueeze", [hiding, shape(1, 2)]); // [B, 1, 1, T]
  for (let l = 0; l < numHiddenLayers; l++) {
    const layer = `bert.encoder.layer.${l}`;
    const context = linear(
      attend(hidden, `${layer}.attention.self`, bias),
      `${layer}.attention.output.dense`,
    );
    const attended = norm(graph.add("Add", [context, hidden]), `${layer}.attention.output.LayerNorm`);
    const wide = gelu(linear(attended, `${layer}.intermediate.dense`));
    hidden = norm(
      graph.add("Add", [linear(wide, `${layer}.output.dense`), attended]),
      `${layer}.output.LayerNorm`,
    );
  }
  const first = graph.add("Gather", [hidden, graph.constant(BigInt64Array.of(0n), [])], {
    axis: attributeInteger(1),
  });
  const pooled = graph.add("Tanh", [linear(first, "bert.pooler.dense")]);
  const logits = graph.add("Identity", [linear(pooled, "classifier")], {}, "logits");
  const row: Size[] = ["batch", "tokens"];
  return graph.model(
    [
      ["input_ids", INT64, row],
      ["attention_mask", INT64, row],
      ["token_type_ids", INT64, row],
    ],
    [[logits, FLOAT, ["batch", numLabels]]],
  );
}

// --- internal ---

const FLOAT = 1;
const INT64 = 7;

class Graph {
  readonly nodes: Pieces[] = [];
  readonly initializers: Pieces[] = [];
  #count = 0;

  /** An operator; gives the name of its output. */
  add(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, Pieces> = {},
    output = `t${this.#count++}`,
  ): string {
    const written = Object.entries(attributes).map(([name, value]) => message(5, text(1, name), value));
    const names = inputs.map((name) => text(1, name));
    this.nodes.push(message(1, ...names, text(2, output), text(4, operator), ...written));
    return output;
  }

  /** A constant; gives its name. */
  constant(values: Float32Array | BigInt64Array, shape: readonly number[]): string {
    const name = `c${this.#count++}`;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const type = values instanceof Float32Array ? FLOAT : INT64;
    const dims = shape.map((size) => integer(1, size));
    this.initializers.push(message(5, ...dims, integer(2, type), text(8, name), message(9, [bytes])));
    return name;
  }

  /** The file. */
  model(inputs: readonly Value[], outputs: readonly Value[]): Uint8Array {
    const tensor = (field: number, [name, type, shape]: Value): Pieces => {
      const dims = shape.map((size) =>
        message(1, typeof size === "number" ? integer(1, size) : text(2, size)),
      );
      return message(field, text(1, name), message(2, message(1, integer(1, type), message(2, ...dims))));
    };
    const graph = [
      ...this.nodes,
      text(2, "bert"),
      ...this.initializers,
      ...inputs.map((input) => tensor(11, input)),
      ...outputs.map((output) => tensor(12, output)),
    ];
    const pieces = [...integer(1, 8), ...message(8, text(1, ""), integer(2, 17)), ...message(7, ...graph)];
    const file = new Uint8Array(lengthOf(pieces));
    let at = 0;
    for (const piece of pieces) {
      file.set(piece, at);
      at += piece.length;
    }
    return file;
  }
}

/** A tensor's name, type and shape. */
type Value = readonly [name: string, type: number, shape: readonly Size[]];

const lengthOf = (pieces: Pieces): number => pieces.reduce((sum, { length }) => sum + length, 0);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

const integer = (field: number, value: number): Pieces => [varint(field << 3), varint(value)];
const message = (field: number, ...parts: Pieces[]): Pieces => {
  const pieces = parts.flat();
  return [varint((field << 3) | 2), varint(lengthOf(pieces)), ...pieces];
};
const text = (field: number, value: string): Pieces => message(field, [new TextEncoder().encode(value)]);
const attributeIntegers = (values: readonly number[]): Pieces => [
  ...values.flatMap((value) => integer(8, value)),
  ...integer(20, 7),
];
const attributeInteger = (value: number): Pieces => [...integer(3, value), ...integer(20, 2)];
const attributeFloat = (value: number): Pieces => [
  varint((2 << 3) | 5),
  new Uint8Array(Float32Array.of(value).buffer),
  ...integer(20, 1),
];
