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

/** What clean-up closes up, in this order. */
const OPEN = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " do not", " 's", " 've", " 're"];

function cleanUp(piece: string): string {
  if (!piece.includes(" ")) return piece;
  return OPEN.reduce(
    (text, open) => text.replaceAll(open, open === " do not" ? " don't" : open.trim()),
    piece,
  );
}
