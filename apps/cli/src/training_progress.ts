import process from "node:process";
import type { PretrainEvent } from "@kcbert/trainer";
import { localized } from "./locale/translate.ts";
import { type Moment, type ProgressStream, timeLeft } from "./progress.ts";
import { RecentRate } from "./recent_rate.ts";

/** Shows a training run. */
export interface TrainingProgress {
  /** Tell what happened. */
  show(event: PretrainEvent): void;
  /** Take the bar away. */
  done(): void;
}

/** How a training run is shown. */
export interface TrainingProgressOptions {
  readonly quiet?: boolean | undefined;
  readonly stream?: ProgressStream;
  readonly now?: () => number;
  /** What the device can at best, in TFLOP/s. */
  readonly peakTflops?: number | undefined;
}

/**
 * Show a training run on standard error: on a terminal a bar with loss, speed, the part of the device's
 * arithmetic that is used (MFU) where its peak is known, and time left, redrawn up to ten times a
 * second; everywhere a line for each evaluation.
 */
export function startTrainingProgress({
  quiet = false,
  stream = process.stderr,
  now = () => performance.now(),
  peakTflops,
}: TrainingProgressOptions = {}): TrainingProgress {
  if (quiet) return { show() {}, done() {} };
  const bar = stream.isTTY === true;
  let unigramLoss = NaN;
  const recent = new RecentRate();
  let latest: Latest | undefined;
  let flopsPerToken = NaN;
  let begun: Moment | undefined;
  let due = 0;
  const clear = () => {
    if (bar) stream.write("\r\u001B[K");
  };
  return {
    show(event) {
      if (event.event === "start") {
        ({ unigramLoss, flopsPerToken } = event);
        stream.write(`${localized(describeStart(event))}\n`);
      } else if (event.event === "step") {
        latest = { ...event, rate: recent.add(event.tokensPerSecond) };
        begun ??= { progress: event.progress, elapsedMs: event.elapsedMs };
        if (!bar || now() < due) return;
        due = now() + 100;
        const used = utilisation(latest.rate * flopsPerToken, peakTflops);
        stream.write(`\r${describeBar(latest, begun, used).slice(0, (stream.columns ?? 80) - 1)}\u001B[K`);
      } else if (event.event === "eval") {
        clear();
        const used = utilisation((latest?.rate ?? NaN) * flopsPerToken, peakTflops);
        stream.write(`${localized(describeEvaluation(event, unigramLoss, latest, begun, used))}\n`);
      }
    },
    done: clear,
  };
}

// --- internal ---

type Of<T extends PretrainEvent["event"]> = Extract<PretrainEvent, { event: T }>;
type Latest = Of<"step"> & { readonly rate: number };

function describeStart({ parameters, trainLines, heldOutLines, step, unigramLoss }: Of<"start">): string {
  const begin = step === 0 ? "Training" : `Going on after step ${count(step)}: training`;
  const lines = `${count(trainLines)} lines, ${count(heldOutLines)} held out`;
  return `${begin} ${count(parameters)} parameters on ${lines}; unigram loss ${unigramLoss.toFixed(3)}`;
}

function describeBar(latest: Latest, begun: Moment, used: string): string {
  const { progress, loss, step, rate } = latest;
  const filled = Math.round(progress * 24);
  const drawn = `${"█".repeat(filled)}${"░".repeat(24 - filled)}`;
  const figures = [
    `${Math.floor(progress * 100)} %`,
    localized(`step ${count(step)}`),
    localized(`loss ${loss.toFixed(3)}`),
    `${localized(`${count(Math.round(rate))} tokens/s`)}${used}`,
    localized(timeLeft(latest, begun)),
  ];
  return `${localized("Training")} ${drawn} ${figures.join(", ")}`;
}

function describeEvaluation(
  { step, loss, accuracy }: Of<"eval">,
  unigramLoss: number,
  latest: Latest | undefined,
  begun: Moment | undefined,
  used: string,
): string {
  const difference = loss - unigramLoss;
  const scores = `held-out loss ${loss.toFixed(3)} (${difference < 0 ? "−" : "+"}${Math.abs(difference).toFixed(3)} against unigrams)`;
  const place = latest === undefined ? "" : `, ${Math.floor(latest.progress * 100)} %`;
  const head = `Step ${count(step)}${place}: ${scores}, accuracy ${(accuracy * 100).toFixed(1)} %`;
  if (latest === undefined || begun === undefined || latest.progress === 1) return head;
  return `${head}, ${count(Math.round(latest.rate))} tokens/s${used}, ${timeLeft(latest, begun)}`;
}

/** `, MFU 41 %`, where the peak is known. */
function utilisation(flopsPerSecond: number, peakTflops: number | undefined): string {
  if (peakTflops === undefined) return "";
  return `, MFU ${((flopsPerSecond / (peakTflops * 1e12)) * 100).toPrecision(2)} %`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}
