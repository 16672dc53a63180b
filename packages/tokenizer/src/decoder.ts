/**
 * Tokens back to text.
 *
 * @module
 */

/**
 * Join tokens as the WordPiece decoder of Hugging Face tokenizers does.
 *
 * The first token stands as it is; of later ones those that continue a word lose their `##` and the others get a space
 * in front. Clean-up closes up English punctuation, token by token.
 *
 * @param tokens The tokens. @param cleanup Whether to clean up.
 */
export function decodeTokens(tokens: readonly string[], cleanup: boolean): string {
  let text = "";
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const piece = i === 0 ? token : token.startsWith("##") ? token.slice(2) : ` ${token}`;
    text += cleanup ? cleanUp(piece) : piece;
  }
  return text;
}

// --- internal ---

/** What clean-up replaces, in this order. */
const CLEANUPS: readonly (readonly [from: string, to: string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function cleanUp(piece: string): string {
  if (!piece.includes(" ")) return piece;
  return CLEANUPS.reduce((text, [from, to]) => text.replaceAll(from, to), piece);
}
