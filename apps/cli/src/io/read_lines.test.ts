import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/run_cli.ts";
import { CliError } from "../failure.ts";
import { type Input, resolveInputs } from "./inputs.ts";
import { type Line, type LineOptions, linesOf, readLineBlocks, withoutCarriageReturn } from "./read_lines.ts";

const folder = temporaryFolder();

function inputOf(content: string | Uint8Array, name = "input.txt"): Input {
  const path = join(folder, name);
  writeFileSync(path, content);
  return resolveInputs([path])[0]!;
}

async function collect(input: Input, options?: LineOptions): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const block of readLineBlocks(input, options)) lines.push(...linesOf(block));
  return lines;
}

async function texts(content: string | Uint8Array, name?: string): Promise<string[]> {
  return (await collect(inputOf(content, name))).map(({ text }) => text);
}

test("readLineBlocks() splits at LF alone and keeps every other separator", async () => {
  expect(await texts("가\u2028나\u2029다\u0085라\r마\v바\f사\n아")).toEqual([
    "가\u2028나\u2029다\u0085라\r마\v바\f사",
    "아",
  ]);
});

test("readLineBlocks() counts a last line without LF, and none after a last LF", async () => {
  expect(await texts("가\n나")).toEqual(["가", "나"]);
  expect(await texts("가\n나\n")).toEqual(["가", "나"]);
  expect(await texts("\n\n")).toEqual(["", ""]);
  expect(await texts("\n가\n\n")).toEqual(["", "가", ""]);
});

test("readLineBlocks() keeps a CR before LF, which withoutCarriageReturn() takes off", async () => {
  const lines = await texts("가\r\n나\r\n");
  expect(lines).toEqual(["가\r", "나\r"]);
  expect(lines.map(withoutCarriageReturn)).toEqual(["가", "나"]);
});

test("readLineBlocks() skips a byte order mark at the beginning, and only there", async () => {
  expect(await texts("\uFEFF가\n\uFEFF나")).toEqual(["가", "\uFEFF나"]);
});

test("readLineBlocks() decompresses by content, whatever the name, all members of a file", async () => {
  const gzip = Buffer.concat([gzipSync("가\n나"), gzipSync("다\n라\n")]);
  expect(await texts(gzip, "input.gz")).toEqual(["가", "나다", "라"]);
  expect(await texts(gzip, "input.txt")).toEqual(["가", "나다", "라"]);
});

test("readLineBlocks() decompresses Zstandard, and says when it is cut, corrupt or none", async () => {
  const zstd = zstdCompressSync("가\n나\n".repeat(10_000));
  expect((await texts(zstd, "input.txt")).length).toBe(20_000);
  await expect(texts(zstd.subarray(0, -8), "cut.zst")).rejects.toThrow(
    /its zstd data ends too early, it is truncated or corrupt \(after \d+ bytes of text\)/,
  );
  const damaged = Buffer.from(zstd);
  damaged.fill(0xff, 12, 20);
  await expect(texts(damaged, "damaged.zst")).rejects.toThrow(/its zstd data (?:is corrupt|ends too early)/);
  await expect(texts("가", "none.zst")).rejects.toThrow("its name ends in .zst, but its content is not zstd");
});

test("readLineBlocks() gives back what was joined, across chunks of the file", async () => {
  const line = fc.string({
    unit: fc.constantFrom("가", "a", "😂", "\u2028", "\r", "\t", "힣"),
    maxLength: 50,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      async (lines, compressed) => {
        const pad = "x".repeat((1 << 20) - 100); // so that a chunk of the stream ends among the lines
        const content = [pad, ...lines, pad, ...lines].join("\n") + "\n";
        const read = await collect(inputOf(compressed ? gzipSync(content, { level: 1 }) : content));
        expect(read.map(({ text }) => text)).toEqual([pad, ...lines, pad, ...lines]);
        expect(read.map(({ number }) => number)).toEqual([...read.keys()].map((i) => i + 1));
      },
    ),
    { numRuns: 20 },
  );
});

test("readLineBlocks() names byte and line of what is not UTF-8, also in a later chunk", async () => {
  const content = Buffer.concat([Buffer.from("가\n나\n"), Buffer.of(0x61, 0xff, 0x0a)]);
  await expect(collect(inputOf(content))).rejects.toThrow(/as UTF-8: byte 9 \(0xff, in line 3\)/);
  const long = Buffer.concat([Buffer.from("가나다\n".repeat(300_000)), Buffer.of(0xb0, 0xa1)]);
  await expect(collect(inputOf(long))).rejects.toThrow(/byte 3000000 \(0xb0, in line 300001\)/);
  await expect(collect(inputOf(gzipSync(content), "input.gz"))).rejects.toThrow(
    /input.gz, decompressed, as UTF-8: byte 9/,
  );
});

test("readLineBlocks() refuses a line that is longer than allowed", async () => {
  const input = inputOf(`가\n${"a".repeat(5 << 20)}\n`);
  await expect(collect(input, { maxLineBytes: 1 << 21 })).rejects.toThrow(
    /line 2 is longer than 2,097,152 bytes/,
  );
});

test("readLineBlocks() refuses gzip that is cut, corrupt, empty, or none", async () => {
  const gzip = gzipSync("가나다라\n".repeat(100_000));
  const flipped = Uint8Array.from(gzip, (byte, i) => (i === gzip.length - 6 ? byte ^ 0xff : byte));
  await expect(collect(inputOf(gzip.subarray(0, -20), "cut.gz"))).rejects.toThrow(
    /cut.gz: its gzip data ends too early/,
  );
  await expect(collect(inputOf(flipped, "flipped.gz"))).rejects.toThrow(
    /its gzip data is corrupt \(after \d+ bytes/,
  );
  await expect(collect(inputOf(gzipSync(""), "empty.gz"))).rejects.toThrow(
    /empty.gz: it is empty once decompressed/,
  );
  await expect(collect(inputOf("가\n", "none.gz"))).rejects.toThrow(
    /its name ends in .gz, but its content is not gzip/,
  );
});

test("readLineBlocks() stops when it is told to, with the signal's reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const reading = (async () => {
    const input = inputOf("가\n".repeat(2_000_000));
    for await (const _ of readLineBlocks(input, { signal: controller.signal })) controller.abort(reason);
  })();
  await expect(reading).rejects.toBe(reason);
});

test("readLineBlocks() reports the bytes on disk, compressed or not", async () => {
  let bytes = 0;
  const input = inputOf(gzipSync("가나다\n".repeat(1000)), "counted.gz");
  await collect(input, { onRead: (read) => void (bytes += read) });
  expect(bytes).toBe(input.size);
});

test("resolveInputs() finds patterns in order, and says what matches nothing", () => {
  for (const name of ["b.part", "a.part", "c[1].part"]) writeFileSync(join(folder, name), "가\n");
  const names = (words: string[]) => resolveInputs(words).map(({ name }) => name.slice(folder.length + 1));
  expect(names([join(folder, "*.part")])).toEqual(["a.part", "b.part", "c[1].part"]);
  expect(names([join(folder, "c[1].part")])).toEqual(["c[1].part"]);
  expect(() => resolveInputs([join(folder, "*.none")])).toThrow(CliError);
  expect(resolveInputs([])[0]!.name).toBe("standard input");
});
