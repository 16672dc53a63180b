import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertPaths } from "../../../../tests/golden/bert.ts";
import { COMMIT, TestHub } from "../../test/hub_server.ts";
import { type CliResult, ended, runCli, temporaryFolder } from "../../test/run_cli.ts";

const ID = "beomi/kcbert-base";
const PYTHON = process.env.KCBERT_PYTHON ?? "python3";
const found = spawnSync(PYTHON, ["-c", "import huggingface_hub; print(huggingface_hub.__version__)"]);
const why = "there is no Python with huggingface_hub; KCBERT_PYTHON names one";

const root = temporaryFolder();
let hub: TestHub;
let homes = 0;
let env: Record<string, string>;
let snapshot: string;

beforeAll(async () => void (hub = await TestHub.start()));
afterAll(() => hub.stop());
beforeEach(() => {
  const files = goldenBertPaths("mlm/model/").map((path) => [basename(path), goldenBert(path)]);
  hub.reset();
  hub.models.set(ID, { files: Object.fromEntries(files) });
  const home = join(root, String(homes++));
  env = {
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: home,
    HF_TOKEN: "",
    HF_HUB_CACHE: join(home, "hub"),
    HF_HUB_DISABLE_TELEMETRY: "1",
  };
  snapshot = join(home, "hub", "models--beomi--kcbert-base", "snapshots", COMMIT);
});

function python(script: string, extra: Record<string, string> = {}): Promise<CliResult> {
  return ended(spawn(PYTHON, ["-c", script], { env: { ...process.env, ...env, ...extra } }));
}

const kcbert = (args: readonly string[], extra: Record<string, string> = {}) =>
  runCli(args, { env: { ...env, ...extra } });

test("Python finds what we downloaded", async ({ skip }) => {
  if (found.status !== 0) skip(why);
  expect((await kcbert(["download", ID])).code).toBe(0);
  hub.seen.length = 0;
  const script = `
from huggingface_hub import hf_hub_download, snapshot_download, try_to_load_from_cache, scan_cache_dir
print(hf_hub_download("${ID}", "model.safetensors", local_files_only=True))
print(try_to_load_from_cache("${ID}", "config.json"))
print(snapshot_download("${ID}", local_files_only=True))
print(hf_hub_download("${ID}", "vocab.txt", revision="${COMMIT}"))
info = scan_cache_dir()
print(len(info.warnings), [(repo.repo_id, repo.nb_files, [sorted(each.refs) for each in repo.revisions]) for repo in info.repos])`;
  const { stdout, stderr, code } = await python(script, { HF_HUB_OFFLINE: "1" });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/Error/) as string });
  expect(stdout.split("\n")).toEqual([
    join(snapshot, "model.safetensors"),
    join(snapshot, "config.json"),
    snapshot,
    join(snapshot, "vocab.txt"),
    "0 [('beomi/kcbert-base', 5, [['main']])]",
    "",
  ]);
  expect(hub.seen).toEqual([]);
});

test("Python, asking the hub, downloads nothing again", async ({ skip }) => {
  if (found.status !== 0) skip(why);
  await kcbert(["download", ID]);
  hub.seen.length = 0;
  const { stdout } = await python(
    `from huggingface_hub import snapshot_download; print(snapshot_download("${ID}"))`,
  );
  expect(stdout.trim()).toBe(snapshot);
  expect(hub.gets("model.safetensors")).toEqual([]);
});

test("we find what Python downloaded", async ({ skip }) => {
  if (found.status !== 0) skip(why);
  const downloaded = await python(
    `from huggingface_hub import snapshot_download; print(snapshot_download("${ID}"))`,
  );
  expect(downloaded.stdout.trim()).toBe(snapshot);
  hub.seen.length = 0;
  expect(await kcbert(["download", ID, "-q"], { HF_HUB_OFFLINE: "1" })).toEqual({
    code: 0,
    stdout: `${snapshot}\n`,
    stderr: "",
  });
  expect((await kcbert(["fill-mask", "-m", ID, "이 [MASK]"])).code).toBe(0);
  expect(hub.seen).toEqual([]);
  expect((await kcbert(["download", ID])).stderr).toMatch(/^Found beomi\/kcbert-base at 0f2f3f8: 5 files/);
  expect(hub.gets("model.safetensors")).toEqual([]);
});

test("a folder of one's own is known to Python", async ({ skip }) => {
  if (found.status !== 0) skip(why);
  const folder = join(root, `local-${homes}`);
  expect((await kcbert(["download", ID, "--local-dir", folder])).code).toBe(0);
  hub.seen.length = 0;
  const script = `from huggingface_hub import snapshot_download; print(snapshot_download("${ID}", local_dir="${folder}"))`;
  expect((await python(script)).stdout.trim()).toBe(folder);
  expect(hub.gets("model.safetensors")).toEqual([]);
  expect(readdirSync(folder)).toContain("model.safetensors");
});

test("transformers opens a model by its name, offline", async ({ skip }) => {
  const installed = spawnSync(PYTHON, ["-c", "import transformers"]);
  if (installed.status !== 0) skip("there is no Python with transformers; KCBERT_PYTHON names one");
  await kcbert(["download", ID]);
  const script = `
from transformers import AutoConfig, AutoTokenizer
print(AutoConfig.from_pretrained("${ID}").hidden_size)
print(AutoTokenizer.from_pretrained("${ID}")("이 영화")["input_ids"])`;
  const { stdout, stderr } = await python(script, { HF_HUB_OFFLINE: "1" });
  expect(stderr).not.toMatch(/Error/);
  const tokenized = await kcbert(["tokenize", "-t", snapshot, "--ids", "이 영화"]);
  expect(stdout).toBe(`32\n[${tokenized.stdout.trim().replaceAll(" ", ", ")}]\n`);
  expect(existsSync(snapshot)).toBe(true);
});

test("Python reads what export wrote: card, config, tokenizer, weights", async ({ skip }) => {
  const installed = spawnSync(PYTHON, ["-c", "import transformers, safetensors.numpy"]);
  if (installed.status !== 0) skip("there is no Python with transformers and numpy; KCBERT_PYTHON names one");
  const old = join(root, `old-${homes}`);
  mkdirSync(old);
  for (const path of goldenBertPaths("formats/legacy-gamma-beta/")) {
    writeFileSync(join(old, basename(path)), goldenBert(path));
  }
  const folder = join(root, `exported-${homes}`);
  const flags = ["--license", "mit", "--base-model", "beomi/kcbert-base", "--datasets", "nsmc"];
  expect((await kcbert(["export", old, "-o", folder, ...flags])).code).toBe(0);
  const script = `
import json
from huggingface_hub import ModelCard
from safetensors import safe_open
from transformers import AutoConfig, AutoTokenizer
card = ModelCard.load("${folder}/README.md")
print(json.dumps(card.data.to_dict(), sort_keys=True))
config = AutoConfig.from_pretrained("${folder}")
print(config.model_type, config.hidden_size, config.architectures)
for text in ["이 영화 정말 [MASK]", "Ünïcode ㅋㅋㅋ 漢字"]:
    print(AutoTokenizer.from_pretrained("${folder}")(text)["input_ids"])
with safe_open("${folder}/model.safetensors", "numpy") as file:
    print(file.metadata(), len(list(file.keys())), any("gamma" in key for key in file.keys()))`;
  const { stdout, stderr } = await python(script, { HF_HUB_OFFLINE: "1" });
  expect(stderr).not.toMatch(/Error/);
  const ids = await kcbert(["tokenize", "-t", old, "--ids", "이 영화 정말 [MASK]", "Ünïcode ㅋㅋㅋ 漢字"]);
  const lines = ids.stdout.trimEnd().split("\n");
  const [card, config, ...rest] = stdout.trimEnd().split("\n");
  expect(JSON.parse(card!)).toEqual({
    base_model: "beomi/kcbert-base",
    datasets: ["nsmc"],
    language: "ko",
    library_name: "transformers",
    license: "mit",
    pipeline_tag: "fill-mask",
    tags: ["bert", "kcbert"],
  });
  expect(config).toMatch(/^bert 32 \['BertFor\w+'\]$/);
  expect(rest.slice(0, 2)).toEqual(lines.map((line) => `[${line.replaceAll(" ", ", ")}]`));
  expect(rest[2]).toMatch(/^\{'format': 'pt'\} \d+ False$/);
});
