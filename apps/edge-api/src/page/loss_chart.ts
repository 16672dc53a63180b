import { nearest, smooth, thin, ticks, type Point } from "./curve.ts";
import { svg } from "./element.ts";
import type { RunView } from "./run_view.ts";

/** What the chart shows at one step, for its legend. */
export interface Reading {
  /** Undefined before the first. */
  readonly step: number | undefined;
  readonly train: number | undefined;
  readonly heldOut: number | undefined;
  readonly unigram: number | undefined;
  /** Whether the reader moved there with the keyboard, and so wants to hear it. */
  readonly spoken: boolean;
}

/** Words of the chart's axes. */
export interface ChartWords {
  readonly axisStep: string;
  readonly axisLoss: string;
  readonly chartEmpty: string;
}

const margin = { top: 26, right: 14, bottom: 30, left: 40 };

/**
 * The loss over the steps: every training loss in pale, their running mean in full, the held-out losses as points, and
 * the loss of guessing by frequency as a dashed line. Pointer and arrow keys read off a step.
 */
export class LossChart {
  readonly #plot: HTMLElement;
  readonly #onRead: (reading: Reading) => void;
  #run: RunView | undefined;
  #words: ChartWords;
  #average: Point[] = [];
  #cursor: number | undefined;
  #spoken = false;
  #queued = false;

  /**
   * @param plot Where it is drawn, and drawn anew when its size changes.
   * @param words The axes' words.
   * @param onRead Told what the chart shows where the reader looks, by default at its end.
   */
  constructor(plot: HTMLElement, words: ChartWords, onRead: (reading: Reading) => void) {
    this.#plot = plot;
    this.#words = words;
    this.#onRead = onRead;
    new ResizeObserver(() => this.#queue()).observe(plot);
    plot.addEventListener("pointermove", ({ offsetX }) => this.#point(offsetX));
    plot.addEventListener("pointerleave", () => this.#move(undefined));
    plot.addEventListener("blur", () => this.#move(undefined));
    plot.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Show `run`, soon. */
  show(run: RunView, words: ChartWords): void {
    this.#run = run;
    this.#words = words;
    this.#queue();
  }

  // --- internal ---

  #queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      this.#draw();
    });
  }

  #draw(): void {
    const run = this.#run;
    const width = this.#plot.clientWidth;
    if (run === undefined || width === 0) return;
    const height = Math.round(Math.min(340, Math.max(220, width * 0.48)));
    const train = run.steps.flatMap(({ step, loss }) => (loss === null ? [] : { x: step, y: loss }));
    const heldOut = run.evals.flatMap(({ step, loss }) => (loss === null ? [] : { x: step, y: loss }));
    const unigram = run.start?.unigramLoss ?? undefined;
    this.#average = smooth(train, Math.ceil(train.length / 16));
    const frame = frameOf([...this.#average, ...heldOut], unigram, width, height);
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    drawing.append(...axes(frame, this.#words));
    if (train.length + heldOut.length === 0) drawing.append(emptyNote(frame, this.#words.chartEmpty));
    if (unigram !== undefined) drawing.append(baseline(frame, unigram));
    const most = Math.max(50, Math.round(width / 2));
    const raw = line(frame, thin(train, most * 2), "raw");
    raw.setAttribute("clip-path", "url(#inside)"); // single steps may lie far off
    drawing.append(insideOf(frame), raw, line(frame, thin(this.#average, most), "average"));
    drawing.append(line(frame, heldOut, "held-out"));
    for (const { x, y } of heldOut)
      drawing.append(svg("circle", { class: "held-out", cx: frame.x(x), cy: frame.y(y), r: 3.5 }));
    this.#drawCursor(drawing, frame, heldOut, unigram);
    this.#plot.replaceChildren(drawing);
  }

  /** The line the reader looks at, and what stands there. */
  #drawCursor(drawing: SVGElement, frame: Frame, heldOut: Point[], unigram: number | undefined): void {
    const at = this.#average[this.#cursor ?? this.#average.length - 1];
    const step = at?.x ?? heldOut.at(-1)?.x;
    const before = heldOut.findLast(({ x }) => x <= (step ?? 0));
    this.#onRead({ step, train: at?.y, heldOut: before?.y, unigram, spoken: this.#spoken });
    if (this.#cursor === undefined || at === undefined) return;
    const x = frame.x(at.x);
    drawing.append(
      svg("line", { class: "cursor", x1: x, x2: x, y1: margin.top, y2: frame.bottom }),
      svg("circle", { class: "cursor-dot", cx: x, cy: frame.y(at.y), r: 4.5 }),
    );
  }

  #point(offsetX: number): void {
    const last = this.#average.at(-1);
    if (last === undefined) return;
    const share = (offsetX - margin.left) / (this.#plot.clientWidth - margin.left - margin.right);
    this.#move(nearest(this.#average, share * last.x));
  }

  #onKey(event: KeyboardEvent): void {
    const last = this.#average.length - 1;
    const stride = Math.max(1, Math.round(last / 40));
    const at = this.#cursor ?? last;
    const to = { ArrowLeft: at - stride, ArrowRight: at + stride, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.#move(Math.min(last, Math.max(0, to)), true);
  }

  #move(cursor: number | undefined, spoken = false): void {
    this.#cursor = cursor;
    this.#spoken = spoken;
    this.#queue();
  }
}

/** Where data lies in the drawing. */
interface Frame {
  readonly width: number;
  readonly bottom: number;
  readonly xTicks: number[];
  readonly yTicks: number[];
  x(step: number): number;
  y(loss: number): number;
}

function frameOf(points: Point[], unigram: number | undefined, width: number, height: number): Frame {
  const last = points.reduce((most, { x }) => Math.max(most, x), 0) || 100;
  const losses = points.map(({ y }) => y).concat(unigram ?? []);
  const low = losses.length === 0 ? 0 : losses.reduce((a, b) => Math.min(a, b));
  const high = losses.length === 0 ? 10 : losses.reduce((a, b) => Math.max(a, b));
  const pad = Math.max((high - low) * 0.1, (0.6 - high + low) / 2); // at least 0.6 nats: noise is not made a mountain
  const [from, to] = [Math.max(0, low - pad), high + pad];
  const bottom = height - margin.bottom;
  return {
    width,
    bottom,
    xTicks: points.length === 0 ? [] : ticks(0, last, width < 480 ? 4 : 7).filter(Number.isInteger),
    yTicks: losses.length === 0 ? [] : ticks(from, to, height < 260 ? 4 : 5),
    x: (step) => margin.left + (step / last) * (width - margin.left - margin.right),
    y: (loss) => bottom - ((loss - from) / (to - from)) * (bottom - margin.top),
  };
}

function axes(frame: Frame, { axisStep, axisLoss }: ChartWords): SVGElement[] {
  const right = frame.width - margin.right;
  const digits = Math.max(0, ...frame.yTicks.map((loss) => String(loss).split(".")[1]?.length ?? 0));
  const rows = frame.yTicks.flatMap((loss) => {
    const y = frame.y(loss);
    return [
      svg("line", { class: "grid", x1: margin.left, x2: right, y1: y, y2: y }),
      svg(
        "text",
        { class: "tick", x: margin.left - 8, y: y + 4, "text-anchor": "end" },
        loss.toFixed(digits),
      ),
    ];
  });
  const end = frame.x(frame.xTicks.at(-1) ?? 0);
  const columns = frame.xTicks.map((step) =>
    svg(
      "text",
      { class: "tick", x: frame.x(step), y: frame.bottom + 20, "text-anchor": "middle" },
      group(step),
    ),
  );
  const room = right - end;
  return [
    ...rows,
    svg("line", { class: "axis", x1: margin.left, x2: right, y1: frame.bottom, y2: frame.bottom }),
    ...(room > 70 ? columns : columns.slice(0, -1)),
    svg("text", { class: "unit", x: right, y: frame.bottom + 20, "text-anchor": "end" }, axisStep),
    svg("text", { class: "unit", x: 0, y: 12 }, axisLoss),
  ];
}

/** What lies between the axes. */
function insideOf({ width, bottom }: Frame): SVGElement {
  const size = { width: width - margin.left - margin.right, height: bottom - margin.top };
  return svg("clipPath", { id: "inside" }, svg("rect", { x: margin.left, y: margin.top, ...size }));
}

function baseline(frame: Frame, unigram: number): SVGElement {
  const y = frame.y(unigram);
  return svg("line", { class: "unigram", x1: margin.left, x2: frame.width - margin.right, y1: y, y2: y });
}

function emptyNote(frame: Frame, text: string): SVGElement {
  const x = (margin.left + frame.width - margin.right) / 2;
  return svg(
    "text",
    { class: "empty", x, y: margin.top + (frame.bottom - margin.top) * 0.3, "text-anchor": "middle" },
    text,
  );
}

function line(frame: Frame, points: readonly Point[], name: string): SVGElement {
  const d = points.map(
    ({ x, y }, i) => `${i === 0 ? "M" : "L"}${frame.x(x).toFixed(1)} ${frame.y(y).toFixed(1)}`,
  );
  return svg("path", { class: name, d: d.join("") });
}

function group(value: number): string {
  return value.toLocaleString("en");
}
