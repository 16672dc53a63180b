/**
 * The int8 weights of `@kcbert/model-mini`, exported as floats, in Hugging Face transformers. Optional: needs torch and
 * transformers in the python that `KCBERT_PYTHON` names (or python3).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BertForMaskedLM, BertForSequenceClassification, dequantized } from "@kcbert/bert";
import { modelMini } from "@kcbert/model-mini";
import { loadTokenizer } from "@kcbert/pipelines/load_tokenizer";
import { readSafetensors, toFloat32, toInt32 } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const repository = join(import.meta.dirname, "../..");
const TEXTS = ["진짜 재밌다ㅋㅋㅋㅋ 또 보고 싶다 👍", "배우들 연기가 [MASK]", "ㅇㅖ전 영화가 낫ㄷㅏ"];
const HEADS = ["AutoModelForMaskedLM", "AutoModelForSequenceClassification"];

const PYTHON = `
import json, os, sys, torch, transformers
from safetensors.torch import save_file

path, heads, texts = json.loads(sys.stdin.read())
tokenizer = transformers.AutoTokenizer.from_pretrained(path)
batch = tokenizer(texts, padding=True, return_tensors="pt")
tensors, lacks = {"ids": batch["input_ids"]}, {}
for head in heads:
    model, info = getattr(transformers, head).from_pretrained(path, output_loading_info=True)
    lacks[head] = sorted(info["missing_keys"])
    with torch.no_grad():
        tensors[head] = model.eval()(**batch).logits.contiguous()
save_file(tensors, os.path.join(path, "outputs.safetensors"))
print(json.dumps(lacks))`;

const python = process.env["KCBERT_PYTHON"] ?? "python3";

describe.skipIf(!pythonHas("torch", "transformers"))(
  "transformers (skipped without: pip install torch transformers)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "kcbert-interop-"));
    const outputs = () => readSafetensors(readFileSync(join(folder, "outputs.safetensors"))).tensors;
    let lacks: unknown;
    afterAll(() => rmSync(folder, { recursive: true }));
    beforeAll(async () => {
      await tf.setBackend("cpu");
      const main = join(repository, "apps/cli/src/main.ts");
      const model = join(repository, "packages/model-mini");
      const words = ["export", model, "--output", folder, "--license", "mit", "--quiet"];
      execFileSync(process.execPath, ["--conditions=@kcbert/source", main, ...words]);
      const said = execFileSync(python, ["-c", PYTHON], {
        input: JSON.stringify([folder, HEADS, TEXTS]),
        encoding: "utf8",
        stdio: ["pipe", "pipe", "ignore"],
        env: { ...process.env, PYTHONIOENCODING: "utf8", HF_HUB_OFFLINE: "1" },
      });
      lacks = JSON.parse(said);
    }, 300_000);

    test("both heads open, and lack nothing", () => {
      expect(lacks).toEqual(Object.fromEntries(HEADS.map((head) => [head, []])));
    });

    test.each([
      [HEADS[0]!, BertForMaskedLM],
      [HEADS[1]!, BertForSequenceClassification as unknown as typeof BertForMaskedLM],
    ])("%s gives the same numbers in ours", async (head, Model) => {
      const tokenizer = await loadTokenizer(modelMini());
      const { ids, rows } = padded(tokenizer.encodeBatch(TEXTS, { padding: "longest" }).ids);
      expect([...ids]).toEqual([...toInt32(outputs().get("ids")!)]);
      const model = await Model.fromPretrained(dequantized(modelMini()));
      const inputIds = tf.tensor2d(ids, rows, "int32");
      const attentionMask = tf.tidy(
        () => tf.cast(tf.notEqual(inputIds, tokenizer.padId), "int32") as tf.Tensor2D,
      );
      const { logits } = model.forward({ inputIds, attentionMask });
      const [ours, theirs] = [logits.dataSync(), toFloat32(outputs().get(head)!)];
      expect(theirs.length).toBe(ours.length);
      const off = theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - ours[i]!)), 0);
      expect(off).toBeLessThan(1e-4);
      expect(theirs.reduce((most, value) => Math.max(most, value), -Infinity)).toBeGreaterThan(1); // it says something
      tf.dispose([inputIds, attentionMask, logits]);
      model.dispose();
    });
  },
);

function padded(ids: Int32Array): { ids: Int32Array; rows: [number, number] } {
  return { ids, rows: [TEXTS.length, ids.length / TEXTS.length] };
}

function pythonHas(...modules: string[]): boolean {
  const script = "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))";
  return spawnSync(python, ["-c", script, ...modules], { stdio: "ignore" }).status === 0;
}
