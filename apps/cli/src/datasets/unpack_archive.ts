import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { createTarDecoder } from "modern-tar";
import { CliError, errorCode, fileError, sentence } from "../failure.ts";
import { isSafePath } from "../hub/hub_client.ts";

/** A file that came out of an archive. */
export interface UnpackedFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Unpack a `.tar.gz` that lies in several files, one after the other, without joining them on the disk.
 *
 * A file gets its name once all of it is on the disk. Links and devices are left out; a name that leads out of the folder
 * is refused.
 *
 * @param parts The files, in order.
 * @param folder Where the files go.
 * @throws {CliError} If the archive is damaged or incomplete, or something cannot be written.
 */
export async function unpackArchive(
  parts: readonly string[],
  folder: string,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<UnpackedFile[]> {
  const name = basename(parts[0]!);
  const gunzip = createGunzip({ chunkSize: 1 << 20 });
  const source = Readable.from(joined(parts, onBytes));
  source.on("error", (error) => gunzip.destroy(error));
  const tar = Readable.toWeb(source.pipe(gunzip)) as ReadableStream<Uint8Array>;
  const unpacked: UnpackedFile[] = [];
  try {
    for await (const { header, body } of tar.pipeThrough(createTarDecoder({ strict: true }))) {
      signal.throwIfAborted();
      const path = header.name.replace(/^\.\//, "");
      if (header.type !== "file" || path === "") {
        await body.cancel();
        continue;
      }
      if (!isSafePath(path))
        throw new CliError(`Cannot unpack ${name}: it names ${path}, outside its folder`);
      unpacked.push({ name: path, bytes: await writeFile(join(folder, path), body, signal) });
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CliError) throw error;
    throw new CliError(`Cannot unpack ${name}: it is damaged or incomplete (${sentence(error)})`, {
      cause: error,
    });
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  if (unpacked.length === 0) throw new CliError(`Cannot unpack ${name}: there is no file in it`);
  return unpacked;
}

// --- internal ---

async function* joined(
  parts: readonly string[],
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 })) {
      onBytes((chunk as Buffer).length);
      yield chunk as Buffer;
    }
  }
}

async function writeFile(
  path: string,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const temporary = `${path}.unpacking`;
  let bytes = 0;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "w");
    try {
      for await (const chunk of body) {
        signal.throwIfAborted();
        await file.writeFile(chunk); // goes on where the last one ended
        bytes += chunk.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    if (/^E[A-Z]+$/.test(errorCode(error) ?? "")) throw fileError(`write ${path}`, error);
    throw error; // of the archive
  }
}
