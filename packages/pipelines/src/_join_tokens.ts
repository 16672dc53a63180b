/**
 * The text that tokens make: pieces that begin with `##` are glued to what is before them, others follow a space, and
 * the space before English punctuation goes, piece by piece.
 *
 * Follows the WordPiece decoder of Hugging Face tokenizers. Unlike `BertTokenizer.decode` it takes texts, since a word may
 * be one that the vocabulary does not have.
 */
export function joinTokens(tokens: readonly string[]): string {
  return tokens.map((token, i) => closeUp(i === 0 ? token : glued(token))).join("");
}

// --- internal ---

function glued(token: string): string {
  return token.startsWith("##") ? token.slice(2) : ` ${token}`;
}

const CLOSED_UP = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " do not", " 's", " 've", " 're"];

function closeUp(piece: string): string {
  if (!piece.includes(" ")) return piece;
  return CLOSED_UP.reduce(
    (text, open) => text.replaceAll(open, open === " do not" ? " don't" : open.trim()),
    piece,
  );
}
