import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const corpus = new URL("../../../shared/data/corpus/reviews.tsv.gz", import.meta.url);

/** The sample of film reviews that the repository holds: a table whose third column is the text. */
export const sample: URL = new URL("../../examples/data/reviews.sample.tsv.gz", import.meta.url);

/**
 * Real comments: of the whole corpus where it lies beside the repository, else of the sample.
 *
 * @param most How many, from the beginning.
 */
export function realComments(most: number): string[] {
  const table = gunzipSync(readFileSync(existsSync(corpus) ? corpus : sample)).toString("utf8");
  const rows = table.split("\n", most).filter((row) => row !== "");
  return rows.map((row) => Buffer.from(row.split("\t")[2] ?? "").toString()); // a string of its own, not a slice of the table
}
