import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { loadFfi } from "./ffi.ts";
import { PjrtPlugin } from "./plugin.ts";

test("a file that is not there, or is no library, is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kcbert-xla-"));
  try {
    const text = join(folder, "plugin.so");
    writeFileSync(text, "not a library");
    await expect(PjrtPlugin.load(text)).rejects.toThrow(`Cannot load the shared library ${text}: `);
    const absent = join(folder, "absent.so");
    await expect(PjrtPlugin.load(absent)).rejects.toThrow(`Cannot load the shared library ${absent}: `);
    await expect(PjrtPlugin.load("")).rejects.toThrow(
      new TypeError('Cannot load a plugin as its path must be a string: it is ""'),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.skipIf(process.platform !== "linux")("another library is no plugin", async () => {
  await expect(PjrtPlugin.load("libc.so.6")).rejects.toThrow(
    "Cannot use libc.so.6 as a plugin as it does not export GetPjrtApi: it is another library",
  );
});

test.each([
  [0, 56, "0.56"],
  [1, 0, "1.0"],
])("a plugin of version %i.%i of the C API is refused before anything is called", async (major, minor) => {
  const ffi = await loadFfi();
  const table = new DataView(new ArrayBuffer(1120));
  table.setBigUint64(0, 1120n, true);
  table.setInt32(32, major, true);
  table.setInt32(36, minor, true);
  expect(() => PjrtPlugin.fromTable(ffi, "old.so", ffi.addressOf(table))).toThrow(
    new RangeError(
      `Cannot use the plugin old.so as it speaks version ${major}.${minor} of the PJRT C API: 0.60 or newer is needed, below 1.0`,
    ),
  );
});
