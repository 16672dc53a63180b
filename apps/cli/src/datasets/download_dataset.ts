import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeDurably } from "../corpus/durable_files.ts";
import { CliError, fileError } from "../failure.ts";
import { isSafePath } from "../hub/hub_client.ts";
import type { Dataset, DatasetFile } from "./catalog.ts";
import { type FetchedFile, fetchFile, type FetchOptions, fetchText } from "./fetch_file.ts";
import { unpackArchive, type UnpackedFile } from "./unpack_archive.ts";

/** How a dataset is downloaded. */
export interface DownloadOptions extends FetchOptions {
  /** An address that is asked instead of all others: `<mirror>/<host>/<path>`. */
  readonly mirror: string | undefined;
  /** The work begins on a file; with the bytes of all, if they are known, before the first. */
  readonly onPlan?: (bytes: number | undefined) => void;
  readonly onFile?: (name: string) => void;
  readonly onUnpack?: (bytes: number) => void;
}

/** What is in a dataset's folder, in `dataset.json`. */
export interface DatasetRecord {
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  readonly home: string;
  readonly files: readonly (Omit<FetchedFile, "present"> & { readonly url: string })[];
  readonly unpacked?: readonly UnpackedFile[];
}

/** The files of a dataset; those of a release are asked for. */
export async function filesOf(dataset: Dataset, options: DownloadOptions): Promise<readonly DatasetFile[]> {
  const files = dataset.release === undefined ? dataset.files : await assetsOf(dataset, options);
  return files.map((file) => ({ ...file, url: mirrored(file.url, options.mirror) }));
}

/**
 * Bring a dataset's files into a folder, and unpack them if they are an archive; what is there already stays.
 *
 * @param folder The folder; it is made.
 * @returns What the folder holds, and how many of the files are new.
 * @throws {CliError} If a file cannot be had, or is another than was published, or than was downloaded first.
 */
export async function downloadDataset(
  dataset: Dataset,
  folder: string,
  options: DownloadOptions,
): Promise<{ record: DatasetRecord; fresh: number }> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fileError(`write to the folder ${folder}`, error);
  }
  const before = readJson(join(folder, RECORD)) as DatasetRecord | undefined;
  const files = (await filesOf(dataset, options)).map((file) => asRecorded(file, before));
  const sizes = files.map(({ bytes }) => bytes);
  options.onPlan?.(
    sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + size!, 0),
  );
  const fetched: FetchedFile[] = [];
  for (const file of files) {
    options.onFile?.(file.name);
    fetched.push(await fetchFile(file, join(folder, file.name), options));
  }
  const { name, title, licence, home } = dataset;
  const record: DatasetRecord = {
    name,
    title,
    licence,
    home,
    files: fetched.map(({ name, bytes, sha256 }, i) => ({ name, bytes, sha256, url: files[i]!.url })),
  };
  const unpacked = dataset.split === true ? await unpack(record, before, folder, options) : undefined;
  const whole = unpacked === undefined ? record : { ...record, unpacked };
  writeDurably(folder, RECORD, `${JSON.stringify(whole, undefined, 2)}\n`);
  return { record: whole, fresh: fetched.filter(({ present }) => !present).length };
}

// --- internal ---

const RECORD = "dataset.json";

/** A file without a published checksum must be what it was the first time. */
function asRecorded(file: DatasetFile, before: DatasetRecord | undefined): DatasetFile {
  const then = before?.files.find(({ name }) => name === file.name);
  if (then === undefined || file.checksum !== undefined) return file;
  return { ...file, bytes: then.bytes, checksum: { kind: "sha256", value: then.sha256 } };
}

async function unpack(
  record: DatasetRecord,
  before: DatasetRecord | undefined,
  folder: string,
  options: DownloadOptions,
): Promise<readonly UnpackedFile[]> {
  const same = JSON.stringify(before?.files.map(({ sha256 }) => sha256));
  if (before?.unpacked !== undefined && same === JSON.stringify(record.files.map(({ sha256 }) => sha256))) {
    return before.unpacked;
  }
  // the checksums are kept already if the unpacking fails, or is interrupted
  writeDurably(folder, RECORD, `${JSON.stringify(record, undefined, 2)}\n`);
  options.onUnpack?.(record.files.reduce((sum, { bytes }) => sum + bytes, 0));
  const parts = record.files.map(({ name }) => join(folder, name));
  return unpackArchive(parts, folder, { signal: options.signal, onBytes: options.onBytes ?? (() => {}) });
}

interface Asset {
  readonly name: string;
  readonly size: number;
  readonly browser_download_url: string;
  readonly digest?: string | null;
}

/** The parts of a split archive among a release's assets, in order, with the hashes that GitHub has of them. */
async function assetsOf({ name, release }: Dataset, options: DownloadOptions): Promise<DatasetFile[]> {
  const { repository, tag } = release!;
  const url = mirrored(`https://api.github.com/repos/${repository}/releases/tags/${tag}`, options.mirror);
  const { assets } = parseRelease(await fetchText(url, options), url);
  const parts = assets.filter((asset) => /\.(?:tar\.gz|tgz)\.?[a-z\d]{0,3}$/.test(asset.name));
  if (parts.length === 0) {
    const names = assets.map((asset) => asset.name).join(", ");
    throw new CliError(
      `Cannot download ${name}: its release has no part of a .tar.gz any more (${names || "nothing"})`,
    );
  }
  return parts
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, size, browser_download_url, digest }) => {
      const [, value] = /^sha256:([0-9a-f]{64})$/.exec(digest ?? "") ?? [];
      const checksum = value === undefined ? {} : { checksum: { kind: "sha256" as const, value } };
      return { name, url: browser_download_url, bytes: size, ...checksum };
    });
}

function parseRelease(text: string, url: string): { assets: readonly Asset[] } {
  let release: unknown;
  try {
    release = JSON.parse(text);
  } catch {
    release = undefined;
  }
  const { assets } = (release ?? {}) as { assets?: unknown };
  if (Array.isArray(assets) && assets.every((asset: unknown) => isAsset(asset))) return { assets };
  throw new CliError(`Cannot read the release at ${url}: the answer has no list of files`);
}

function isAsset(asset: unknown): asset is Asset {
  const { name, size, browser_download_url } = (asset ?? {}) as Record<string, unknown>;
  const isName = typeof name === "string" && isSafePath(name) && !name.includes("/");
  return isName && Number.isSafeInteger(size) && URL.canParse(browser_download_url as string);
}

function mirrored(url: string, mirror: string | undefined): string {
  if (mirror === undefined) return url;
  const { host, pathname } = new URL(url);
  return `${mirror.replace(/\/$/, "")}/${host}${pathname}`;
}
