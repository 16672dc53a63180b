/** The folder of a quantised model made up on the way: every byte of its weights is the same, so nothing of it is held. */
import {
  type BertConfig,
  type BertForSequenceClassification,
  formatBertConfig,
  type PretrainedSource,
} from "@kcbert/bert";
import { formOf } from "../../packages/bert/src/_quantized_files.ts";
import { type Quantization, withQuantization } from "../../packages/bert/src/quantization.ts";
import { QuantizedMatrix, QuantizedTable } from "../../packages/bert/src/quantized_matrix.ts";

const INT4: Quantization = { bits: 4, groupSize: 32 };
const FLOATS = [["", { dtype: "F32", shape: [] }]] as const;
const BYTES = { F32: 4, F16: 2, I8: 1, U8: 1 };

/** A source of a model of this class and config. */
export function int4Folder(
  model: typeof BertForSequenceClassification,
  config: BertConfig,
): PretrainedSource {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const [key, shape] of model.parameterShapes(config)) {
    const matrix = shape as [number, number];
    const form = formOf(key);
    const layout =
      form === "floats"
        ? FLOATS
        : form === "table"
          ? QuantizedTable.layout(matrix)
          : QuantizedMatrix.layout(matrix, INT4);
    for (const [suffix, { dtype, shape: written }] of layout) {
      const sizes = form === "floats" ? shape : written;
      const begin = end;
      end += sizes.reduce((product, size) => product * size, BYTES[dtype as keyof typeof BYTES]);
      header[`${key}${suffix}`] = { dtype, shape: sizes, data_offsets: [begin, end] };
    }
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  return async (name) => {
    if (name === "config.json") {
      const architectures = ["BertForSequenceClassification"];
      return new TextEncoder().encode(formatBertConfig({ ...withQuantization(config, INT4), architectures }));
    }
    if (name !== "model.int4.safetensors") return undefined;
    const length = new Uint8Array(8);
    new DataView(length.buffer).setUint32(0, text.length, true);
    return streamOf([length, text], end);
  };
}

// --- internal ---

/** The pieces, and then so many bytes of 17: weights of −7, small scales. */
function streamOf(pieces: readonly Uint8Array[], size: number): ReadableStream<Uint8Array> {
  const rest = [...pieces];
  let left = size;
  return new ReadableStream({
    pull(controller) {
      const given = rest.shift();
      const piece = given ?? new Uint8Array(Math.min(left, 2 ** 16)).fill(17);
      if (given === undefined) left -= piece.length;
      controller.enqueue(piece);
      if (left === 0) controller.close();
    },
  });
}
