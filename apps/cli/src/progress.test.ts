import { expect, test } from "vitest";
import { formatBytes, formatDuration, type ProgressOptions, startProgress } from "./progress.ts";

/** A progress on a stream that remembers, at a time that the test sets. */
function watched(options: Partial<ProgressOptions> & { isTTY?: boolean }) {
  const written: string[] = [];
  const clock = { now: 0 };
  const stream = { isTTY: options.isTTY ?? false, columns: 100, write: (text: string) => written.push(text) };
  const progress = startProgress({ title: "Cleaning", stream, now: () => clock.now, ...options });
  return { written, clock, progress };
}

test("startProgress() draws a bar with share, rate and time left on a terminal", () => {
  const { written, clock, progress } = watched({ isTTY: true, total: 40e6 });
  progress.advance(1);
  expect(written).toEqual([]);
  clock.now = 1000;
  progress.advance(10e6 - 1);
  expect(written).toEqual(["\rCleaning ████░░░░░░░░░░░░ 25 % of 40.0 MB, 10.0 MB/s, 3.0 s left\u001B[K"]);
  clock.now = 1050;
  progress.advance(1);
  expect(written).toHaveLength(1);
  progress.done();
  expect(written.at(-1)).toBe("\r\u001B[K");
});

test("startProgress() writes few plain lines elsewhere", () => {
  const { written, clock, progress } = watched({ total: 1e12 });
  for (clock.now = 0; clock.now <= 600_000; clock.now += 100) progress.advance(1e6);
  progress.done();
  expect(written[0]).toBe("Cleaning 0 % of 1.0 TB, 10.1 MB/s, 27 h 30 min left\n");
  expect(written.length).toBeLessThan(14);
  expect(written.join("")).not.toContain("\r");
});

test("startProgress() shows amount and rate where the total is unknown", () => {
  const { written, clock, progress } = watched({});
  clock.now = 10_000;
  progress.advance(50e6);
  progress.note("3 files");
  clock.now = 20_000;
  progress.advance(50e6);
  expect(written).toEqual(["Cleaning 50.0 MB, 5.0 MB/s\n", "Cleaning 100.0 MB, 5.0 MB/s, 3 files\n"]);
});

test("startProgress() shows nothing when it is to be quiet, or when the work is short", () => {
  const quiet = watched({ quiet: true, isTTY: true });
  quiet.clock.now = 60_000;
  quiet.progress.advance(1);
  quiet.progress.done();
  expect(quiet.written).toEqual([]);
  const short = watched({});
  short.clock.now = 9000;
  short.progress.advance(1);
  short.progress.done();
  expect(short.written).toEqual([]);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [61_900_000, "61.9 MB"],
  [2e9, "2.0 GB"],
])("formatBytes(%d) is %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [840, "0.8 s"],
  [42_000, "42 s"],
  [59_700, "1 min 00 s"],
  [185_000, "3 min 05 s"],
  [7_800_000, "2 h 10 min"],
])("formatDuration(%d) is %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
