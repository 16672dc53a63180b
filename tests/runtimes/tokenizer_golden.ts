/**
 * The tokenizer against every golden record, on any runtime: `node`, `deno run -A` or `bun` this file.
 *
 * Prints one JSON line a kind of record, `{ file, kind, records, mismatches }`, the first mismatch on stderr, and exits with 1 if there is one.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { goldenReport } from "./tokenizer_records.ts";
import type { GoldenFiles } from "./tokenizer_records.ts";

const read = (name: string): Uint8Array =>
  readFileSync(new URL(`../golden/tokenizer/${name}`, import.meta.url));
const text = (name: string): string =>
  new TextDecoder().decode(name.endsWith(".gz") ? gunzipSync(read(name)) : read(name));

const files: GoldenFiles = {
  vocab: text("kcbert.vocab.txt"),
  encode: text("wordpiece.jsonl.gz"),
  decode: text("wordpiece-decode.jsonl.gz"),
  classes: text("bert-char-classes.json"),
};
let failed = false;
for (const { first, ...line } of goldenReport(files)) {
  console.log(JSON.stringify(line));
  if (first !== undefined) console.error(first);
  failed ||= line.mismatches > 0;
}
process.exitCode = failed ? 1 : 0;
