import process from "node:process";
import type { FinetuneEvent, Scores } from "@kcbert/trainer";
import { localized } from "../locale/translate.ts";
import { type Moment, type ProgressStream, timeLeft } from "../progress.ts";
import { RecentRate } from "../recent_rate.ts";

/** Shows runs of fine-tuning. */
export interface FinetuneProgress {
  /** Tell what happened. */
  show(event: FinetuneEvent): void;
  /** Take the bar away. */
  done(): void;
}

/**
 * Show a run on standard error: on a terminal a bar with loss, speed and time left, elsewhere the same as a line every half
 * minute; everywhere a line for each scoring.
 *
 * @param title What is learnt, such as `nsmc, seed 0`.
 */
export function startFinetuneProgress(
  title: string,
  {
    quiet = false,
    stream = process.stderr,
    now = () => performance.now(),
  }: { quiet?: boolean | undefined; stream?: ProgressStream; now?: () => number } = {},
): FinetuneProgress {
  if (quiet) return { show() {}, done() {} };
  const bar = stream.isTTY === true;
  let due = 0;
  let loss: number | undefined;
  let begun: Moment | undefined;
  const recent = new RecentRate();
  const clear = () => {
    if (bar) stream.write("\r\u001B[K");
  };
  return {
    show(event) {
      if (event.event === "start") {
        const { examples, maxSteps, parameters, step } = event;
        const from = step === 0 ? "" : `; going on after step ${count(step)}`;
        const sizes = `${count(parameters)} parameters, ${count(examples)} examples, ${count(maxSteps)} steps`;
        stream.write(`${localized(`${title}: ${sizes}${from}`)}\n`);
      } else if (event.event === "step") {
        loss = smooth(loss, event.loss, 0.05);
        const rate = recent.add(event.examplesPerSecond);
        begun ??= event; // it compiles in its first step
        if (now() < due) return;
        const first = due === 0;
        due = now() + (bar ? 100 : LINE_MS);
        if (!bar && first) return;
        const figures = [
          `loss ${loss.toFixed(3)}`,
          `${count(Math.round(rate))} examples/s`,
          timeLeft(event, begun),
        ].map((figure) => localized(figure));
        const done = bar ? drawBar(event.progress) : localized(`step ${count(event.step)},`);
        const share = `${Math.floor(event.progress * 100)} %`;
        const line = `${localized(title)} ${done} ${[share, ...figures].join(", ")}`;
        stream.write(bar ? `\r${line.slice(0, (stream.columns ?? 80) - 1)}\u001B[K` : `${line}\n`);
      } else if (event.event === "eval") {
        clear();
        const where = `epoch ${event.epoch.toFixed(event.epoch % 1 === 0 ? 0 : 1)}`;
        const scores = (["dev", "test"] as const).flatMap((split) =>
          event[split] === undefined ? [] : [`${split} ${formatScores(event[split])}`],
        );
        const told = `${title}, ${where}, loss ${(loss ?? NaN).toFixed(3)}: ${scores.join("; ")}`;
        stream.write(`${localized(told)}\n`);
      }
    },
    done: clear,
  };
}

/** Scores for people, in percent. */
export function formatScores(scores: Scores): string {
  return Object.entries(scores)
    .map(([name, value]) => `${name} ${(value * 100).toFixed(2)}`)
    .join(", ");
}

// --- internal ---

/** How often a log file gets a line between scorings, in milliseconds. */
const LINE_MS = 30_000;

function drawBar(share: number): string {
  const filled = Math.round(share * 20);
  return `${"█".repeat(filled)}${"░".repeat(20 - filled)}`;
}

function smooth(before: number | undefined, value: number, weight: number): number {
  return before === undefined ? value : before + weight * (value - before);
}

function count(number: number): string {
  return number.toLocaleString("en");
}
