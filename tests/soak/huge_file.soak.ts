/** Corpora far larger than memory may be, piped through `kcbert-cli clean`: line for line, in bounded memory. */
import { once } from "node:events";
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { clean } from "@kcbert/normalizer";
import { expect, test } from "vitest";
import { rate, report, soakMs } from "./_duration.ts";
import { residentBytes, startCli, temporaryFolder } from "./_processes.ts";
import { realComments } from "./_real_comments.ts";

const MOST_RESIDENT = 300e6;
const BYTES = Math.round(2e9 * Math.min(1, soakMs / 120_000)); // 2 GB, less in a short soak

// A line of the stream is not one of the table: each block says its number, so that no two are the same.
const comments = realComments(20_000).map((comment) => comment.replace(/[\r\n]/g, " "));
const block = Buffer.from(comments.map((comment) => `${comment}\n`).join(""));
const cleanedBytes = Buffer.byteLength(comments.map((comment) => `${clean(comment)}\n`).join(""));
const blocks = Math.max(2, Math.ceil(BYTES / block.length));

test("a stream from standard input to standard output", async () => {
  const child = startCli(["clean"]);
  const memory = watchMemory(child);
  const counted = count(child.stdout!);
  const errors = stderrOf(child);
  const start = performance.now();
  await writeBlocks(child.stdin!, blocks);
  const { lines, bytes } = await counted;
  const most = await memory();
  expect({ code: child.exitCode, lines, bytes }).toEqual({
    code: 0,
    lines: blocks * comments.length,
    bytes: blocks * cleanedBytes,
  });
  expect(await errors).toContain(`Cleaned ${lines.toLocaleString("en")} lines`);
  expect(most).toBeLessThan(MOST_RESIDENT);
  say("plain", blocks * block.length, performance.now() - start, most);
});

test("a gzip file to a gzip file", async () => {
  const folder = temporaryFolder();
  const [input, output] = [join(folder, "input.txt.gz"), join(folder, "output.txt.gz")];
  const half = Math.ceil(blocks / 2);
  const packing = createGzip({ level: 1 });
  const packed = pipeline(packing, createWriteStream(input));
  await writeBlocks(packing, half);
  await packed;

  const child = startCli(["clean", input, "-o", output]);
  child.stdin!.end();
  const memory = watchMemory(child);
  const errors = stderrOf(child);
  const start = performance.now();
  await once(child, "exit");
  const milliseconds = performance.now() - start;
  expect(await errors).toContain(`Cleaned ${(half * comments.length).toLocaleString("en")} lines`);
  expect(child.exitCode).toBe(0);
  const most = await memory();
  expect(most).toBeLessThan(MOST_RESIDENT);
  const { lines, bytes } = await count(createReadStream(output).pipe(createGunzip()));
  expect({ lines, bytes }).toEqual({ lines: half * comments.length, bytes: half * cleanedBytes });
  say(`gzip of ${megabytes(statSync(input).size)}`, half * block.length, milliseconds, most);
});

// --- internal ---

type Child = ReturnType<typeof startCli>;

/** The comments, over and over, as fast as they are taken. */
async function writeBlocks(to: Writable, times: number): Promise<void> {
  for (let i = 0; i < times; i++) if (!to.write(block)) await once(to, "drain");
  to.end();
}

async function count(from: AsyncIterable<Buffer>): Promise<{ lines: number; bytes: number }> {
  let [lines, bytes] = [0, 0];
  for await (const chunk of from) {
    bytes += chunk.length;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return { lines, bytes };
}

/** The most memory that a process has in use, looked at every half second; to be asked for when it has ended. */
function watchMemory(child: Child): () => Promise<number> {
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, residentBytes(child))), 500);
  const ended = once(child, "exit").finally(() => clearInterval(timer));
  return async () => {
    await ended;
    expect(most).toBeGreaterThan(0);
    return most;
  };
}

async function stderrOf(child: Child): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of child.stderr! as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function say(what: string, bytes: number, milliseconds: number, most: number): void {
  report(
    `clean: ${what}, ${rate(Math.round(bytes / 1e6), "MB of text", milliseconds)}, at most ${megabytes(most)} in use`,
  );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
