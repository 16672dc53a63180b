/** `results.json`: what a run was, and what came of it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ScoredStep, Selection } from "@kcbert/trainer";
import { CliError, fileError, sentence } from "../failure.ts";
import type { LineProblem } from "./line_problems.ts";
import type { Recipe } from "./tasks.ts";

/** The name of the file in a run's folder. */
export const RESULTS = "results.json";

/** A run's results. */
export interface FinetuneResults {
  /** Of this format. */
  readonly version: 1;
  readonly task: string;
  readonly seed: number;
  /** The score by which models were chosen. */
  readonly metric: string;
  /** The three choices, with their scores in [−1, 1]. */
  readonly selection: Selection;
  /** Every time that the model was scored. */
  readonly evaluations: readonly ScoredStep[];
  /** Why the scores do not compare with published ones, in words; empty if they do. */
  readonly incomparable: readonly string[];
  readonly recipe: Recipe & {
    readonly newHead?: boolean;
    readonly classWeights?: readonly number[];
    readonly maskedLmWeight?: number;
  };
  /** What it began from. */
  readonly model: {
    readonly name: string;
    /** `scratch`: the same dimensions, but random weights. */
    readonly from: "pretrained" | "scratch";
    /** sha256 of its weights, hexadecimal; null if random. */
    readonly sha256: string | null;
    readonly parameters: number;
    readonly vocabSize: number;
    readonly hiddenSize: number;
    readonly layers: number;
    readonly clean: string | null;
  };
  readonly data: {
    readonly train: number;
    readonly dev: number | null;
    readonly test: number | null;
    readonly problems: readonly LineProblem[];
  };
  readonly backend: string;
  readonly seconds: number;
}

/**
 * All results in some folders, however deep.
 *
 * @throws {CliError} If a folder cannot be read, or a file is none of this format.
 */
export function readResults(paths: readonly string[]): FinetuneResults[] {
  return paths.flatMap((path) => resultFiles(path).map(readResult));
}

// --- internal ---

function resultFiles(path: string): string[] {
  try {
    if (statSync(path).isFile()) return [path];
    return readdirSync(path, { recursive: true, encoding: "utf8" })
      .filter((name) => name === RESULTS || name.endsWith(`/${RESULTS}`) || name.endsWith(`\\${RESULTS}`))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw fileError(`read ${path}`, error);
  }
}

function readResult(path: string): FinetuneResults {
  try {
    const results = JSON.parse(readFileSync(path, "utf8")) as Partial<FinetuneResults>;
    if (results.version === 1 && results.task !== undefined && results.selection?.last !== undefined) {
      return results as FinetuneResults;
    }
  } catch (error) {
    throw new CliError(`Cannot read ${path}: ${sentence(error)}`, { cause: error });
  }
  throw new CliError(`Cannot read ${path}: it is no result of kcbert-cli finetune`);
}
