import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readSafetensors } from "@kcbert/safetensors";
import { expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertPaths } from "../../../../tests/golden/bert.ts";
import { runCli, temporaryFolder } from "../../test/run_cli.ts";

const folder = temporaryFolder();

function goldenModel(kind: string): string {
  const path = join(folder, kind);
  mkdirSync(path, { recursive: true });
  for (const name of goldenBertPaths(`${kind}/model/`))
    writeFileSync(join(path, basename(name)), goldenBert(name));
  return path;
}

const lines = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "정말 재밌는 영화" : "너무 지루한 영화"));
const table = join(folder, "train.tsv");
writeFileSync(table, ["text\tlabel", ...lines.map((line, i) => `${line}\t${i % 2}`)].join("\n"));
const corpus = join(folder, "corpus.txt");
writeFileSync(corpus, lines.join("\n"));

function finetune(model: string, output: string, ...flags: string[]): ReturnType<typeof runCli> {
  const args = ["--train", table, "--test", table, "--epochs", "1", "--batch-size", "8", "-q"];
  return runCli(["finetune", "custom", "--model", model, "-o", output, ...args, ...flags]);
}

test("finetune --keep-masked-lm writes one folder that judges texts and fills masks", async () => {
  const output = join(folder, "both");
  const flags = ["--keep-masked-lm", corpus, "--masked-lm-rows", "2", "--learning-rate", "1e-3"];
  const { code, stderr } = await finetune(goldenModel("mlm"), output, ...flags);
  expect(stderr).toBe("");
  expect(code).toBe(0);

  const config = JSON.parse(readFileSync(join(output, "config.json"), "utf8"));
  expect(config.architectures).toEqual(["BertForSequenceClassification", "BertForMaskedLM"]);
  const { tensors } = readSafetensors(readFileSync(join(output, "model.safetensors")));
  const keys = [...tensors.keys()];
  for (const key of ["classifier.weight", "bert.pooler.dense.weight", "cls.predictions.bias"]) {
    expect(keys).toContain(key);
  }
  const before = readSafetensors(readFileSync(join(folder, "mlm", "model.safetensors"))).tensors;
  const bias = "cls.predictions.bias";
  expect(Buffer.compare(tensors.get(bias)!.bytes, before.get(bias)!.bytes)).not.toBe(0); // it went on learning

  const judged = await runCli(["predict", "--model", output, "-q"], { input: "정말 재밌는 영화\n" });
  expect(judged.stdout).toMatch(/"label":"[01]"/);
  const filled = await runCli(["fill-mask", "--model", output, "정말 [MASK] 영화"]);
  expect(filled.code).toBe(0);
  expect(filled.stdout).toContain("%");
});

test("finetune --keep-masked-lm refuses a model that fills no masks", async () => {
  const { code, stderr } = await finetune(
    goldenModel("cls2"),
    join(folder, "no"),
    "--keep-masked-lm",
    corpus,
  );
  expect(stderr).toMatch(
    /^kcbert-cli: Cannot keep the masked language model of .*cls2 as it has none: it lacks cls\./,
  );
  expect(code).toBe(1);
});
