import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelMini } from "./model_mini.ts";

const folder = new URL("../", import.meta.url);

let server: Server;
let address: string;
const asked: string[] = [];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked.push(request.url!);
    const name = /^\/files\/([\w.]+)$/.exec(request.url!)?.[1];
    const bytes =
      name === undefined ? undefined : await readFile(new URL(name, folder)).catch(() => undefined);
    response.statusCode = bytes === undefined ? 404 : 200;
    response.end(bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test("the package's own files, whole or in part", async () => {
  const source = modelMini();
  const vocab = await readFile(new URL("vocab.txt", folder));
  expect(Buffer.from((await source("vocab.txt"))!).equals(vocab)).toBe(true);
  expect(Buffer.from((await source("vocab.txt", { range: [2, 5] }))!).equals(vocab.subarray(2, 5))).toBe(
    true,
  );
  for (const absent of ["model.safetensors", "package.json", "../bert/package.json"]) {
    expect(await source(absent)).toBeUndefined();
  }
});

test("the same files from an address, with or without a last slash", async () => {
  const vocab = await readFile(new URL("vocab.txt", folder));
  for (const base of [`${address}/files`, new URL(`${address}/files/`)]) {
    const source = modelMini({ base });
    expect(Buffer.from((await source("vocab.txt"))!).equals(vocab)).toBe(true);
    asked.length = 0;
    expect(await source("pytorch_model.bin")).toBeUndefined();
    expect(asked).toEqual([]); // what is not in the folder is not asked for
  }
});

test("files that cannot be reached, and what is no address, are told", async () => {
  await expect(modelMini({ base: `${address}/nowhere` })("config.json")).rejects.toThrow(
    `Cannot load the model from ${address}/nowhere/config.json: 404 Not Found (copy the files of @kcbert/model-mini there, or pass base)`,
  );
  expect(() => modelMini({ base: "no address" })).toThrow(TypeError);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(modelMini()("config.json", { signal })).rejects.toThrow("enough");
});
