import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/run_cli.ts";
import { withOutput, writeFiles } from "./output.ts";

const root = temporaryFolder();
let folders = 0;

function folder(): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  return path;
}

test("withOutput() shows the file only when it is whole", async () => {
  const path = join(folder(), "out.txt");
  writeFileSync(path, "before");
  await withOutput(path, async (output) => {
    await output.write("가나다\n");
    expect(readFileSync(path, "utf8")).toBe("before");
    await output.writeBytes(new TextEncoder().encode("라".repeat(100_000)));
  });
  expect(readFileSync(path, "utf8")).toBe(`가나다\n${"라".repeat(100_000)}`);
  expect(readdirSync(join(path, ".."))).toEqual(["out.txt"]);
});

test("withOutput() leaves what was there when the body fails", async () => {
  const path = join(folder(), "out.txt");
  writeFileSync(path, "before");
  const failing = withOutput(path, async (output) => {
    await output.write("half");
    throw new Error("no more");
  });
  await expect(failing).rejects.toThrow("no more");
  expect(readFileSync(path, "utf8")).toBe("before");
  expect(readdirSync(join(path, ".."))).toEqual(["out.txt"]);
});

test("withOutput() keeps the mode of the file and the link to it", async () => {
  const place = folder();
  const path = join(place, "real.txt");
  writeFileSync(path, "before");
  chmodSync(path, 0o640);
  symlinkSync("real.txt", join(place, "link.txt"));
  await withOutput(join(place, "link.txt"), (output) => output.write("after"));
  expect(lstatSync(join(place, "link.txt")).isSymbolicLink()).toBe(true);
  expect(readFileSync(path, "utf8")).toBe("after");
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test("withOutput() compresses a file whose name ends in .gz", async () => {
  const path = join(folder(), "out.txt.gz");
  const text = "가나다라마바사\n".repeat(200_000);
  await withOutput(path, async (output) => {
    await output.write(text);
    await output.write("끝\n");
  });
  expect(gunzipSync(readFileSync(path)).toString()).toBe(`${text}끝\n`);
});

test("withOutput() leaves what was there when compressing is interrupted", async () => {
  const path = join(folder(), "out.gz");
  writeFileSync(path, "before");
  const failing = withOutput(path, async (output) => {
    await output.write("half".repeat(1_000_000));
    throw new Error("no more");
  });
  await expect(failing).rejects.toThrow("no more");
  expect(readFileSync(path, "utf8")).toBe("before");
  expect(readdirSync(join(path, ".."))).toEqual(["out.gz"]);
});

test("withOutput() says why a path cannot be written", async () => {
  const place = folder();
  const write = (path: string) => withOutput(path, (output) => output.write("가"));
  await expect(write(place)).rejects.toThrow(/it is a directory, not a file/);
  await expect(write(join(place, "none", "out.txt"))).rejects.toThrow(/there is no folder/);
  writeFileSync(join(place, "file"), "");
  await expect(write(join(place, "file", "out.txt"))).rejects.toThrow(
    /a part of its path is not a directory/,
  );
});

test("withOutput() writes to a device without replacing it", async () => {
  await withOutput("/dev/null", (output) => output.write("가"));
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("writeFiles() shows no file before all are whole", async () => {
  const place = folder();
  mkdirSync(join(place, "b"));
  writeFileSync(join(place, "a"), "before");
  await expect(
    writeFiles(
      place,
      new Map([
        ["a", "after"],
        ["b", "after"],
      ]),
    ),
  ).rejects.toThrow(/it is a directory/);
  expect(readFileSync(join(place, "a"), "utf8")).toBe("before");
  expect(readdirSync(place)).toEqual(["a", "b"]);
  await writeFiles(
    place,
    new Map<string, string | Uint8Array>([
      ["a", "after"],
      ["c", Uint8Array.of(1, 2)],
    ]),
  );
  expect(readFileSync(join(place, "a"), "utf8")).toBe("after");
  expect([...readFileSync(join(place, "c"))]).toEqual([1, 2]);
});
