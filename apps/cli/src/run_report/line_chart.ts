/**
 * Line charts as SVG: no script, no font, readable in light and dark.
 */

/** A line of a chart. */
interface ChartSeries {
  readonly name: string;
  /** `a` to `d`: a colour of the chart's own. */
  readonly colour: "a" | "b" | "c" | "d";
  /** In order of x. Values that are not finite are left out. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Mark the points, where there are few. */
  readonly dots?: boolean;
  /** Draw the points faintly, and over them their running mean. */
  readonly smooth?: boolean;
}

/** A chart. */
export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly ChartSeries[];
  /** A value to compare with, drawn dashed. */
  readonly baseline?: { readonly name: string; readonly y: number };
}

/** Draw a chart: 760 by 420 units, scaling with the page. */
export function lineChart({ title, xLabel, yLabel, series, baseline }: LineChart): string {
  const drawn = series.map((each) => ({ ...each, points: thinned(each.points) }));
  const shown = drawn.flatMap(({ points, smooth }) => (smooth === true ? smoothed(points) : points));
  const all = shown.length > 0 ? shown : ([[0, 0]] as const);
  const ys = [...all.map(([, y]) => y), ...(baseline === undefined ? [] : [baseline.y])];
  const x = axis(Math.min(0, ...all.map(([x]) => x)), Math.max(1, ...all.map(([x]) => x)), LEFT, RIGHT);
  const y = axis(Math.min(...ys), Math.max(...ys), BOTTOM, TOP);
  const place = ([a, b]: readonly [number, number]) => `${round(x.at(a))},${round(y.at(b))}`;
  const path = (points: readonly (readonly [number, number])[], attributes: string) =>
    points.length === 0
      ? ""
      : `<polyline clip-path="url(#plot)" points="${points.map(place).join(" ")}" ${attributes}/>`;
  const lines = drawn.map(({ colour, points, dots = false, smooth = false }) => {
    const marks = dots
      ? points.map((point) => {
          const [cx, cy] = place(point).split(",");
          return `<circle cx="${cx}" cy="${cy}" r="3" class="dot ${colour}"/>`;
        })
      : [];
    const main = smooth ? smoothed(points) : points;
    return [
      smooth ? path(points, `class="line faint ${colour}"`) : "",
      path(main, `class="line ${colour}"`),
      ...marks,
    ].join("");
  });
  const grid = y.ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${round(y.at(tick))}" y2="${round(y.at(tick))}"/>` +
      `<text x="${LEFT - 8}" y="${round(y.at(tick) + 4)}" text-anchor="end">${format(tick)}</text>`,
  );
  const feet = x.ticks.map(
    (tick) => `<text x="${round(x.at(tick))}" y="${BOTTOM + 20}" text-anchor="middle">${format(tick)}</text>`,
  );
  const dashed =
    baseline === undefined
      ? ""
      : `<line class="baseline" x1="${LEFT}" x2="${RIGHT}" y1="${round(y.at(baseline.y))}" y2="${round(y.at(baseline.y))}"/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}">`,
    `<style>${STYLE}</style>`,
    `<clipPath id="plot"><rect x="${LEFT}" y="${TOP - 4}" width="${RIGHT - LEFT}" height="${BOTTOM - TOP + 8}"/></clipPath>`,
    `<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${LEFT}" y="24">${escapeXml(title)}</text>`,
    legend(series, baseline),
    ...grid,
    ...feet,
    `<text x="${RIGHT}" y="${BOTTOM + 40}" text-anchor="end">${escapeXml(xLabel)}</text>`,
    `<text x="${LEFT - 8}" y="${TOP - 12}" text-anchor="end">${escapeXml(yLabel)}</text>`,
    dashed,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

/** Text as it may stand in XML and HTML. */
export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

// --- internal ---

const [WIDTH, HEIGHT] = [760, 420];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 744, 72, 368];
/** More points than the chart has units tell nothing. */
const MOST_POINTS = 800;

const STYLE = [
  "text{font:12px system-ui,sans-serif;fill:#5f6368}.title{font-weight:600;font-size:15px;fill:#202124}",
  ".paper{fill:#fff}.grid{stroke:#e8eaed}.baseline{stroke:#80868b;stroke-dasharray:5 4}",
  ".line{fill:none;stroke-width:2;stroke-linejoin:round}.faint{opacity:.3;stroke-width:1}",
  ".line.a{stroke:#e8710a}.line.b{stroke:#1a73e8}.line.c{stroke:#188038}.line.d{stroke:#9334e6}",
  ".dot.a{fill:#e8710a}.dot.b{fill:#1a73e8}.dot.c{fill:#188038}.dot.d{fill:#9334e6}",
  "@media(prefers-color-scheme:dark){text{fill:#9aa0a6}.title{fill:#e8eaed}.paper{fill:#202124}.grid{stroke:#3c4043}}",
].join("");

interface Axis {
  readonly ticks: readonly number[];
  /** Where a value stands. */
  at(value: number): number;
}

/** An axis from `from` to `to` units, with four to eight round numbers on it. */
function axis(low: number, high: number, from: number, to: number): Axis {
  const span = high - low > 0 ? high - low : Math.abs(high) || 1;
  const rough = span / 6;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((size) => size >= rough)!;
  const first = Math.floor(low / step + 1e-9) * step;
  const last = Math.max(first + step, Math.ceil(high / step - 1e-9) * step);
  const count = Math.round((last - first) / step);
  return {
    ticks: Array.from({ length: count + 1 }, (_, i) => Number((first + i * step).toPrecision(12))),
    at: (value) => from + ((value - first) / (last - first)) * (to - from),
  };
}

/** The means of as many neighbours as leave few points. */
function thinned(points: ChartSeries["points"]): (readonly [number, number])[] {
  const finite = points.filter(([, y]) => Number.isFinite(y));
  const size = Math.ceil(finite.length / MOST_POINTS);
  if (size <= 1) return finite;
  const mean = (part: ChartSeries["points"], at: 0 | 1) =>
    part.reduce((sum, point) => sum + point[at], 0) / part.length;
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, i) => {
    const part = finite.slice(i * size, (i + 1) * size);
    return [mean(part, 0), mean(part, 1)] as const;
  });
}

/** The exponential mean of what came before, not drawn to zero at its begin. */
function smoothed(points: ChartSeries["points"]): (readonly [number, number])[] {
  const weight = Math.max(0, 1 - 20 / Math.max(20, points.length));
  let [sum, weights] = [0, 0];
  return points.map(([x, y]) => {
    sum = weight * sum + (1 - weight) * y;
    weights = weight * weights + (1 - weight);
    return [x, sum / weights] as const;
  });
}

function legend(series: readonly ChartSeries[], baseline: LineChart["baseline"]): string {
  let at = LEFT;
  const entry = (name: string, mark: string) => {
    const text = `<g transform="translate(${at} 44)">${mark}<text x="20" y="4">${escapeXml(name)}</text></g>`;
    at += 36 + 7 * name.length;
    return text;
  };
  return [
    ...series.map(({ name, colour }) => entry(name, `<line class="line ${colour}" x2="14"/>`)),
    ...(baseline === undefined ? [] : [entry(baseline.name, '<line class="baseline" x2="14"/>')]),
  ].join("");
}

function round(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}

/** 1,000 as `1K`, 0.0001 as `1e-4`. */
function format(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(6))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(6))}K`;
  if (size > 0 && size < 1e-3) return value.toExponential().replace("e-", "e−");
  return String(value).replace("-", "−");
}
