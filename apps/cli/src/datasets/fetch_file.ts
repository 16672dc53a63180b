import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { CliError, fileError } from "../failure.ts";
import { hostOf, isHopeless, networkReason } from "../hub/network_failure.ts";
import { isInWork, PartialFile } from "../hub/partial_file.ts";
import { type Pause, persistently, Transient, wait } from "../hub/persistence.ts";
import { Watch } from "../hub/watch.ts";
import { version } from "../version.ts";
import type { Checksum, DatasetFile } from "./catalog.ts";

/** How a file is fetched. */
export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Told of bytes as they come; of those that were there already, too. */
  readonly onBytes?: (bytes: number) => void;
  readonly pause?: Pause;
  /** Milliseconds without an answer, and without a byte, after which it is asked again. */
  readonly answerTimeout?: number;
  readonly stallTimeout?: number;
}

/** A file that is there. */
export interface FetchedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Whether it was there before. */
  readonly present: boolean;
}

/**
 * Bring a file of the web to the disk, or the rest of it, and give it its name once it is whole and the right one.
 *
 * What is there when it ends early stays, and the next attempt goes on from there, if the server still has the same file
 * (`If-Range`). Of two processes that want the same file, one waits for the other.
 *
 * @param target Where it goes; its folder is there.
 * @throws {CliError} If it cannot be had, or is another than it should be.
 */
export async function fetchFile(
  file: DatasetFile,
  target: string,
  options: FetchOptions,
): Promise<FetchedFile> {
  const { signal, pause = wait, onBytes } = options;
  while (await isInWork(target)) await pause(500, signal);
  if (existsSync(target)) {
    await requireChecksum(file, target);
    const { size: bytes } = statSync(target);
    onBytes?.(bytes);
    return { name: file.name, bytes, sha256: await hashFile(target, createHash("sha256")), present: true };
  }
  const partial = await PartialFile.open(target, () => createHash("sha256"));
  const resumed = partial.length > 0;
  onBytes?.(partial.length);
  try {
    await fill(file, target, partial, options);
    if (resumed && !(await isRight(file, partial.path))) {
      await partial.clear(); // its first part may have been of another version
      await fill(file, target, partial, options);
    }
    if (!(await isRight(file, partial.path))) {
      await partial.clear();
      throw wrongContent(file);
    }
    const { length: bytes } = partial;
    const sha256 = partial.digest();
    await partial.finish(target);
    rmSync(tagPath(target), { force: true });
    return { name: file.name, bytes, sha256, present: false };
  } catch (error) {
    await partial.leave();
    throw error;
  }
}

/** The small text that an address answers with. */
export async function fetchText(url: string, options: FetchOptions): Promise<string> {
  return persistently(
    async () => {
      const { response, watch } = await ask(url, { accept: "application/json" }, options);
      if (!response.ok) throw refusal(url, url, response);
      const pieces: Uint8Array[] = [];
      for await (const chunk of chunksOf(response, watch, url, options)) pieces.push(chunk);
      return Buffer.concat(pieces).toString();
    },
    { ...options, retries: 2 },
  );
}

// --- internal ---

const ANSWER_TIMEOUT = 30_000;
const STALL_TIMEOUT = 60_000;

/** Receive what is missing, as often as it takes. */
async function fill(
  file: DatasetFile,
  target: string,
  partial: PartialFile,
  options: FetchOptions,
): Promise<void> {
  await persistently(() => receive(file, target, partial, options), {
    ...options,
    retries: 5,
    progress: () => partial.length,
  });
}

async function receive(
  file: DatasetFile,
  target: string,
  partial: PartialFile,
  options: FetchOptions,
): Promise<void> {
  const from = partial.length;
  if (file.bytes === from) return;
  const tag = existsSync(tagPath(target)) ? readFileSync(tagPath(target), "utf8") : "";
  const range = { range: `bytes=${from}-`, ...(tag === "" ? {} : { "if-range": tag }) };
  const { response, watch } = await ask(file.url, from > 0 ? range : {}, options);
  const { status, headers } = response;
  if (status === 416) {
    watch.end();
    if (headers.get("content-range") === `bytes */${from}`) return; // nothing is missing
    await partial.clear();
    throw new Transient(new CliError(`Cannot download ${file.name}: the server has another file now`));
  }
  if (!response.ok) {
    watch.end();
    throw refusal(file.name, file.url, response);
  }
  const { start, total } = extent(response);
  if (start !== from) await partial.clear();
  if (start !== 0 && start !== from) {
    watch.end();
    throw new Transient(
      new CliError(`Cannot download ${file.name}: the server sends another part than was asked for`),
    );
  }
  keepTag(target, headers);
  for await (const chunk of chunksOf(response, watch, file.url, options)) {
    await partial.append(chunk);
    options.onBytes?.(chunk.length);
  }
  const expected = file.bytes ?? total;
  if (expected !== undefined && partial.length < expected) {
    throw new Transient(
      new CliError(
        `Cannot download ${file.name}: it has ${expected} bytes, and ${partial.length} came; run the command again to go on`,
      ),
    );
  }
}

async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  { signal, answerTimeout = ANSWER_TIMEOUT }: FetchOptions,
): Promise<{ response: Response; watch: Watch }> {
  const watch = new Watch(signal);
  try {
    watch.expect(answerTimeout);
    const own = { "user-agent": `kcbert-cli/${version()}`, "accept-encoding": "identity" };
    return { response: await fetch(url, { headers: { ...own, ...headers }, signal: watch.signal }), watch };
  } catch (error) {
    throw lost(url, error, signal);
  } finally {
    watch.rest();
  }
}

async function* chunksOf(
  response: Response,
  watch: Watch,
  url: string,
  { signal, stallTimeout = STALL_TIMEOUT }: FetchOptions,
): AsyncGenerator<Uint8Array> {
  const reader = (response.body ?? new Blob([]).stream()).getReader();
  try {
    for (;;) {
      watch.expect(stallTimeout);
      const { done, value } = await reader.read();
      watch.rest();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw error instanceof CliError ? error : lost(url, error, signal);
  } finally {
    watch.end();
    await reader.cancel().catch(() => {}); // it is over either way
  }
}

function lost(url: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const failure = new CliError(`Cannot reach ${hostOf(url)}: ${networkReason(error)}`, { cause: error });
  return isHopeless(error) ? failure : new Transient(failure);
}

function refusal(what: string, url: string, { status, headers }: Response): Error {
  const reason =
    status === 404 ? "has no such file (404); it may have moved" : `answers with status ${status}`;
  const failure = new CliError(`Cannot download ${what}: ${hostOf(url)} ${reason}`);
  const seconds = Number(headers.get("retry-after") ?? "");
  if (status === 408 || status === 429 || status >= 500) {
    return new Transient(failure, { wait: Number.isFinite(seconds) ? seconds * 1000 : 0 });
  }
  return failure;
}

/** Where in the file the answer begins, and how long the file is. */
function extent({ status, headers }: Response): { start: number; total: number | undefined } {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status === 206) {
    const known = total === undefined || total === "*" ? undefined : Number(total);
    return { start: Number(start ?? -1), total: known };
  }
  const length = headers.get("content-length");
  return { start: 0, total: length === null ? undefined : Number(length) };
}

/** What the server calls this version of the file: only a strong name will do for a range. */
function keepTag(target: string, headers: Headers): void {
  const etag = headers.get("etag");
  const tag = etag === null || etag.startsWith("W/") ? headers.get("last-modified") : etag;
  try {
    writeFileSync(tagPath(target), tag ?? "");
  } catch (error) {
    throw fileError(`write ${tagPath(target)}`, error);
  }
}

function tagPath(target: string): string {
  return `${target}.version`;
}

async function isRight({ bytes, checksum }: DatasetFile, path: string): Promise<boolean> {
  const { size } = statSync(path);
  if (bytes !== undefined && size !== bytes) return false;
  return checksum === undefined || (await hashFile(path, begun(checksum, size))) === checksum.value;
}

function begun({ kind }: Checksum, size: number): Hash {
  return kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

async function hashFile(path: string, hash: Hash): Promise<string> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer);
  } catch (error) {
    throw fileError(`read ${path}`, error);
  }
  return hash.digest("hex");
}

/** A file that was there before may be damaged, or be one of the user's own. */
async function requireChecksum(file: DatasetFile, path: string): Promise<void> {
  if (await isRight(file, path)) return;
  throw new CliError(
    `Cannot use ${path}: it is not the published ${file.name}; remove it to download it anew`,
  );
}

function wrongContent({ name, url, bytes, checksum }: DatasetFile): CliError {
  const wanted =
    checksum === undefined ? `${bytes} bytes` : `${checksum.kind} hash ${checksum.value.slice(0, 12)}…`;
  return new CliError(
    `Cannot download ${name}: what ${hostOf(url)} sent is another file than was published (${wanted}); it was removed`,
  );
}
