/**
 * How far training is, and how it makes room for others: about every 20 ms it reports, lets timers run and looks whether
 * it should stop.
 *
 * @module
 */
import type { WordCounts } from "./_train_words.ts";

/** How far training is. */
export interface TrainProgress {
  /** `count` reads text, `pairs` prepares the merges, `merge` merges. */
  phase: "count" | "pairs" | "merge";
  /** Lines read. */
  lines: number;
  /** Occurrences of words read. */
  words: number;
  /** Distinct words. */
  distinctWords: number;
  /** Merges so far. */
  merges: number;
  /** Tokens so far, 0 while counting. */
  tokens: number;
}

/** What all steps of training take. */
export interface TrainControl {
  /** Stops training: the promise rejects with the signal's reason. Looked at about every 20 ms, while merging too. */
  signal?: AbortSignal;
  /** Called about every 20 ms, and at the end of each phase. What it throws ends training. */
  onProgress?: (progress: TrainProgress) => void;
}

/** The progress of a phase after counting. */
export function progressOf(
  { lines, words, counts }: WordCounts,
  phase: TrainProgress["phase"],
  merges: number,
  tokens: number,
): TrainProgress {
  return { phase, lines, words, distinctWords: counts.length, merges, tokens };
}

/** Do work in blocks, with a pause between them. */
export async function inBlocks(
  length: number,
  size: number,
  control: TrainControl,
  progress: () => TrainProgress,
  work: (from: number, to: number) => void,
): Promise<void> {
  for (let from = 0; from < length; from += size) {
    if (from > 0) await breathe(control, progress());
    work(from, Math.min(from + size, length));
  }
}

/** Report, let timers and input run, and stop if asked to. */
export async function breathe({ signal, onProgress }: TrainControl, progress: TrainProgress): Promise<void> {
  onProgress?.(progress);
  await new Promise<void>((resolve) => {
    setTimeout(resolve, 0);
  });
  signal?.throwIfAborted();
}
