/**
 * A text, and where it is quoted as in CSV, also what is inside the quotes, layer by layer: test sets are published either way.
 *
 * @returns The text as it is first.
 */
export function unquotedVariants(text: string): string[] {
  const variants = [text];
  for (let inner = text; QUOTED.test(inner);) {
    inner = inner.slice(1, -1).replaceAll('""', '"');
    variants.push(inner);
  }
  return variants;
}

// --- internal ---

const QUOTED = /^".*"$/s;
