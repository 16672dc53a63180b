import type { KernelConfig } from "@tensorflow/tfjs-core";
import { type Call, defineKernel } from "./_define_kernel.ts";
import { activationOf } from "./_kernel_module.ts";

/**
 * `QuantizedPack`: the weights of a quantised dense layer in the order in which {@link quantizedLinearConfig} reads them.
 *
 * Inputs `values` and `scales` as `QuantizedMatrix` of `@kcbert/bert` has them, attributes `bits`, `rows`, `columns`,
 * `groupSize`; outputs the packed values, int32 of any shape, and scales.
 */
export const quantizedPackConfig: KernelConfig = defineKernel("QuantizedPack", (call) => {
  const { bits, rows, columns, groups } = matrixOf(call);
  const values = call.at(call.input("values", "int32"));
  const scales = call.at(call.input("scales"));
  const packed = call.output([call.module.packedBytes(rows, columns, bits) / 4], "int32");
  if (bits === 8) {
    const packedScales = call.output([4 + Math.ceil(rows / 8) * 8]);
    call.module.packInt8(values, scales, call.at(packed), call.at(packedScales), rows, columns);
    return [packed, packedScales];
  }
  call.module.packInt4(values, call.at(packed), rows, columns);
  const packedScales = call.output([Math.ceil(rows / 8) * 8, groups]);
  call.module.packScales(scales, call.at(packedScales), rows, groups);
  return [packed, packedScales];
});

/** `QuantizedUnpack`: what {@link quantizedPackConfig} was given; the same inputs and attributes. */
export const quantizedUnpackConfig: KernelConfig = defineKernel("QuantizedUnpack", (call) => {
  const { bits, rows, columns, groups } = matrixOf(call);
  const values = call.at(call.input("values", "int32"));
  const scales = call.at(call.input("scales"));
  const out = call.output([Math.ceil((rows * Math.ceil((columns * bits) / 8)) / 4)], "int32");
  const outScales = call.output([rows, groups]);
  if (bits === 8) {
    call.module.unpackInt8(values, call.at(out), rows, columns);
    call.module.unpackInt8Scales(scales, call.at(outScales), rows);
  } else {
    call.module.unpackInt4(values, call.at(out), rows, columns);
    call.module.unpackScales(scales, call.at(outScales), rows, groups);
  }
  return [out, outScales];
});

/**
 * `QuantizedLinear`: `activation(x·Wᵀ + bias)` with W packed, and each row of x quantised to 8 bits as it comes.
 *
 * With 8-bit weights sums are exact integers, so the relaxed build and the plain one agree.
 */
export const quantizedLinearConfig: KernelConfig = defineKernel("QuantizedLinear", (call) => {
  const { module } = call;
  const { bits, rows, columns, groupSize } = matrixOf(call);
  const x = call.input("x"); // [M, C]
  const bias = call.input("bias"); // [R]
  const [m = 0, inner = 0] = x.shape;
  if (x.shape.length !== 2 || inner !== columns || bias.shape.join() !== `${rows}`) {
    throw new TypeError(
      `Cannot run QuantizedLinear as x and bias must be [M, ${columns}] and [${rows}]: they are [${x.shape.join(", ")}] and [${bias.shape.join(", ")}]`,
    );
  }
  const from = call.at(x);
  const plus = call.at(bias);
  const values = call.at(call.input("values", "int32"));
  const scales = call.at(call.input("scales"));
  const out = call.output([m, rows]);
  const integers = call.scratch(module.quantizedBytes(m, columns));
  const scratch = call.scratch(module.quantizedScratch(columns));
  const code = activationOf(call);
  module.quantize(bits, scales, from, m, columns, 0, integers);
  module.quantizedLinear(
    bits,
    integers,
    values,
    scales,
    groupSize,
    plus,
    call.at(out),
    m,
    rows,
    columns,
    code,
    scratch,
  );
  return out;
});

// --- internal ---

interface MatrixAttributes {
  bits: number;
  rows: number;
  columns: number;
  groupSize: number;
  groups: number;
}

function matrixOf(call: Call): MatrixAttributes {
  const { bits, rows, columns, groupSize } = call.attributes as Record<keyof MatrixAttributes, number>;
  return { bits, rows, columns, groupSize, groups: Math.ceil(columns / groupSize) };
}
