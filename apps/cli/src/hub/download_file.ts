import { createHash, type Hash } from "node:crypto";
import { existsSync } from "node:fs";
import { CliError } from "../failure.ts";
import type { HubClient, HubFile } from "./hub_client.ts";
import { RangeRefused } from "./hub_failure.ts";
import type { ModelId } from "./model_id.ts";
import { isInWork, PartialFile } from "./partial_file.ts";
import { type Pause, persistently, Transient, wait } from "./persistence.ts";

/** How a file is downloaded. */
export interface DownloadFileOptions {
  readonly signal: AbortSignal;
  /** Told of the bytes that were there already, once, before all others. */
  readonly onResume?: (bytes: number) => void;
  /** Told of bytes as they come. */
  readonly onBytes?: (bytes: number) => void;
  readonly pause?: Pause;
}

/**
 * Download a file of the hub, or the rest of it, and give it its name once its hash is right.
 *
 * Another process that is at it already is waited for. What is there when this one ends, by Ctrl-C or by a failure,
 * stays as a partial file, and the next attempt goes on from there. If the hash of a file that was put together from
 * such parts is wrong, it is downloaded anew, once.
 *
 * @param target Where it goes; its folder is there.
 * @throws {CliError} If it cannot be had, or its hash is wrong.
 */
export async function downloadFile(
  client: HubClient,
  model: ModelId,
  file: HubFile,
  target: string,
  options: DownloadFileOptions,
): Promise<void> {
  const { signal, pause = wait } = options;
  while (await isInWork(target)) await pause(500, signal);
  if (existsSync(target)) return;
  const kind = hashOf(file);
  const partial = await PartialFile.open(target, kind?.begin ?? (() => createHash("sha256")));
  const resumed = partial.length;
  options.onResume?.(resumed);
  try {
    await fill(client, model, file, partial, options);
    if (kind !== undefined && partial.digest() !== file.etag) {
      const whole = resumed === 0;
      await partial.clear();
      if (whole) throw wrongHash(file, kind.name);
      await fill(client, model, file, partial, options);
      if (partial.digest() !== file.etag) throw await cleared(partial, wrongHash(file, kind.name));
    }
    await partial.finish(target);
  } catch (error) {
    await partial.leave();
    throw error;
  }
}

/** The hash of a file by what the hub's etag looks like, begun and to be fed with the file's bytes. */
export function hashOf({ etag, size }: Pick<HubFile, "etag" | "size">): FileHash | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return { name: "sha256", begin: () => createHash("sha256") };
  if (!/^[0-9a-f]{40}$/.test(etag) || size === undefined) return undefined;
  return { name: "git sha1", begin: () => createHash("sha1").update(`blob ${size}\0`) };
}

/** A kind of hash. */
export interface FileHash {
  readonly name: string;
  readonly begin: () => Hash;
}

// --- internal ---

/** Receive what is missing, as often as it takes. */
async function fill(
  client: HubClient,
  model: ModelId,
  file: HubFile,
  partial: PartialFile,
  { onBytes }: DownloadFileOptions,
): Promise<void> {
  const { size = Infinity } = file;
  await persistently(
    async () => {
      if (partial.length > size) await partial.clear();
      if (partial.length === size) return;
      const { start, chunks } = await begin(client, model, file, partial);
      if (start !== partial.length) await partial.clear();
      if (start !== partial.length) throw new Transient(oddRange(file));
      for await (const chunk of chunks) {
        await partial.append(chunk);
        if (partial.length > size) throw await cleared(partial, wrongSize(file, partial.length));
        onBytes?.(chunk.length);
      }
      if (size !== Infinity && partial.length < size) {
        throw new Transient(wrongSize(file, partial.length));
      }
    },
    client.persistence(() => partial.length),
  );
}

async function begin(client: HubClient, model: ModelId, file: HubFile, partial: PartialFile) {
  try {
    return await client.receive(model, file, partial.length);
  } catch (error) {
    if (!(error instanceof RangeRefused) || partial.length === 0) throw error;
    await partial.clear();
    return client.receive(model, file, 0);
  }
}

async function cleared(partial: PartialFile, error: CliError): Promise<CliError> {
  await partial.clear();
  return error;
}

function wrongHash({ name, etag }: HubFile, hash: string): CliError {
  return new CliError(
    `Cannot download ${name}: what came has another ${hash} than the hub says (${etag.slice(0, 12)}…); it was removed, try again`,
  );
}

function wrongSize({ name, size }: HubFile, length: number): CliError {
  return new CliError(`Cannot download ${name}: it must have ${size} bytes, and ${length} came; try again`);
}

function oddRange({ name }: HubFile): CliError {
  return new CliError(`Cannot download ${name}: the server sends another part than was asked for`);
}
