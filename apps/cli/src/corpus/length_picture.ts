import { lengthBelow, lengthBins } from "./length_histogram.ts";

/**
 * Draw how long sequences are, as an SVG image that suits light and dark pages.
 *
 * @param lengths How many have each length, by length.
 * @param of What lengths are counted in: `tokens`.
 */
export function lengthPicture(lengths: readonly number[], of: string): string {
  const bins = lengthBins(lengths, 64);
  const total = lengths.reduce((sum, count) => sum + count, 0);
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const from = bins[0]?.from ?? 0;
  const to = (bins.at(-1)?.from ?? 0) + widthOf(bins);
  const x = (length: number) => LEFT + ((length - from) / (to - from)) * WIDTH;
  const y = (count: number) => TOP + HEIGHT * (1 - count / most);
  const bars = bins.map(({ from, count }) => {
    const left = x(from);
    const right = Math.max(left + 0.5, x(from + widthOf(bins)) - 1);
    return `<rect x="${n(left)}" y="${n(y(count))}" width="${n(right - left)}" height="${n(TOP + HEIGHT - y(count))}"/>`;
  });
  const median = lengthBelow(lengths, 0.5);
  const high = lengthBelow(lengths, 0.99);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 360" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${title(total, of)}">
<style>
svg { color: #222; background: #fff }
.bars { fill: #2f6fde } .grid { stroke: currentColor; stroke-opacity: 0.15 } .mark { stroke: #c2410c; stroke-dasharray: 4 3 }
text { fill: currentColor } .mark-name { fill: #c2410c }
@media (prefers-color-scheme: dark) { svg { color: #ddd; background: #161616 } .bars { fill: #7aa7ff } .mark { stroke: #ffb27a } .mark-name { fill: #ffb27a } }
</style>
<text x="${LEFT}" y="24" font-size="15" font-weight="600">${title(total, of)}</text>
${gridLines(most, total, y)}
<g class="bars">${bars.join("")}</g>
${lengthNames(from, to, x)}
${mark(x(median + 0.5), `median ${median}`, 0)}
${high === median ? "" : mark(x(Math.min(high + 0.5, to)), `99 % within ${high}`, 16)}
<text x="${LEFT + WIDTH / 2}" y="352" text-anchor="middle">${of} of a ${of === "tokens" ? "sequence, [CLS] and [SEP] included" : "text"}${lengths.length > to ? "; the last bar is the rest" : ""}</text>
</svg>
`;
}

// --- internal ---

const [LEFT, TOP, WIDTH, HEIGHT] = [64, 44, 636, 262];

function title(total: number, of: string): string {
  return `Lengths of ${total.toLocaleString("en")} ${of === "tokens" ? "sequences" : "texts"}`;
}

function widthOf(bins: readonly { readonly from: number }[]): number {
  return bins.length < 2 ? 1 : bins[1]!.from - bins[0]!.from;
}

function gridLines(most: number, total: number, y: (count: number) => number): string {
  const step = roundStep(most / total / 4);
  const lines: string[] = [];
  for (let share = 0; share <= most / total; share += step) {
    const at = n(y(share * total));
    const digits = step < 0.01 ? 1 : 0;
    lines.push(
      `<line class="grid" x1="${LEFT}" x2="${LEFT + WIDTH}" y1="${at}" y2="${at}"/>` +
        `<text x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end">${(share * 100).toFixed(digits)} %</text>`,
    );
  }
  return lines.join("\n");
}

function lengthNames(from: number, to: number, x: (length: number) => number): string {
  const step = Math.max(1, roundStep((to - from) / 10));
  const names: string[] = [];
  for (let length = Math.ceil(from / step) * step; length <= to; length += step) {
    names.push(`<text x="${n(x(length))}" y="${TOP + HEIGHT + 18}" text-anchor="middle">${length}</text>`);
  }
  return names.join("");
}

function mark(at: number, name: string, down: number): string {
  const right = at > LEFT + WIDTH - 120;
  return (
    `<line class="mark" x1="${n(at)}" x2="${n(at)}" y1="${TOP}" y2="${TOP + HEIGHT}"/>` +
    `<text class="mark-name" x="${n(at + (right ? -6 : 6))}" y="${TOP + 10 + down}" text-anchor="${right ? "end" : "start"}">${name}</text>`
  );
}

/** 1, 2 or 5 times a power of ten, at least `step`. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(step, 1e-9)));
  return [1, 2, 5, 10].map((times) => times * power).find((round) => round >= step)!;
}

function n(number: number): string {
  return String(Math.round(number * 100) / 100);
}
