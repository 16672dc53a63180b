/**
 * Our models in Hugging Face transformers, and theirs in ours. Optional: needs torch and transformers in the python that
 * `KCBERT_PYTHON` names (or python3).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BertConfig,
  BertForMaskedLM,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  type BertInputs,
  BertModel,
  type BertPreTrainedModel,
  type FromPretrainedOptions,
  kcbertBase,
  type PretrainedSource,
  uniform,
} from "@kcbert/bert";
import { readSafetensors, type SafetensorsFile, toFloat32, toInt32 } from "@kcbert/safetensors";
import { BertTokenizer, formatTokenizerConfig } from "@kcbert/tokenizer";

const TOLERANCE = 1e-4;
const TEXTS = [
  "이 영화 정말 재밌다ㅋㅋㅋㅋ [MASK] 최고!",
  "ㅠㅠ",
  "OK 漢字 2편... 3.14",
  "그리고 아무도 없었다",
];

const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 3000,
  hiddenSize: 48,
  numHiddenLayers: 3,
  numAttentionHeads: 4,
  intermediateSize: 80,
  maxPositionEmbeddings: 64,
  initializerRange: 0.15,
};
const FIVE = {
  numLabels: 5,
  id2label: ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
} satisfies Partial<BertConfig>;

/** A class of models. */
interface Class {
  readonly name: string;
  init(config: BertConfig, options: { seed: number }): BertPreTrainedModel;
  fromPretrained(source: PretrainedSource, options: FromPretrainedOptions): Promise<BertPreTrainedModel>;
}

/** Folders that we write: the class, the class of transformers that opens it, and the config. */
const FOLDERS: Record<string, readonly [Model: Class, auto: string, config: BertConfig]> = {
  encoder: [BertModel, "AutoModel", CONFIG],
  mlm: [BertForMaskedLM, "AutoModelForMaskedLM", CONFIG],
  pretraining: [BertForPreTraining, "AutoModelForPreTraining", CONFIG],
  classes: [BertForSequenceClassification, "AutoModelForSequenceClassification", { ...CONFIG, numLabels: 3 }],
  several: [
    BertForSequenceClassification,
    "AutoModelForSequenceClassification",
    { ...CONFIG, ...FIVE, problemType: "multi_label_classification" },
  ],
  regression: [
    BertForSequenceClassification,
    "AutoModelForSequenceClassification",
    { ...CONFIG, numLabels: 1, problemType: "regression" },
  ],
  tokens: [BertForTokenClassification, "AutoModelForTokenClassification", { ...CONFIG, ...FIVE }],
  answers: [BertForQuestionAnswering, "AutoModelForQuestionAnswering", CONFIG],
};
const NAMES = Object.keys(FOLDERS);

/** What transformers says of a folder. */
interface Verdict {
  readonly architecture: string;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly labels: readonly string[];
  readonly problem: string | null;
}

const PYTHON = `
import json, os, sys, torch, transformers
from safetensors.torch import save_file

root, folders, texts = json.loads(sys.stdin.read())
verdicts = {}
for name, auto in folders.items():
    path = os.path.join(root, name)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    model, info = getattr(transformers, auto).from_pretrained(path, output_loading_info=True)
    model.eval()
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**batch)
    tensors = {key: value.contiguous() for key, value in {**batch, **outputs}.items()}
    save_file(tensors, os.path.join(path, "outputs.safetensors"))
    config = model.config
    verdicts[name] = {
        "architecture": type(model).__name__,
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
        "labels": [config.id2label[i] for i in range(config.num_labels)],
        "problem": config.problem_type,
    }
    model.save_pretrained(os.path.join(path, "safetensors"))
    for kind, zipped in (("zip", True), ("legacy", False)):
        os.makedirs(os.path.join(path, kind))
        config.save_pretrained(os.path.join(path, kind))
        weights = os.path.join(path, kind, "pytorch_model.bin")
        torch.save(model.state_dict(), weights, _use_new_zipfile_serialization=zipped)
print(json.dumps(verdicts))`;

const python = process.env["KCBERT_PYTHON"] ?? "python3";
let root: string;

describe.skipIf(!pythonHas("torch", "transformers"))(
  "transformers (skipped without: pip install torch transformers)",
  () => {
    let verdicts: Record<string, Verdict>;
    afterAll(() => rmSync(root, { recursive: true }));
    beforeAll(async () => {
      root = mkdtempSync(join(tmpdir(), "kcbert-interop-"));
      await tf.setBackend("cpu");
      for (const name of NAMES) await writeFolder(name);
      verdicts = runPython() as Record<string, Verdict>;
    }, 300_000);

    test.each(NAMES)("%s: opens our folder as it is", (name) => {
      const [Model, , { numLabels, problemType, id2label }] = FOLDERS[name]!;
      const defaults = Array.from({ length: numLabels }, (_, i) => `LABEL_${i}`);
      expect(verdicts[name]).toEqual({
        architecture: Model.name,
        missing: [],
        unexpected: [],
        labels: id2label ?? defaults,
        problem: problemType ?? null,
      });
    });

    test.each(NAMES)("%s: the ids of its tokenizer are ours", (name) => {
      const theirs = read(join(root, name, "outputs.safetensors"));
      const tokenizer = BertTokenizer.fromJson(readFileSync(join(root, name, "tokenizer.json"), "utf8"));
      const { shape } = theirs.get("input_ids")!;
      const ours = tokenizer.encodeBatch(TEXTS, { padding: "longest" });
      expect(shape).toEqual([TEXTS.length, ours.ids.length / TEXTS.length]);
      expect([...ours.ids]).toEqual([...toInt32(theirs.get("input_ids")!)]);
    });

    test.each(
      NAMES.flatMap((name) => ["", "safetensors", "zip", "legacy"].map((kind) => [name, kind] as const)),
    )("%s/%s: gives the same numbers in ours", async (name, kind) => {
      const [Model] = FOLDERS[name]!;
      const reports: unknown[] = [];
      const model = await Model.fromPretrained(folder(join(root, name, kind)), {
        onReport: (report) => reports.push(report),
      });
      expect(reports).toEqual([{ missing: [], unexpected: [] }]);
      const theirs = read(join(root, name, "outputs.safetensors"));
      const inputs = inputsOf(theirs);
      const outputs = Object.entries((model as BertModel).forward(inputs)) as [string, tf.Tensor][];
      expect(outputs.length).toBeGreaterThan(0);
      for (const [key, ours] of outputs) {
        const expected = theirs.get(key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))!;
        expect(ours.shape).toEqual(expected.shape);
        const values = toFloat32(expected);
        expect(largestDifference(values, values.toReversed())).toBeGreaterThan(100 * TOLERANCE); // they say something
        expect(largestDifference(ours.dataSync() as Float32Array, values)).toBeLessThan(TOLERANCE);
      }
      tf.dispose([outputs.map(([, tensor]) => tensor), { ...inputs }]);
      model.dispose();
    });
  },
);

/** A folder with a model in which no parameter can stand in for another. */
async function writeFolder(name: string): Promise<void> {
  const path = join(root, name);
  mkdirSync(path);
  const write = (file: string, content: string | Uint8Array): void =>
    writeFileSync(join(path, file), content);
  const [Model, , config] = FOLDERS[name]!;
  const model = Model.init(config, { seed: NAMES.indexOf(name) });
  for (const [key, parameter] of model.parameters) {
    if (parameter.rank > 1) continue;
    const centre = key.endsWith("LayerNorm.weight") ? 0.5 : -0.5;
    const values = uniform(1, 0, key, parameter.size).map((value) => value + centre);
    tf.tidy(() => parameter.assign(tf.tensor(values, parameter.shape)));
  }
  await model.save(async (file, bytes) => write(file, bytes));
  model.dispose();
  const vocab = readFileSync(join(import.meta.dirname, "../golden/tokenizer/kcbert.vocab.txt"), "utf8");
  const tokenizer = BertTokenizer.fromVocab(vocab.split("\n").slice(0, config.vocabSize));
  write("vocab.txt", tokenizer.vocabText());
  write("tokenizer.json", tokenizer.toJson());
  write("tokenizer_config.json", formatTokenizerConfig(tokenizer, config.maxPositionEmbeddings));
}

function folder(path: string): PretrainedSource {
  return (name) => readFile(join(path, name)).catch(() => undefined);
}

function read(path: string): SafetensorsFile["tensors"] {
  return readSafetensors(readFileSync(path)).tensors;
}

function inputsOf(theirs: ReturnType<typeof read>): Required<Omit<BertInputs, "positionIds" | "lengths">> {
  const tensor = (name: string): tf.Tensor2D => {
    const found = theirs.get(name)!;
    return tf.tensor2d(toInt32(found), found.shape as [number, number], "int32");
  };
  return {
    inputIds: tensor("input_ids"),
    attentionMask: tensor("attention_mask"),
    tokenTypeIds: tensor("token_type_ids"),
  };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

function pythonHas(...modules: string[]): boolean {
  const script = "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))";
  return spawnSync(python, ["-c", script, ...modules], { stdio: "ignore" }).status === 0;
}

function runPython(): unknown {
  const folders = Object.fromEntries(NAMES.map((name) => [name, FOLDERS[name]![1]]));
  const output = execFileSync(python, ["-c", PYTHON], {
    input: JSON.stringify([root, folders, TEXTS]),
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, PYTHONIOENCODING: "utf8", HF_HUB_OFFLINE: "1" },
  });
  return JSON.parse(output);
}
