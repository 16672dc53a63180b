import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fromFloat32, readSafetensors, writeSafetensors } from "@kcbert/safetensors";
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

test("quantize --base writes what a head has beside its base, which is all that it needs", async () => {
  const [model, base, moved, head] = [
    goldenModel("cls2"),
    ...["base", "moved", "head"].map((n) => join(folder, n)),
  ];
  expect((await runCli(["quantize", model, "-o", base!, "-q"])).code).toBe(0);
  mkdirSync(moved!);
  for (const name of readdirSync(base!)) {
    let bytes: Uint8Array = readFileSync(join(base!, name));
    if (name === "model.int8.safetensors") {
      const tensors = new Map(readSafetensors(bytes).tensors);
      tensors.set("classifier.bias", fromFloat32(Float32Array.of(3, -3), [2]));
      bytes = writeSafetensors(tensors, { format: "pt" });
    }
    writeFileSync(join(moved!, name), bytes);
  }
  const told = await runCli([
    "quantize",
    moved!,
    "--base",
    base!,
    "--base-name",
    "mini",
    "-o",
    head!,
    "--json",
  ]);
  expect(JSON.parse(told.stdout)).toMatchObject({ base: "mini", parameters: ["classifier.bias"] });
  expect(readdirSync(head!)).toEqual(["config.json", "overlay.int8.safetensors"]);
  const config = JSON.parse(readFileSync(join(head!, "config.json"), "utf8")) as { kcbert: { base: object } };
  const hash = createHash("sha256")
    .update(readFileSync(join(base!, "model.int8.safetensors")))
    .digest("hex");
  expect(config.kcbert.base).toEqual({ name: "mini", sha256: hash });

  const floatBase = await runCli(["quantize", moved!, "--base", model!, "-o", join(folder, "no")]);
  expect(floatBase.stderr).toMatch(
    /^kcbert-cli: Cannot lay the model .*moved over .*cls2: .*it is of floats/,
  );
  expect(floatBase.code).toBe(1);
});
