import process from "node:process";
import { openOutput } from "./io/output.ts";
import { localized } from "./locale/translate.ts";

/** Where a command's report goes. */
export interface ReportOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** Whether standard output carries the result itself, so that the report must not go there. */
  readonly stdoutTaken?: boolean;
}

/**
 * Tell what a command did: a sentence for people on standard error, or with `--json` an object on standard output
 * (on standard error where standard output carries the result).
 */
export async function writeReport(
  text: string,
  data: Readonly<Record<string, unknown>>,
  { json = false, quiet = false, stdoutTaken = false }: ReportOptions,
): Promise<void> {
  if (json && !stdoutTaken) return openOutput(undefined).write(`${JSON.stringify(data)}\n`);
  if (!quiet) process.stderr.write(`${json ? JSON.stringify(data) : localized(text)}\n`);
}
