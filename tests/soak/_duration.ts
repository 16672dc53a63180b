import process from "node:process";

/** How long one test goes on, in milliseconds: `SOAK_MINUTES`, 2 by default. */
export const soakMs = soakMinutes() * 60_000;

/** Settings under which a fast-check property goes on for `milliseconds`, and for no more than ten million runs. */
export function lasting(milliseconds: number): { numRuns: number; interruptAfterTimeLimit: number } {
  return { numRuns: 1e7, interruptAfterTimeLimit: milliseconds };
}

/** Print what a test did, a line. */
export function report(line: string): void {
  process.stdout.write(`soak: ${line}\n`);
}

/** A count and its rate, such as `1,200 texts (40/s)`. */
export function rate(count: number, noun: string, milliseconds: number): string {
  const perSecond = Math.round(count / (milliseconds / 1000));
  return `${count.toLocaleString("en")} ${noun} (${perSecond.toLocaleString("en")}/s)`;
}

// --- internal ---

function soakMinutes(): number {
  const given = process.env["SOAK_MINUTES"] ?? "2";
  const minutes = Number(given);
  if (minutes > 0 && minutes <= 600) return minutes;
  throw new RangeError(`Cannot soak as SOAK_MINUTES must be above 0 and at most 600: it is ${given}`);
}
