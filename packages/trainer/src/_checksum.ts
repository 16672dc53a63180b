/**
 * 32-bit FNV-1a over numbers, as eight hexadecimal digits: it tells data from other data, and is no protection.
 *
 * @param arrays Whole numbers are taken as they are, floats by their bits.
 */
export function checksum(arrays: Iterable<ArrayLike<number>>): string {
  let hash = 0x811c9dc5;
  for (const numbers of arrays) {
    const whole = numbers instanceof Float32Array ? bitsOf(numbers) : numbers;
    for (let i = 0; i < whole.length; i++) hash = Math.imul(hash ^ whole[i]!, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

// --- internal ---

function bitsOf({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}
