import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { kcbertBase, parseBertConfig } from "@kcbert/bert";
import { readSafetensors, type SafetensorsTensor, toFloat32 } from "@kcbert/safetensors";
import { expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import {
  goldenBert,
  goldenBertFolder,
  goldenBertPaths,
  goldenBertText,
} from "../../../../tests/golden/bert.ts";
import { type CliOptions, ended, runCli, temporaryFolder } from "../../test/run_cli.ts";
import { exportWeights } from "./export_weights.ts";
import { CARD_MARK, formatModelCard, TASKS } from "./model_card.ts";
import { trainingFacts } from "./training_facts.ts";

const root = temporaryFolder();
const repository = fileURLToPath(new URL("../../../..", import.meta.url));
const FILES = [
  "README.md",
  "config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
];
let folders = 0;

/** A golden folder on the disk, with some files in place of its own. */
function golden(
  name: string,
  changes: Readonly<Record<string, string | Uint8Array | undefined>> = {},
): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  for (const path of goldenBertPaths(`${name}/`))
    writeFileSync(join(folder, basename(path)), goldenBert(path));
  for (const [file, content] of Object.entries(changes)) {
    if (content === undefined) rmSync(join(folder, file));
    else writeFileSync(join(folder, file), content);
  }
  return folder;
}

const exported = (folder: string, output: string, args: readonly string[] = [], options?: CliOptions) =>
  runCli(["export", folder, "--output", output, ...args], options);
const fresh = () => join(root, `out-${folders++}`);
const tensorsOf = (folder: string) =>
  readSafetensors(readFileSync(join(folder, "model.safetensors"))).tensors;
const json = (folder: string, name: string) =>
  JSON.parse(readFileSync(join(folder, name), "utf8")) as Record<string, unknown>;

function values(tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, Float32Array> {
  return new Map(
    [...tensors].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, tensor]) => [name, toFloat32(tensor)]),
  );
}

const truth = values(readSafetensors(goldenBert("pretraining/model/model.safetensors")).tensors);

test.each([
  "zip",
  "legacy",
  "legacy-gamma-beta",
  "gamma-beta-safetensors",
  "sharded",
  "sharded-bin",
  "views-zip",
  "views-legacy",
  "saved-by-4.57",
])("exportWeights() loses nothing of %s", async (name) => {
  const config = parseBertConfig(goldenBertText(`formats/${name}/config.json`));
  const { tensors, dtype } = await exportWeights(goldenBertFolder(`formats/${name}`), config);
  expect(values(tensors)).toEqual(truth);
  expect(dtype).toBe("F32");
});

test.each([
  ["float16", "F16"],
  ["float16-bin", "F16"],
  ["bfloat16", "BF16"],
  ["bfloat16-bin", "BF16"],
  ["mixed-dtypes", "F32"],
])("exportWeights() keeps the dtype of %s", async (name, dtype) => {
  const config = parseBertConfig(goldenBertText(`formats/${name}/config.json`));
  const weights = await exportWeights(goldenBertFolder(`formats/${name}`), config);
  expect(weights.dtype).toBe(dtype);
  expect([...weights.tensors.keys()].sort()).toEqual([...truth.keys()]);
});

test("an old folder becomes a new one, which answers alike", async () => {
  const old = golden("formats/legacy-gamma-beta");
  const output = fresh();
  const { code, stdout, stderr } = await exported(old, output);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toMatch(
    /^Exported .*: a BertFor\w+ of [\d,]+ parameters in F32 \(.* kB\) to .*; its model card names no licence, --license does\n$/,
  );
  expect(readdirSync(output).sort()).toEqual(FILES);
  const { metadata, tensors } = readSafetensors(readFileSync(join(output, "model.safetensors")));
  expect(metadata.get("format")).toBe("pt");
  expect(values(tensors)).toEqual(truth);
  expect(json(output, "tokenizer_config.json")).toMatchObject({
    do_lower_case: false,
    tokenizer_class: "BertTokenizer",
  });
  expect(json(output, "tokenizer.json")).toMatchObject({ truncation: null, padding: null });
  expect(json(output, "config.json")).toMatchObject({ model_type: "bert", dtype: "float32" });
  expect(readFileSync(join(output, "vocab.txt"))).toEqual(readFileSync(join(old, "vocab.txt")));
  const ask = (folder: string) => runCli(["fill-mask", "-m", folder, "--json", "이 영화 정말 [MASK]"]);
  expect((await ask(output)).stdout).toBe((await ask(old)).stdout);
});

test("--dtype rounds, and config.json says so", async () => {
  const folder = golden("mlm/model");
  const full = fresh();
  await exported(folder, full);
  for (const [dtype, name, most] of [
    ["F16", "float16", 2 ** -11],
    ["BF16", "bfloat16", 2 ** -8],
  ] as const) {
    const output = fresh();
    expect((await exported(folder, output, ["--dtype", dtype])).code).toBe(0);
    const [rounded, exact] = [tensorsOf(output), values(tensorsOf(full))];
    for (const [key, tensor] of rounded) {
      expect(tensor.dtype).toBe(dtype);
      const off = toFloat32(tensor).map(
        (value, i) => Math.abs(value - exact.get(key)![i]!) - Math.abs(value) * most,
      );
      expect(off.every((excess) => excess < 1e-6)).toBe(true);
    }
    expect(json(output, "config.json").dtype).toBe(name);
    expect((await runCli(["fill-mask", "-m", output, "이 [MASK]"])).code).toBe(0);
  }
  const { code, stderr } = await exported(folder, fresh(), ["--dtype", "f16"]);
  expect(stderr).toMatch(/Cannot use --dtype f16: it takes one of F32, F16, BF16/);
  expect(code).toBe(2);
});

test.each(["int8", "int4"])("a folder in %s becomes one of floats that say the same", async (weights) => {
  const whole = golden("mlm/model");
  const [small, output] = [fresh(), fresh()];
  expect((await runCli(["quantize", whole, "--weights", weights, "--output", small])).code).toBe(0);
  expect((await exported(small, output)).code).toBe(0);
  expect(readdirSync(output).sort()).toEqual(FILES);
  expect(json(output, "config.json").quantization_config).toBeUndefined();
  const [floats, before] = [values(tensorsOf(output)), values(tensorsOf(whole))];
  for (const [key, values] of floats) {
    const largest = Math.max(...values.map(Math.abs));
    const off = Math.max(...values.map((value, i) => Math.abs(value - before.get(key)![i]!)));
    expect(off, key).toBeLessThanOrEqual(largest / (weights === "int8" ? 120 : 7));
  }
  expect((await runCli(["fill-mask", "-m", output, "이 영화 [MASK]"])).code).toBe(0);
});

test("a folder with files of others is left alone; one that export made is replaced", async () => {
  const folder = golden("mlm/model");
  const output = fresh();
  mkdirSync(output);
  expect((await exported(folder, output)).code).toBe(0); // empty
  writeFileSync(join(output, "config.json"), "broken");
  expect((await exported(folder, output)).code).toBe(0);
  expect(json(output, "config.json").hidden_size).toBe(32);
  writeFileSync(join(output, "notes.txt"), "mine");
  const before = readFileSync(join(output, "README.md"), "utf8");
  const refused = await exported(folder, output, ["--license", "mit"]);
  expect(refused.stderr).toMatch(
    /: the folder has files that export did not make \(\S+\); name another, or add --overwrite\n$/,
  );
  expect(refused.code).toBe(1);
  expect(readFileSync(join(output, "README.md"), "utf8")).toBe(before);
  expect((await exported(folder, output, ["--license", "mit", "--overwrite"])).code).toBe(0);
  expect(readFileSync(join(output, "README.md"), "utf8")).toContain("license: mit");
  expect(readdirSync(output).sort()).toEqual([...FILES, "notes.txt"].sort());
  expect(readdirSync(root).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a folder can be exported over itself, when it is said", async () => {
  const folder = golden("formats/legacy");
  expect((await exported(folder, folder)).code).toBe(1);
  expect((await exported(folder, folder, ["--overwrite"])).code).toBe(0);
  expect(readdirSync(folder).sort()).toEqual([...FILES, "pytorch_model.bin"].sort());
  expect(values(tensorsOf(folder))).toEqual(truth);
});

test("links of the cache are replaced, never written through", async () => {
  const folder = golden("mlm/model");
  const output = fresh();
  mkdirSync(output);
  writeFileSync(join(root, "blob"), "untouched");
  symlinkSync(join(root, "blob"), join(output, "config.json"));
  expect((await exported(folder, output, ["--overwrite"])).code).toBe(0);
  expect(readFileSync(join(root, "blob"), "utf8")).toBe("untouched");
  expect(json(output, "config.json").hidden_size).toBe(32);
});

const config = JSON.parse(goldenBertText("mlm/model/config.json")) as Record<string, unknown>;
const changed = (changes: object) => JSON.stringify({ ...config, ...changes });

test.each<[string, Record<string, string | Uint8Array | undefined>, RegExp]>([
  [
    "without weights",
    { "model.safetensors": undefined },
    /there is no model.safetensors and no pytorch_model.bin/,
  ],
  [
    "with weights that were cut",
    { "model.safetensors": goldenBert("mlm/model/model.safetensors").subarray(0, 5000) },
    /safetensors/,
  ],
  ["of another size", { "config.json": changed({ hidden_size: 64 }) }, /shape/],
  [
    "without the head that it claims",
    { "config.json": changed({ architectures: ["BertForQuestionAnswering"] }) },
    /a BertForQuestionAnswering must have qa_outputs/,
  ],
  [
    "of a class that is not known",
    { "config.json": changed({ architectures: ["BertLMHeadModel"] }) },
    /its class BertLMHeadModel is none of BertModel, /,
  ],
  ["of another kind", { "config.json": changed({ model_type: "gpt2" }) }, /gpt2/],
  ["that is quantised", { "config.json": changed({ quantization_config: { bits: 8 } }) }, /quanti/],
  [
    "without a tokenizer",
    { "tokenizer.json": undefined, "vocab.txt": undefined },
    /neither tokenizer.json nor vocab.txt/,
  ],
  [
    "with a tokenizer that is too large",
    {
      "tokenizer.json": undefined,
      "vocab.txt": `${goldenBertText("mlm/model/vocab.txt").trimEnd()}\n하나\n둘더\n`,
    },
    /its tokenizer has 602 tokens, its config.json 600/,
  ],
])("a model %s is refused, and leaves nothing", async (_, changes, says) => {
  const folder = golden("mlm/model", changes);
  const output = join(root, "none", String(folders++));
  const { code, stdout, stderr } = await exported(folder, output);
  expect(stderr).toMatch(/^kcbert-cli: Cannot export [^\n]*[^.\n]\n$/);
  expect(stderr).toMatch(says);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(existsSync(output)).toBe(false);
  expect(readdirSync(join(root, "none")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("an output that is a file is refused, and a missing model", async () => {
  writeFileSync(join(root, "file"), "");
  const file = await exported(golden("mlm/model"), join(root, "file"));
  expect(file.stderr).toMatch(/Cannot export to .*file: it is a file, not a folder\n$/);
  const none = await exported("nobody/nothing", fresh(), [], { env: { HF_HOME: join(root, "hf") } });
  expect(none.stderr).toMatch(
    /Cannot open the model nobody\/nothing: there is no such folder, and the cache does not have it/,
  );
});

test("the model card says what files and flags say", async () => {
  const folder = golden("mlm/model", {
    "config.json": changed({ kcbert: { clean: "2021" } }),
    "metrics.jsonl": [
      {
        event: "start",
        batchSize: 8,
        rowLength: 64,
        trainLines: 12_345,
        heldOutLines: 1000,
        unigramLoss: 6.5,
      },
      { event: "step", step: 100, loss: 5 },
      { event: "end", step: 200, reason: "done", evalLoss: 4.25, unigramLoss: 6.5, accuracy: 0.3125 },
    ]
      .map((event) => JSON.stringify(event))
      .join("\n"),
  });
  const output = join(root, "my-model");
  const flags = [
    "--license",
    "cc-by-4.0",
    "--base-model",
    "beomi/kcbert-base",
    "--datasets",
    "nsmc,a b",
    "--metrics",
    "accuracy",
    "--language",
    "no",
  ];
  await exported(folder, output, flags);
  const card = readFileSync(join(output, "README.md"), "utf8");
  expect(card.slice(0, card.indexOf("## Use"))).toBe(`---
language: "no"
license: cc-by-4.0
library_name: transformers
pipeline_tag: fill-mask
tags:
- bert
- kcbert
base_model: beomi/kcbert-base
datasets:
- nsmc
- "a b"
metrics:
- accuracy
---

# my-model

A BERT (\`BertForMaskedLM\`) with language \`no\`, made from [beomi/kcbert-base](https://huggingface.co/beomi/kcbert-base): 2 layers of 32, 4 heads, 600 tokens, up to 300 positions; 56,056 parameters in F32.
It was trained on text cleaned by KcBERT's \`clean\` (variant 2021): the JavaScript below cleans alike, in Python it is up to you.

`);
  expect(card.slice(card.indexOf("## Training"))).toBe(`## Training

| | |
| --- | --- |
| Steps | 200 |
| Rows in a batch | 8 |
| Tokens in a row | 64 |
| Lines of text | 12,345 |
| Lines held out | 1,000 |
| Masked-token loss on held-out lines | 4.250 nats |
| The same, guessing by frequency alone | 6.500 nats |
| Masked tokens guessed on held-out lines | 31.3 % |

${CARD_MARK}
`);
});

test("trainingFacts() tells of a run that was cut off, and nothing of no run", () => {
  const lines =
    '{"event":"start","batchSize":8}\n{"event":"eval","step":5,"loss":2,"accuracy":0.5}\n{"event":"step","step":7}\n{"eve';
  expect(trainingFacts(lines)).toEqual({ steps: 7, batchSize: 8, loss: 2, accuracy: 0.5, interrupted: true });
  expect(trainingFacts("")).toBeUndefined();
  expect(trainingFacts('{"event":"start"}\nnull\n[1]\n')).toBeUndefined();
});

test.each(["mlm", "cls3", "tokcls", "qa", "base"])("the JavaScript in the card of %s runs", async (name) => {
  const folder = golden(`${name}/model`);
  const output = join(root, `card-${name}`);
  expect((await exported(folder, output)).code).toBe(0);
  const [, code] = /```js\n(.*?)```/s.exec(readFileSync(join(output, "README.md"), "utf8"))!;
  if (!existsSync(join(root, "node_modules")))
    symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, `${name}.mjs`), code!);
  const ran = await ended(
    spawn(process.execPath, ["--conditions=@kcbert/source", `${name}.mjs`], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
    }),
  );
  expect(ran.stderr).not.toMatch(/Error/);
  expect(ran.code).toBe(0);
  expect(ran.stdout).toMatch(/score:|label:|answer:|Float32Array|\[/);
});

test("a card of a class without a task has no example, and any name is safe in it", () => {
  const card = formatModelCard({
    name: 'a "b": c',
    config: kcbertBase,
    architecture: undefined,
    parameters: 1,
    dtype: "F32",
    training: undefined,
    language: "ko",
    license: "[x]: y",
    baseModel: "./mine",
  });
  expect(card).toContain('license: "[x]: y"\n');
  expect(card).toContain('base_model: "./mine"\n');
  expect(card).not.toContain("## Use");
  expect(card).not.toContain("pipeline_tag");
  expect(Object.keys(TASKS)).toHaveLength(6);
});

test("help has an example that is a command line of its own", async () => {
  for (const command of ["download", "export"]) {
    const { code, stdout } = await runCli([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`EXAMPLES\\n\\n {2}# .*\\n {2}kcbert-cli ${command} `));
  }
});
