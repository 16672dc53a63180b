import { quote } from "./_header.ts";
import type { Seekable } from "./_seekable.ts";
import { maxPickleLength, stateDict, storages, unreadable } from "./_state_dict.ts";
import { type PickledTensor, unpickle } from "./_unpickle.ts";
import { readZipDirectory, readZipRecord, takeZipRecord, type ZipRecord } from "./_zip.ts";
import { dtypeSize } from "./dtype.ts";

/** A file of which the pickle has been read. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, PickledTensor>;
  /** The keys of the storages, in the order of the file. */
  readonly keys: readonly string[];
  /** The bytes of a storage, for the last time: storages must be asked for in the order of the file. */
  readonly take: (key: string) => Uint8Array;
}

/** `ROOT/data.pkl`, `ROOT/data/KEY` for each storage, `ROOT/byteorder`, and what does not matter. */
export function openZip(file: Seekable): Checkpoint {
  const records = readZipDirectory(file);
  const [pickle, ...more] = [...records.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || more.length > 0)
    throw unreadable("the zip file must have one folder with a data.pkl");
  const root = pickle.name.slice(0, -"data.pkl".length);
  for (const name of records.keys()) {
    if (!name.startsWith(root) || name.split("/").includes("..")) {
      throw unreadable(`all records must be in the folder ${root}: found ${quote(name)}`);
    }
  }
  const order = records.get(`${root}byteorder`);
  if (
    order !== undefined &&
    new TextDecoder().decode(file.slice(order.start, order.end)).trim() !== "little"
  ) {
    throw unreadable("the byte order must be little-endian", order.start);
  }
  if (pickle.end - pickle.start > maxPickleLength)
    throw unreadable("data.pkl must not exceed 64 MiB", pickle.start);
  const tensors = stateDict(unpickle(readZipRecord(file, pickle), 0, pickle.start).value);
  const places = new Map<string, ZipRecord>();
  for (const { key, dtype, length } of storages(tensors)) {
    const place = records.get(`${root}data/${key}`);
    if (place === undefined) throw unreadable(`there is no record for storage ${quote(key)}`);
    if (place.end - place.start !== length * dtypeSize(dtype)) {
      throw unreadable(
        `a storage must have the size that the pickle says: ${quote(place.name)} has ${place.end - place.start} bytes, expected ${length * dtypeSize(dtype)}`,
        place.start,
      );
    }
    places.set(key, place);
  }
  const keys = [...places].sort(([, a], [, b]) => a.start - b.start).map(([key]) => key);
  return { tensors, keys, take: (key) => takeZipRecord(file, places.get(key)!) };
}
