/**
 * Our files in other tokenizers, and theirs in ours. Each peer is optional: Python tokenizers and transformers in the python
 * that `KCBERT_PYTHON` names (or python3), npm `tokenizers` and `@huggingface/tokenizers` in `bench/node_modules`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { BertTokenizer, formatTokenizerConfig, parseTokenizerConfig } from "@kcbert/tokenizer";
import type { BertTokenizerOptions } from "@kcbert/tokenizer";

const root = join(import.meta.dirname, "../..");
const python = process.env["KCBERT_PYTHON"] ?? "python3";
const vocab = readFileSync(join(root, "tests/golden/tokenizer/kcbert.vocab.txt"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "kcbert-interop-"));
afterAll(() => rmSync(folder, { recursive: true }));

const VARIANTS: Record<string, BertTokenizerOptions> = {
  cased: {},
  truncating: { defaults: { maxLength: 12, truncation: "longest_first", padding: 12 } },
  uncased: { lowercase: true, stripAccents: false },
};
const TEXTS = [
  "이 영화 정말 재밌다ㅋㅋㅋㅋ [MASK] 최고!",
  "재밌ㅠㅠ & 漢字 Éa İ\u200b가 😀👨‍👩‍👧",
  "",
  "OK KBS MBC 2편... 3.14",
];

const tokenizers = new Map<string, BertTokenizer>();
for (const [name, options] of Object.entries(VARIANTS)) {
  const tokenizer = BertTokenizer.fromVocab(vocab, options);
  tokenizers.set(name, tokenizer);
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "tokenizer.json"), tokenizer.toJson());
  writeFileSync(join(path, "vocab.txt"), tokenizer.vocabText());
  writeFileSync(join(path, "tokenizer_config.json"), formatTokenizerConfig(tokenizer, 300));
}

describe.each([...tokenizers])("%s", (name, tokenizer) => {
  const path = join(folder, name);
  const file = join(path, "tokenizer.json");
  const expected = TEXTS.map((text) => [...tokenizer.encode(text).ids]);

  test.skipIf(!pythonHas("tokenizers"))(
    "Python tokenizers (skipped without: pip install tokenizers) reads our file, and we read its",
    () => {
      const script = `
import json, sys
from tokenizers import Tokenizer
path, texts = json.loads(sys.stdin.read())
tokenizer = Tokenizer.from_file(path + "/tokenizer.json")
tokenizer.save(path + "/theirs.json")
print(json.dumps([tokenizer.encode(text).ids for text in texts]))`;
      expect(runPython(script, [path, TEXTS])).toEqual(expected);
      const theirs = BertTokenizer.fromJson(readFileSync(join(path, "theirs.json"), "utf8"));
      expect(TEXTS.map((text) => [...theirs.encode(text).ids])).toEqual(expected);
      expect(theirs.toJson()).toBe(tokenizer.toJson());
    },
  );

  test.skipIf(!pythonHas("transformers"))(
    "transformers (skipped without: pip install transformers) reads our folder and our vocab.txt, and we read its",
    () => {
      const script = `
import json, os, sys
from transformers import AutoTokenizer, BertTokenizerFast
path, texts = json.loads(sys.stdin.read())
folder = AutoTokenizer.from_pretrained(path)
config = json.load(open(path + "/tokenizer_config.json"))
config.pop("tokenizer_class")
config.pop("model_max_length")
vocab = BertTokenizerFast(vocab=path + "/vocab.txt", **config) if int(__import__("transformers").__version__.split(".")[0]) >= 5 else BertTokenizerFast(path + "/vocab.txt", **config)
folder.save_pretrained(path + "/theirs")
print(json.dumps([[folder(text).input_ids for text in texts], [vocab(text).input_ids for text in texts]]))`;
      const whole = BertTokenizer.fromVocab(vocab, { ...VARIANTS[name], defaults: {} });
      const unlimited = TEXTS.map((text) => [...whole.encode(text).ids]);
      // transformers asks each call for truncation and padding, whatever the file says.
      expect(runPython(script, [path, TEXTS])).toEqual([unlimited, unlimited]);
      const theirs = BertTokenizer.fromJson(readFileSync(join(path, "theirs/tokenizer.json"), "utf8"));
      const options = { truncation: false, padding: false } as const;
      expect(TEXTS.map((text) => [...theirs.encode(text, options).ids])).toEqual(unlimited);
      const config = parseTokenizerConfig(readFileSync(join(path, "theirs/tokenizer_config.json"), "utf8"));
      expect(config.lowercase).toBe(VARIANTS[name]!.lowercase ?? false);
    },
  );

  test.skipIf(!hasPeer("tokenizers"))(
    "npm tokenizers (skipped without bench/node_modules) reads our file, and we read its",
    async () => {
      const { Tokenizer } = await import(peer("tokenizers/index.js"));
      const theirs = Tokenizer.fromFile(file);
      for (const [i, text] of TEXTS.entries()) {
        const encoding = await theirs.encode(text);
        expect(encoding.getIds()).toEqual(expected[i]);
        const offsets = [...tokenizer.encode(text, { offsetUnit: "codepoint" }).offsets];
        expect(encoding.getOffsets().flat()).toEqual(offsets);
        expect(await theirs.decode(encoding.getIds(), true)).toBe(tokenizer.decode(expected[i]!));
      }
      theirs.save(join(path, "native.json"), false);
      const again = BertTokenizer.fromJson(readFileSync(join(path, "native.json"), "utf8"));
      expect(again.toJson()).toBe(tokenizer.toJson());
    },
  );

  test.skipIf(!hasPeer("@huggingface/tokenizers"))(
    "@huggingface/tokenizers (skipped without bench/node_modules) reads our files",
    async () => {
      const { Tokenizer } = await import(peer("@huggingface/tokenizers/dist/tokenizers.mjs"));
      const theirs = new Tokenizer(readJson(file), readJson(join(path, "tokenizer_config.json")));
      const whole = BertTokenizer.fromVocab(vocab, { ...VARIANTS[name], defaults: {} });
      for (const text of TEXTS) expect(theirs.encode(text).ids).toEqual([...whole.encode(text).ids]);
    },
  );

  test.skipIf(!hasPeer("@huggingface/transformers"))(
    "@huggingface/transformers (skipped without bench/node_modules) reads our folder",
    () => {
      // In a process of its own: it keeps settings in a global, and native modules besides.
      const script = `
import { AutoTokenizer, env } from "@huggingface/transformers";
env.allowRemoteModels = false;
const [path, texts] = JSON.parse(process.argv[1]);
const tokenizer = await AutoTokenizer.from_pretrained(path, { local_files_only: true });
console.log(JSON.stringify(texts.map((text) => tokenizer(text, { return_tensor: false }).input_ids)));`;
      const whole = BertTokenizer.fromVocab(vocab, { ...VARIANTS[name], defaults: {} });
      const args = ["--input-type=module", "-e", script, JSON.stringify([path, TEXTS])];
      const output = execFileSync(process.execPath, args, { cwd: join(root, "bench"), encoding: "utf8" });
      expect(JSON.parse(output)).toEqual(TEXTS.map((text) => [...whole.encode(text).ids]));
    },
  );
});

function pythonHas(module: string): boolean {
  return spawnSync(python, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
}

function runPython(script: string, input: unknown): unknown {
  return JSON.parse(
    execFileSync(python, ["-c", script], {
      input: JSON.stringify(input),
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, PYTHONIOENCODING: "utf8", HF_HUB_OFFLINE: "1" },
    }),
  );
}

function peer(path: string): string {
  return join(root, "bench/node_modules", path);
}

function hasPeer(name: string): boolean {
  return existsSync(peer(name));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
