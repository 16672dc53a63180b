/** Lengths from `from` to `to`, and how many sequences have one of them. */
export interface LengthBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * Gather lengths into at most `bins` bins of one width, the last of which takes the rest, a thousandth at most.
 *
 * @param lengths How many have each length, by length.
 */
export function lengthBins(lengths: readonly number[], bins: number): LengthBin[] {
  const first = lengths.findIndex((count) => count > 0);
  if (first < 0) return [];
  const end = Math.max(lengthBelow(lengths, 0.999) + 1, first + 1);
  const width = roundWidth((end - first) / bins);
  const result: LengthBin[] = [];
  for (let from = Math.floor(first / width) * width; from < end; from += width) {
    const to = from + width >= end ? lengths.length - 1 : from + width - 1;
    const count = lengths.slice(from, to + 1).reduce((sum, number) => sum + number, 0);
    result.push({ from, to, count });
  }
  return result;
}

/** The least length that at least `share` of the sequences do not exceed. */
export function lengthBelow(lengths: readonly number[], share: number): number {
  const total = lengths.reduce((sum, count) => sum + count, 0);
  let below = 0;
  return lengths.findIndex((count) => (below += count) >= total * share);
}

/** The histogram as text, a line for a bin. */
export function histogramText(lengths: readonly number[], of: string): string {
  const bins = lengthBins(lengths, 16);
  const most = Math.max(...bins.map(({ count }) => count));
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const lines = bins.map(({ from, to, count }) => {
    const range = from === to ? `${from}` : `${from}–${to}`;
    const share = `${((count / total) * 100).toFixed(1)} %`;
    return `${range.padStart(10)}  ${share.padStart(7)}  ${"█".repeat(Math.round((count / most) * 40)) || (count > 0 ? "▏" : "")}`;
  });
  return [`${of.padStart(10)}    share`, ...lines].join("\n");
}

// --- internal ---

/** 1, 2, 4, 5, 8 or 10 times a power of ten, at least `width`. */
function roundWidth(width: number): number {
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 4, 5, 8]) if (step * power >= width) return step * power;
  }
}
