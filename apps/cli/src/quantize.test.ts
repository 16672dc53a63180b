import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertPaths } from "../../../tests/golden/bert.ts";
import { runCli, temporaryFolder } from "../test/run_cli.ts";

const folder = temporaryFolder();

function goldenModel(kind: string): string {
  const path = join(folder, kind);
  mkdirSync(path, { recursive: true });
  for (const name of goldenBertPaths(`${kind}/model/`))
    writeFileSync(join(path, basename(name)), goldenBert(name));
  return path;
}

test("quantize writes a folder that is whole, and answers as before", async () => {
  const model = goldenModel("mlm");
  const [int8, int4] = [join(folder, "int8"), join(folder, "int4")];
  const { code, stderr } = await runCli(["quantize", model, "-o", int8]);
  expect(stderr).toMatch(/^Wrote BertForMaskedLM in int8, [\d.]+ \wB of weights: .*int8\n$/);
  expect(code).toBe(0);
  expect((await runCli(["quantize", model, "-o", int4, "--weights", "int4", "-q"])).code).toBe(0);
  expect(readdirSync(int8).sort()).toEqual([
    "config.json",
    "model.int8.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
  ]);
  expect(JSON.parse(readFileSync(join(int8, "config.json"), "utf8")).architectures).toEqual([
    "BertForMaskedLM",
  ]);

  const first = async (path: string) => {
    const { stdout } = await runCli(["fill-mask", "--model", path, "--json", "정말 [MASK] 영화"]);
    return JSON.parse(stdout.split("\n")[0]!) as object;
  };
  const [before, after] = [await first(model), await first(int8)];
  expect(Object.keys(after)).toEqual(Object.keys(before));
});

test("quantize refuses what it cannot do", async () => {
  const model = goldenModel("cls2");
  const full = await runCli(["quantize", model, "-o", model]);
  expect(full.stderr).toMatch(/^kcbert-cli: Cannot write to .*cls2: the folder has files \(config\.json\)/);
  expect(full.code).toBe(2);
  const again = join(folder, "again");
  expect((await runCli(["quantize", model, "-o", again, "-q"])).code).toBe(0);
  const twice = await runCli(["quantize", again, "-o", join(folder, "twice")]);
  expect(twice.stderr).toMatch(/Cannot quantise the model .*again: .*it has 8 bits already/);
  expect(twice.code).toBe(1);
});
