/** A BERT's encoder as an ONNX file, written operator by operator, so that ONNX Runtime runs the same weights. */
import type { BertModel } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";

/**
 * The encoder of a model, without its pooler, as an ONNX file: inputs `ids` and `positions` int64 `[B, T]`, `mask` float32
 * `[B, 1, 1, T]`, which is added to the scores.
 *
 * @param bits With 8, dense layers as ONNX Runtime's `quantize_dynamic` makes them: int8 weights with one scale, activations
 * quantised as they come.
 */
export function onnxOf(model: BertModel, bits: 8 | 32): Uint8Array {
  const { config } = model;
  const graph = new Graph();
  const { hiddenSize, numAttentionHeads: heads } = config;
  const values = (key: string): Float32Array => model.parameters.get(key)!.dataSync() as Float32Array;
  const parameter = (key: string): string => graph.constant(values(key), model.parameters.get(key)!.shape);
  const scalar = (value: number): string => graph.constant(Float32Array.of(value), []);
  const quantized = new Map<string, string[]>();
  const linear = (x: string, name: string): string => {
    const weight = model.parameters.get(`${name}.weight`)!;
    const turned = tf.tidy(() => tf.transpose(weight).dataSync() as Float32Array); // [in, out], as MatMul has it
    const shape = weight.shape.toReversed();
    if (bits === 32) {
      const product = graph.add("MatMul", [x, graph.constant(turned, shape)]);
      return graph.add("Add", [product, parameter(`${name}.bias`)]);
    }
    if (!quantized.has(x)) quantized.set(x, graph.addAll("DynamicQuantizeLinear", [x], 3));
    const [integers, scale, zero] = quantized.get(x)! as [string, string, string];
    const most = turned.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const weights = Int8Array.from(turned, (value) => Math.round((value / most) * 127));
    const product = graph.add("MatMulInteger", [
      integers,
      graph.constant(weights, shape),
      zero,
      graph.constant(new Int8Array(1), []),
    ]);
    const float = graph.add("Cast", [product], { to: attributeInteger(FLOAT) });
    const scales = graph.add("Mul", [scale, scalar(most / 127)]);
    return graph.add("Add", [graph.add("Mul", [float, scales]), parameter(`${name}.bias`)]);
  };
  const norm = (x: string, name: string): string =>
    graph.add("LayerNormalization", [x, parameter(`${name}.weight`), parameter(`${name}.bias`)], {
      axis: attributeInteger(-1),
      epsilon: attributeFloat(config.layerNormEps),
    });
  const [root, half, one] = [scalar(Math.SQRT2), scalar(0.5), scalar(1)];
  const gelu = (x: string): string => {
    const erf = graph.add("Erf", [graph.add("Div", [x, root])]);
    return graph.add("Mul", [graph.add("Mul", [x, graph.add("Add", [erf, one])]), half]);
  };
  const apart = graph.constant(BigInt64Array.of(0n, 0n, BigInt(heads), -1n), [4]);
  const together = graph.constant(BigInt64Array.of(0n, 0n, BigInt(hiddenSize)), [3]);
  const scale = scalar(Math.sqrt(hiddenSize / heads));
  const transpose = (x: string, axes: readonly number[]): string =>
    graph.add("Transpose", [x], { perm: integers(axes) });
  const attend = (x: string, name: string): string => {
    const split = (part: string, axes: readonly number[]): string =>
      transpose(graph.add("Reshape", [linear(x, `${name}.${part}`), apart]), axes);
    const scores = graph.add("MatMul", [split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1])]); // [B, N, T, T]
    const seen = graph.add("Add", [graph.add("Div", [scores, scale]), "mask"]);
    const weights = graph.add("Softmax", [seen], { axis: attributeInteger(-1) });
    const context = graph.add("MatMul", [weights, split("value", [0, 2, 1, 3])]); // [B, N, T, D]
    return graph.add("Reshape", [transpose(context, [0, 2, 1, 3]), together]);
  };

  const words = graph.add("Gather", [parameter("embeddings.word_embeddings.weight"), "ids"]);
  const positions = graph.add("Gather", [parameter("embeddings.position_embeddings.weight"), "positions"]);
  const type = graph.constant(values("embeddings.token_type_embeddings.weight").slice(0, hiddenSize), [
    hiddenSize,
  ]);
  const sum = graph.add("Add", [graph.add("Add", [words, positions]), type]);
  let hidden = norm(sum, "embeddings.LayerNorm");
  for (let l = 0; l < config.numHiddenLayers; l++) {
    const layer = `encoder.layer.${l}`;
    const context = linear(attend(hidden, `${layer}.attention.self`), `${layer}.attention.output.dense`);
    const attended = norm(graph.add("Add", [context, hidden]), `${layer}.attention.output.LayerNorm`);
    const wide = gelu(linear(attended, `${layer}.intermediate.dense`));
    hidden = norm(
      graph.add("Add", [linear(wide, `${layer}.output.dense`), attended]),
      `${layer}.output.LayerNorm`,
    );
  }
  const inputs = new Map([
    ["ids", [INT64, 2]],
    ["positions", [INT64, 2]],
    ["mask", [FLOAT, 4]],
  ] as const);
  return graph.model(inputs, hidden);
}

// --- protocol buffers, as far as ONNX needs them ---

/** Bytes in pieces, so that weights are not copied from message to message. */
type Pieces = Uint8Array[];

const length = (pieces: Pieces): number => pieces.reduce((sum, { length }) => sum + length, 0);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

const integer = (field: number, value: number): Pieces => [varint(field << 3), varint(value)];
const message = (field: number, ...parts: Pieces[]): Pieces => {
  const pieces = parts.flat();
  return [varint((field << 3) | 2), varint(length(pieces)), ...pieces];
};
const text = (field: number, value: string): Pieces => message(field, [new TextEncoder().encode(value)]);
const float = (field: number, value: number): Pieces => [
  varint((field << 3) | 5),
  new Uint8Array(Float32Array.of(value).buffer),
];

// --- the graph ---

const FLOAT = 1;
const INT8 = 3;
const INT64 = 7;

class Graph {
  readonly nodes: Pieces[] = [];
  readonly initializers: Pieces[] = [];
  #count = 0;

  /** An operator; gives the name of its output. */
  add(operator: string, inputs: readonly string[], attributes: Record<string, Pieces> = {}): string {
    return this.addAll(operator, inputs, 1, attributes)[0]!;
  }

  /** An operator of several outputs; gives their names. */
  addAll(
    operator: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Record<string, Pieces> = {},
  ): string[] {
    const names = Array.from({ length: outputs }, () => `t${this.#count++}`);
    const written = Object.entries(attributes).map(([name, value]) => message(5, text(1, name), value));
    this.nodes.push(
      message(
        1,
        ...inputs.map((name) => text(1, name)),
        ...names.map((name) => text(2, name)),
        text(4, operator),
        ...written,
      ),
    );
    return names;
  }

  /** A constant; gives its name. */
  constant(values: Float32Array | BigInt64Array | Int8Array, shape: readonly number[]): string {
    const name = `c${this.#count++}`;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const type = values instanceof Float32Array ? FLOAT : values instanceof Int8Array ? INT8 : INT64;
    const dims = shape.map((size) => integer(1, size));
    this.initializers.push(message(5, ...dims, integer(2, type), text(8, name), message(9, [bytes])));
    return name;
  }

  /** The file, with inputs and an output of these types, whose shapes are left open but for their ranks. */
  model(inputs: ReadonlyMap<string, readonly [type: number, rank: number]>, output: string): Uint8Array {
    const tensor = (field: number, name: string, type: number, rank: number): Pieces => {
      const dims = Array.from({ length: rank }, (_, axis) => message(1, text(2, `${name}_${axis}`)));
      return message(field, text(1, name), message(2, message(1, integer(1, type), message(2, ...dims))));
    };
    const graph = [
      ...this.nodes,
      text(2, "bert"),
      ...this.initializers,
      ...[...inputs].flatMap(([name, [type, rank]]) => tensor(11, name, type, rank)),
      tensor(12, output, FLOAT, 3),
    ];
    const pieces = [...integer(1, 8), ...message(8, text(1, ""), integer(2, 17)), ...message(7, ...graph)];
    const file = new Uint8Array(length(pieces));
    let at = 0;
    for (const piece of pieces) {
      file.set(piece, at);
      at += piece.length;
    }
    return file;
  }
}

const integers = (values: readonly number[]): Pieces => [
  ...values.flatMap((value) => integer(8, value)),
  ...integer(20, 7),
];
const attributeInteger = (value: number): Pieces => [...integer(3, value), ...integer(20, 2)];
const attributeFloat = (value: number): Pieces => [...float(2, value), ...integer(20, 1)];
