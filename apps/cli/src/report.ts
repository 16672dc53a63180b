import process from "node:process";
import { openOutput } from "./io/output.ts";
import { localized } from "./locale/translate.ts";

/** Say a sentence to people on standard error, in their language. */
export function tell(text: string): void {
  process.stderr.write(`${localized(text)}\n`);
}

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
  if (quiet) return;
  if (json) process.stderr.write(`${JSON.stringify(data)}\n`);
  else tell(text);
}
