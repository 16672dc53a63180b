/** Kernels that make tensors, and that move elements. */
import { type DataType, slice_util, util } from "@tensorflow/tfjs-core";
import { broadcastInDim, constant, convert, iota, reshape, splat } from "../hlo/elementwise.ts";
import type { Value } from "../hlo/graph.ts";
import { concatenate, pad, reverse, slice, transpose } from "../hlo/structure.ts";
import { sizeOf } from "../hlo/types.ts";
import { elementTypeOf } from "../jit/stored.ts";
import { type Lowerings, positiveAxis } from "./lowering.ts";

/** By the kernel's name. */
export const STRUCTURE: Lowerings = {
  Fill: ({ graph: g }, _, { shape, value, dtype }) =>
    splat(g, Number(value), elementTypeOf((dtype ?? "float32") as DataType), shape as number[]),
  Range: ({ graph: g }, _, { start, stop, step, dtype }) => {
    const [from, to, by] = [start, stop, step] as [number, number, number];
    const count = from === to || from < to !== by > 0 ? 0 : Math.abs(Math.ceil((to - from) / by));
    const type = elementTypeOf((dtype ?? "float32") as DataType);
    if (type !== "i32")
      return constant(
        g,
        Float32Array.from({ length: count }, (_, i) => from + i * by),
        type,
        [count],
      );
    const places = iota(g, type, [count], 0);
    const scaled = g.record("stablehlo.multiply", [places, splat(g, by, type, [count])], places);
    return g.record("stablehlo.add", [scaled, splat(g, from, type, [count])], places);
  },
  OneHot: ({ graph: g }, { indices }, { depth, onValue, offValue, dtype }) => {
    const shape = [...indices!.shape, depth as number];
    const type = elementTypeOf((dtype ?? "int32") as DataType);
    const places = iota(g, "i32", shape, shape.length - 1);
    const wanted = broadcastInDim(
      g,
      convert(g, indices!, "i32"),
      shape,
      indices!.shape.map((_, i) => i),
    );
    const attributes = "comparison_direction = #stablehlo<comparison_direction EQ>";
    const hit = g.record("stablehlo.compare", [places, wanted], { dtype: "i1", shape }, { attributes });
    const [on, off] = [onValue, offValue].map((value) => splat(g, Number(value), type, shape));
    return g.record("stablehlo.select", [hit, on!, off!], { dtype: type, shape });
  },

  Reshape: ({ graph: g }, { x }, { shape }) =>
    reshape(g, x!, util.inferFromImplicitShape(shape as number[], sizeOf(x!.shape))),
  ExpandDims: ({ graph: g }, { input }, { dim }) => {
    const at = positiveAxis(dim as number, input!.shape.length + 1);
    return reshape(g, input!, input!.shape.toSpliced(at, 0, 1));
  },
  Transpose: ({ graph: g }, { x }, { perm }) => transpose(g, x!, perm as number[]),
  Reverse: ({ graph: g }, { x }, { dims }) => {
    const axes = util.parseAxisParam(dims as number[], [...x!.shape]);
    return axes.length === 0 ? x! : reverse(g, x!, axes);
  },
  Slice: ({ graph: g }, { x }, { begin, size }) => {
    const shaped = { ...x!, shape: [...x!.shape] } as unknown as Parameters<
      typeof slice_util.parseSliceParams
    >[0];
    const [from, sizes] = slice_util.parseSliceParams(shaped, begin as number[], size as number[]);
    return slice(
      g,
      x!,
      from!,
      from!.map((start, i) => start + sizes![i]!),
    );
  },
  StridedSlice: ({ graph: g }, { x }, attributes) => {
    const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } =
      attributes as unknown as StridedSliceAttributes;
    const {
      finalShapeSparse,
      finalShape,
      begin: from,
      strides: by,
    } = slice_util.sliceInfo(
      [...x!.shape],
      begin,
      end,
      strides,
      beginMask,
      endMask,
      ellipsisMask,
      newAxisMask,
      shrinkAxisMask,
    );
    if (finalShapeSparse.includes(0)) return splat(g, 0, x!.dtype, finalShape);
    const backwards = by.flatMap((step, i) => (step < 0 ? [i] : []));
    const turned = backwards.length === 0 ? x! : reverse(g, x!, backwards);
    const start = from.map((place, i) => (by[i]! < 0 ? x!.shape[i]! - 1 - place : place));
    const step = by.map(Math.abs);
    const limit = start.map((place, i) => place + (finalShapeSparse[i]! - 1) * step[i]! + 1);
    return reshape(g, slice(g, turned, start, limit, step), finalShape);
  },
  Concat: ({ graph: g }, inputs, { axis }) => {
    const parts = Object.values(inputs);
    const along = positiveAxis(axis as number, parts[0]!.shape.length);
    const filled = parts.filter(({ shape }) => shape[along] !== 0);
    return filled.length === 0
      ? parts[0]!
      : concatenate(
          g,
          alike(filled, (x) => convert(g, x, "f32")),
          along,
        );
  },
  Pack: ({ graph: g }, inputs, { axis }) => {
    const parts = Object.values(inputs);
    const at = positiveAxis(axis as number, parts[0]!.shape.length + 1);
    const flat = alike(parts, (x) => convert(g, x, "f32"));
    return concatenate(
      g,
      flat.map((x) => reshape(g, x, x.shape.toSpliced(at, 0, 1))),
      at,
    );
  },
  Unpack: ({ graph: g }, { value }, { axis }) => {
    const { shape } = value!;
    const at = positiveAxis(axis as number, shape.length);
    return Array.from({ length: shape[at]! }, (_, i) => {
      const begin = shape.map((_, d) => (d === at ? i : 0));
      const part = slice(g, value!, begin, shape.with(at, i + 1));
      return reshape(g, part, shape.toSpliced(at, 1));
    });
  },
  SplitV: ({ graph: g }, { x }, { numOrSizeSplits, axis }) => {
    const { shape } = x!;
    const at = positiveAxis(axis as number, shape.length);
    const sizes = splitSizes(numOrSizeSplits as number | number[], shape[at]!);
    let from = 0;
    return sizes.map((size) => {
      const begin = shape.map((_, d) => (d === at ? from : 0));
      from += size;
      return slice(g, x!, begin, shape.with(at, from));
    });
  },
  PadV2: ({ graph: g }, { x }, { paddings, constantValue }) => {
    const pairs = paddings as [number, number][];
    return pad(
      g,
      x!,
      pairs.map(([before]) => before),
      pairs.map(([, after]) => after),
      constantValue as number,
    );
  },
  Tile: ({ graph: g }, { x }, { reps }) => {
    const times = reps as number[];
    const interleaved = x!.shape.flatMap((size, i) => [times[i]!, size]);
    const spread = broadcastInDim(
      g,
      x!,
      interleaved,
      x!.shape.map((_, i) => 2 * i + 1),
    );
    return reshape(
      g,
      spread,
      x!.shape.map((size, i) => size * times[i]!),
    );
  },
  BroadcastTo: ({ graph: g }, { x }, { shape }) => {
    const target = shape as number[];
    const offset = target.length - x!.shape.length;
    const kept = x!.shape.flatMap((size, i) => (size === target[i + offset] ? [i] : []));
    const squeezed = reshape(
      g,
      x!,
      kept.map((i) => x!.shape[i]!),
    );
    return broadcastInDim(
      g,
      squeezed,
      target,
      kept.map((i) => i + offset),
    );
  },
};

// --- internal ---

interface StridedSliceAttributes {
  begin: number[];
  end: number[];
  strides: number[];
  beginMask: number;
  endMask: number;
  ellipsisMask: number;
  newAxisMask: number;
  shrinkAxisMask: number;
}

/** Values of one element type, so that they can lie in one tensor: float32 if any is. */
function alike(parts: readonly Value[], widen: (x: Value) => Value): readonly Value[] {
  return parts.every(({ dtype }) => dtype === parts[0]!.dtype) ? parts : parts.map(widen);
}

function splitSizes(numOrSizes: number | number[], total: number): number[] {
  if (typeof numOrSizes === "number") return Array.from({ length: numOrSizes }, () => total / numOrSizes);
  const known = numOrSizes.reduce((sum, size) => sum + Math.max(0, size), 0);
  return numOrSizes.map((size) => (size < 0 ? total - known : size));
}
