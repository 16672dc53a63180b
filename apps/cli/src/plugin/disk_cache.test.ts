import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
// @boundaries-ignore the folder is a test's
import { temporaryFolder } from "../../test/run_cli.ts";
import { DiskCompileCache } from "./disk_cache.ts";

const root = temporaryFolder();
const KEY = "ab".repeat(32);

test("what is written is read again, by another process too, and written over", async () => {
  const folder = join(root, "one/programs");
  const cache = new DiskCompileCache(folder, "1");
  await expect(cache.read(KEY)).rejects.toThrow("ENOENT");
  await cache.write(KEY, Uint8Array.of(1, 2, 3));
  expect(await new DiskCompileCache(folder, "1").read(KEY)).toEqual(Buffer.of(1, 2, 3));
  await Promise.all([4, 5, 6].map((byte) => cache.write(KEY, Uint8Array.of(byte))));
  expect([4, 5, 6]).toContain((await cache.read(KEY))[0]);
  expect(readdirSync(folder)).toEqual([`${KEY}.xla`]);
});

test("a folder that cannot be written is an error, and nothing is left", async () => {
  writeFileSync(join(root, "file"), "");
  await expect(
    new DiskCompileCache(join(root, "file/x"), "1").write(KEY, Uint8Array.of(1)),
  ).rejects.toThrow();
});

test("what was not used for longest goes when there is too much, and what interrupted writers left", async () => {
  const folder = join(root, "two");
  const cache = new DiskCompileCache(folder, "1", 250);
  const keys = ["a", "b", "c"].map((letter) => letter.repeat(64));
  const day = 86_400;
  const used = (name: string, days: number) => {
    const time = Date.now() / 1000 - days * day;
    utimesSync(join(folder, name), time, time);
  };
  for (const key of keys) {
    await cache.write(key, new Uint8Array(100));
    used(`${key}.xla`, 3);
  }
  expect(readdirSync(folder)).toHaveLength(2); // the first was the oldest
  await cache.read(keys[1]!);
  writeFileSync(join(folder, "old.tmp"), "");
  writeFileSync(join(folder, "new.tmp"), "");
  used("old.tmp", 2);
  await cache.write("d".repeat(64), new Uint8Array(100));
  expect(readdirSync(folder).toSorted()).toEqual([`${keys[1]}.xla`, `${"d".repeat(64)}.xla`, "new.tmp"]);
});
