import { byId, h } from "./element.ts";
import { LossChart, type Reading } from "./loss_chart.ts";
import { gapOf, leftMs, progressOf, type Phase, type RunView } from "./run_view.ts";
import { duration, fill, type Language, type Words } from "./words.ts";

/** The section that shows the run: where it stands, its figures and its curve. */
export class TrainingView {
  readonly #chart: LossChart;
  #words: Words;
  #language: Language = "ko";

  /** @param words The page's words. */
  constructor(words: Words) {
    this.#words = words;
    this.#chart = new LossChart(byId("plot"), words, (reading) => this.#showReading(reading));
  }

  /** Show `run`; `silentMs` is how long it has said nothing. */
  show(run: RunView, language: Language, words: Words, silentMs: number): void {
    this.#words = words;
    this.#language = language;
    byId("training").hidden = run.phase === "none";
    this.#showPhase(run, silentMs);
    this.#showProgress(run);
    this.#showFigures(run);
    this.#chart.show(run, words);
  }

  // --- internal ---

  #showPhase(run: RunView, silentMs: number): void {
    const phase = byId("phase");
    const label = this.#words[phaseWords[run.phase]];
    if (phase.textContent !== label) phase.textContent = label; // a status is read out when it changes
    phase.dataset.phase = run.phase;
    const isSilent = run.phase === "running" && silentMs > 60_000;
    const story = storyOf(run, this.#words, this.#number(2));
    byId("story").textContent = isSilent
      ? fill(this.#words.serverSlow, { time: duration(silentMs, this.#words) })
      : story;
  }

  #showProgress(run: RunView): void {
    const share = progressOf(run);
    byId("progress").hidden = run.phase === "waiting" || run.phase === "none";
    byId<HTMLProgressElement>("bar").value = share ?? 0;
    byId("share").textContent = share === undefined ? "" : this.#number(0, "percent").format(share);
  }

  #showFigures(run: RunView): void {
    const last = run.steps.at(-1);
    const evaluation = run.evals.at(-1);
    const left = leftMs(run);
    const maxSteps = run.start?.maxSteps;
    const count = this.#number(0);
    const step = last === undefined ? undefined : count.format(last.step);
    const figures: [string, string | undefined][] = [
      [this.#words.step, step && maxSteps ? `${step} / ${count.format(maxSteps)}` : step],
      [this.#words.speed, format(last?.tokensPerSecond, count)],
      [this.#words.elapsed, last?.elapsedMs == null ? undefined : duration(last.elapsedMs, this.#words)],
      [this.#words.left, left === undefined ? undefined : duration(left, this.#words)],
      [this.#words.heldOut, format(run.end?.evalLoss ?? evaluation?.loss, this.#number(2))],
      [this.#words.accuracy, format(run.end?.accuracy ?? evaluation?.accuracy, this.#number(1, "percent"))],
    ];
    if (run.phase !== "running")
      figures.splice(3, 1, [this.#words.weights, format(run.start?.parameters, count)]);
    const rows = figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–")));
    byId("figures").hidden = run.phase === "waiting";
    byId("figures").replaceChildren(...rows);
  }

  #showReading(reading: Reading): void {
    const number = this.#number(2);
    const { chartEmpty, chartKeys, chartSpoken, train, evaluation, unigram } = this.#words;
    const values = {
      step: format(reading.step, this.#number(0)) ?? "–",
      train: format(reading.train, number) ?? "–",
      heldOut: format(reading.heldOut, number) ?? "–",
      unigram: format(reading.unigram, number) ?? "–",
    };
    const entry = (name: string, kind: string, value: string) =>
      h("li", { "data-kind": kind }, h("span", { class: "key" }), `${name} `, h("b", {}, value));
    byId("legend").replaceChildren(
      entry(train, "train", values.train),
      entry(evaluation, "held-out", values.heldOut),
      entry(unigram, "unigram", values.unigram),
      h("li", { class: "reading" }, reading.step === undefined ? "" : fill(this.#words.atStep, values)),
    );
    const spoken = reading.step === undefined ? chartEmpty : `${fill(chartSpoken, values)} ${chartKeys}`;
    byId("plot").setAttribute("aria-label", spoken);
    byId("chart-spoken").textContent = reading.spoken ? fill(chartSpoken, values) : "";
  }

  #number(digits: number, style: "decimal" | "percent" = "decimal"): Intl.NumberFormat {
    return numberFormat(this.#language, digits, style);
  }
}

const phaseWords = {
  none: "phaseNone",
  waiting: "phaseWaiting",
  running: "phaseRunning",
  done: "phaseDone",
  interrupted: "phaseInterrupted",
} as const satisfies Record<Phase, keyof Words>;

const formats = new Map<string, Intl.NumberFormat>();

/** A number format, made once: making one is slow, and figures change several times a second. */
export function numberFormat(
  language: Language,
  digits: number,
  style: "decimal" | "percent" = "decimal",
): Intl.NumberFormat {
  const key = `${language} ${digits} ${style}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(language, {
      style,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    formats.set(key, format);
  }
  return format;
}

// --- internal ---

function format(value: number | null | undefined, numbers: Intl.NumberFormat): string | undefined {
  return value == null ? undefined : numbers.format(value);
}

/** What is happening, in a sentence or two. */
function storyOf(run: RunView, words: Words, numbers: Intl.NumberFormat): string {
  const gap = gapOf(run);
  const values = { gap: numbers.format(Math.abs(gap ?? 0)) };
  switch (run.phase) {
    case "none":
      return "";
    case "waiting":
      return words.storyWaiting;
    case "interrupted":
      return words.storyInterrupted;
    case "done":
      if (gap === undefined) return words.storyDonePlain;
      return fill(gap > 0 ? words.storyDone : words.storyDoneAbove, values);
    default:
      if (gap === undefined) return words.storyRunning;
      return `${words.storyRunning} ${fill(gap > 0 ? words.storyBelow : words.storyAbove, values)}`;
  }
}
