import { build, type Metafile } from "esbuild";
import { expect, test } from "vitest";

/** What each export may bring into a bundle: files of pipelines, and classes of models. */
const ALONE: Record<string, { readonly files: readonly string[]; readonly models?: readonly string[] }> = {
  analyze: { files: ["analyze", "classify_text", "classify_tokens"] },
  answerQuestion: { files: ["answer_question"] },
  answerSquad: { files: ["answer_squad", "squad_windows"] },
  classifyText: { files: ["classify_text"] },
  classifyTokens: { files: ["classify_tokens"] },
  extractFeatures: { files: ["extract_features"] },
  fillMask: { files: ["fill_mask"] },
  sentenceSimilarity: { files: ["extract_features", "sentence_similarity"] },
  squadWindows: { files: ["squad_windows"] },
  squadWords: { files: ["squad_windows"] },
  loadAnalyze: {
    files: ["analyze", "classify_text", "classify_tokens", "load_analyze"],
    models: ["BertForSequenceClassification", "BertForTokenClassification"],
  },
  loadAnswerQuestion: {
    files: ["answer_question", "load_answer_question"],
    models: ["BertForQuestionAnswering"],
  },
  loadClassifyText: {
    files: ["classify_text", "load_classify_text"],
    models: ["BertForSequenceClassification"],
  },
  loadClassifyTokens: {
    files: ["classify_tokens", "load_classify_tokens"],
    models: ["BertForTokenClassification"],
  },
  loadExtractFeatures: { files: ["extract_features", "load_extract_features"], models: ["BertModel"] },
  loadFillMask: { files: ["fill_mask", "load_fill_mask"], models: ["BertForMaskedLM"] },
  loadSentenceSimilarity: {
    files: ["extract_features", "load_sentence_similarity", "sentence_similarity"],
    models: ["BertModel"],
  },
};

const PIPELINE_FILE = /(?:^|\/)packages\/pipelines\/src\/([a-z]\w*)\.ts$/;
const MODEL_CLASS = /\bBert(?:Model|For\w+)\b(?= (?:= class )?extends)/g;

test.each(Object.entries(ALONE))("%s is bundled alone", async (name, { files, models = [] }) => {
  const { text, inputs } = await bundle(`export { ${name} } from "@kcbert/pipelines";`);
  const brought = inputs.flatMap((input) => PIPELINE_FILE.exec(input)?.slice(1) ?? []);
  const parts = new Set(["load_clean", "load_tokenizer", "mod"]); // belong to no pipeline
  expect(brought.filter((file) => !parts.has(file)).toSorted()).toEqual(files);
  expect([...new Set(text.match(MODEL_CLASS))].toSorted()).toEqual(models);
  if (models.length === 0) expect(inputs.filter((input) => input.includes("packages/bert/"))).toEqual([]);
});

test("every function that the package gives is in the table", async () => {
  const { text } = await bundle(`export * from "@kcbert/pipelines";`);
  const exported = /export \{([^}]*)\};?\s*$/
    .exec(text)![1]!
    .split(",")
    .map((name) => name.trim());
  expect(exported.filter((name) => !["loadClean", "loadTokenizer"].includes(name)).toSorted()).toEqual(
    Object.keys(ALONE).toSorted(),
  );
});

test("the tokenizer's loader brings neither TensorFlow.js nor a model", async () => {
  const { inputs, text } = await bundle(`export { loadTokenizer } from "@kcbert/pipelines/load_tokenizer";`);
  expect(inputs.filter((input) => input.includes("packages/bert/"))).toEqual([]);
  expect(text).not.toContain("@tensorflow");
});

/** The code that a bundler makes of `code`, and the files that part of it came from. */
async function bundle(code: string): Promise<{ text: string; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2024",
    conditions: ["@kcbert/source"],
    external: ["@tensorflow/*"],
    logLevel: "error",
  });
  return { text: outputFiles[0]!.text, inputs: inputsOf(metafile) };
}

function inputsOf({ outputs }: Metafile): string[] {
  const { inputs } = Object.values(outputs)[0]!;
  return Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
}
