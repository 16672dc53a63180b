import { readFile } from "node:fs/promises";
import { CliError, fileError } from "../failure.ts";

/** Shown beside the loss unless `--samples` names others; as `clean` leaves text. */
export const SAMPLES: readonly string[] = [
  "이 영화 정말 [MASK]",
  "배우들의 [MASK] 최고",
  "스토리가 너무 [MASK]",
  "[MASK] 아까운 영화",
  "기대 안했는데 [MASK] 봤어요",
];

/**
 * Read sentences with a gap, one a line.
 *
 * @throws {CliError} If the file cannot be read, or a line has no `[MASK]`.
 */
export async function readSamples(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError(`read ${path}`, error);
  });
  const samples = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const bad = samples.find((line) => !line.includes("[MASK]"));
  if (bad !== undefined)
    throw new CliError(`Cannot use the samples in ${path}: a line has no [MASK]: ${bad}`);
  return samples;
}
