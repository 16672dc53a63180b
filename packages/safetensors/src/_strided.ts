/** Whether the elements lie in row-major order without gaps. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    if (size === 0) return true;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

/**
 * Copies a view of a storage into row-major order.
 *
 * @param storage The bytes of the storage.
 * @param offset Where the view begins, in elements.
 * @param strides Steps along each axis, in elements.
 * @param size Bytes of an element: 1, 2, 4 or 8.
 */
export function gather(
  storage: Uint8Array,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  size: number,
): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  if (size === 8) {
    // as pairs of four bytes
    return gather(storage, 2 * offset, [...shape, 2], [...strides.map((stride) => 2 * stride), 1], 4);
  }
  const Words = size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array;
  const aligned = storage.byteOffset % size === 0 ? storage : new Uint8Array(storage); // `slice` of a Node Buffer is a view
  const source = new Words(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    Math.floor(aligned.byteLength / size),
  );
  const target = new Words(count);
  const inner = shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 0;
  const index = shape.slice(1).map(() => 0);
  let from = offset;
  for (let to = 0; to < count;) {
    for (let i = 0; i < inner; i++) target[to++] = source[from + i * step]!;
    for (let axis = index.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return new Uint8Array(target.buffer);
}
