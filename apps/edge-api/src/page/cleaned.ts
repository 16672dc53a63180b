/** A stretch of the comment that the cleaning kept or dropped. */
export interface Piece {
  readonly text: string;
  readonly dropped: boolean;
}

/**
 * The comment cut into what its cleaning kept and dropped. White space never counts as dropped: nobody misses it.
 *
 * @param source The comment.
 * @param text What the cleaning left.
 * @param offsets For each UTF-16 code unit of `text`, its index in `source`.
 */
export function piecesOf(source: string, text: string, offsets: readonly number[]): Piece[] {
  const kept = new Uint8Array(source.length);
  for (let i = 0; i < text.length; i++) {
    const at = offsets[i]!;
    if (source[at] === text[i]) kept[at] = 1;
  }
  const pieces: { text: string; dropped: boolean }[] = [];
  for (let i = 0; i < source.length; i++) {
    const dropped = kept[i] === 0 && /\S/.test(source[i]!);
    const last = pieces.at(-1);
    if (last?.dropped === dropped) last.text += source[i];
    else pieces.push({ text: source[i]!, dropped });
  }
  return pieces;
}

/** How many characters were dropped, as a reader counts them. */
export function countDropped(pieces: readonly Piece[]): number {
  return pieces.reduce(
    (sum, { text, dropped }) => (dropped ? sum + [...characters.segment(text)].length : sum),
    0,
  );
}

// --- internal ---

const characters = new Intl.Segmenter("ko", { granularity: "grapheme" });
