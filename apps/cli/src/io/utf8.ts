/**
 * Where a sequence of bytes stops being UTF-8.
 *
 * Follows the Unicode standard's table 3-7 (no overlong forms, no surrogates, nothing above U+10FFFF).
 *
 * @param bytes Any bytes.
 * @param end Where to stop, exclusive; the end of `bytes` by default.
 * @returns The offset of the first byte that cannot belong to a well-formed sequence, or -1 if there is none. A sequence
 * cut off at the end counts as ill-formed, at its first byte.
 */
export function firstInvalidUtf8(bytes: Uint8Array, end: number = bytes.length): number {
  let i = 0;
  while (i < end) {
    const lead = bytes[i]!;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const length = sequenceLength(lead);
    if (length === 0 || i + length > end || !isSecondByte(lead, bytes[i + 1]!)) return i;
    for (let j = 2; j < length; j++) if ((bytes[i + j]! & 0xc0) !== 0x80) return i;
    i += length;
  }
  return -1;
}

// --- internal ---

function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

function isSecondByte(lead: number, byte: number): boolean {
  if (lead === 0xe0) return byte >= 0xa0 && byte <= 0xbf;
  if (lead === 0xed) return byte >= 0x80 && byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90 && byte <= 0xbf;
  if (lead === 0xf4) return byte >= 0x80 && byte <= 0x8f;
  return (byte & 0xc0) === 0x80;
}
