import type { BertConfig } from "@kcbert/bert";
import type { TrainingFacts } from "./training_facts.ts";

/** What a model card tells. */
export interface ModelCard {
  /** The model's name, the card's title. */
  readonly name: string;
  readonly config: BertConfig;
  /** The class that transformers opens it with. */
  readonly architecture: string | undefined;
  /** Numbers in the weights. */
  readonly parameters: number;
  readonly dtype: string;
  readonly training: TrainingFacts | undefined;
  readonly language: string;
  readonly license?: string | undefined;
  readonly baseModel?: string | undefined;
  readonly datasets?: readonly string[] | undefined;
  readonly metrics?: readonly string[] | undefined;
}

/** Stands in every card that `export` writes, and in no other. */
export const CARD_MARK = "<!-- Written by kcbert-cli export. -->";

/**
 * The text of a `README.md` as the hub takes it: metadata in YAML, then what the model is, how it is used, and how it was
 * trained as far as that is recorded. It claims nothing that the files and flags do not say.
 */
export function formatModelCard(card: ModelCard): string {
  const task = card.architecture === undefined ? undefined : TASKS[card.architecture];
  const sections = [metadata(card, task), `# ${card.name}`, what(card), usage(card, task), training(card)];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n\n${CARD_MARK}\n`;
}

/** The name of the task, as the hub files it, for each class. */
export const TASKS: Readonly<Record<string, string>> = {
  BertModel: "feature-extraction",
  BertForMaskedLM: "fill-mask",
  BertForPreTraining: "fill-mask",
  BertForQuestionAnswering: "question-answering",
  BertForSequenceClassification: "text-classification",
  BertForTokenClassification: "token-classification",
};

// --- internal ---

function metadata(card: ModelCard, task: string | undefined): string {
  const entries: readonly (readonly [string, string | readonly string[] | undefined])[] = [
    ["language", card.language],
    ["license", card.license],
    ["library_name", "transformers"],
    ["pipeline_tag", task],
    ["tags", ["bert", "kcbert"]],
    ["base_model", card.baseModel],
    ["datasets", card.datasets],
    ["metrics", card.metrics],
  ];
  const lines = entries.flatMap(([key, value]) => {
    if (value === undefined || value.length === 0) return [];
    return typeof value === "string"
      ? [`${key}: ${yaml(value)}`]
      : [`${key}:`, ...value.map((each) => `- ${yaml(each)}`)];
  });
  return ["---", ...lines, "---"].join("\n");
}

/** A text as YAML: as it is if nothing in it means something else, else in JSON's quotes, which YAML knows. */
function yaml(text: string): string {
  const reads = /^[A-Za-z][\w./-]*$/.test(text) && !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return reads ? text : JSON.stringify(text);
}

function what({ config, architecture, parameters, dtype, language, baseModel }: ModelCard): string {
  const kind = architecture === undefined ? "A BERT" : `A BERT (\`${architecture}\`)`;
  const origin = baseModel === undefined ? "" : `, made from ${linked(baseModel)}`;
  const size = `${config.numHiddenLayers} layers of ${count(config.hiddenSize)}, ${config.numAttentionHeads} heads`;
  const sentences = [
    `${kind} with language \`${language}\`${origin}: ${size}, ${count(config.vocabSize)} tokens, up to ${count(config.maxPositionEmbeddings)} positions; ${count(parameters)} parameters in ${dtype}.`,
  ];
  if (config.id2label !== undefined && architecture?.includes("Classification") === true) {
    sentences.push(`Its labels are ${config.id2label.map((label) => `\`${label}\``).join(", ")}.`);
  }
  if (typeof config.clean === "string") {
    sentences.push(
      `It was trained on text cleaned by KcBERT's \`clean\` (variant ${config.clean}): the JavaScript below cleans alike, in Python it is up to you.`,
    );
  }
  return sentences.join("\n");
}

/** A model's name as a link to the hub; another text as it is. */
function linked(model: string): string {
  return /^[\w.-]+\/[\w.-]+$/.test(model) ? `[${model}](https://huggingface.co/${model})` : model;
}

function usage(card: ModelCard, task: string | undefined): string {
  if (task === undefined) return "";
  const example = EXAMPLES[task]!;
  return `## Use

In JavaScript or TypeScript, with \`npm install @kcbert/pipelines @kcbert/kernels @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm\`, in
the folder above this one:

\`\`\`js
import { createWasmBackend } from "@kcbert/kernels";
import { pipeline } from "@kcbert/pipelines/pipeline";
import { setBackend } from "@tensorflow/tfjs-core";
import { readFile } from "node:fs/promises";

await createWasmBackend();
await setBackend("wasm");

const source = (name) => readFile(${JSON.stringify(`${card.name}/`)} + name).catch(() => undefined);
const model = await pipeline(${JSON.stringify(task)}, source);
console.log(await model.run(${example.js}));
\`\`\`

In Python, with \`pip install transformers torch\`:

\`\`\`python
from transformers import pipeline

model = pipeline(${JSON.stringify(task)}, model=${JSON.stringify(card.name)})
print(model(${example.python}))
\`\`\``;
}

const QUESTION = { question: "수도는 어디야?", context: "대한민국의 수도는 서울이다." };

/** What a model for each task is asked. */
const EXAMPLES: Readonly<Record<string, { readonly js: string; readonly python: string }>> = {
  "feature-extraction": same("이 영화 정말 재밌다"),
  "fill-mask": same("이 영화 정말 [MASK]"),
  "question-answering": {
    js: `{ question: "${QUESTION.question}", context: "${QUESTION.context}" }`,
    python: `question="${QUESTION.question}", context="${QUESTION.context}"`,
  },
  "text-classification": same("이 영화 정말 재밌다"),
  "token-classification": same("손흥민 선수가 런던에서 골을 넣었다"),
};

function same(text: string): { js: string; python: string } {
  return { js: JSON.stringify(text), python: JSON.stringify(text) };
}

function training({ training: facts }: ModelCard): string {
  if (facts === undefined) return "";
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["Steps", format(facts.steps)],
    ["Rows in a batch", format(facts.batchSize)],
    ["Tokens in a row", format(facts.rowLength)],
    ["Lines of text", format(facts.trainLines)],
    ["Lines held out", format(facts.heldOutLines)],
    ["Masked-token loss on held-out lines", nats(facts.loss)],
    ["The same, guessing by frequency alone", nats(facts.unigramLoss)],
    [
      "Masked tokens guessed on held-out lines",
      facts.accuracy === undefined ? undefined : `${(facts.accuracy * 100).toFixed(1)} %`,
    ],
  ];
  const table = rows.flatMap(([what, value]) => (value === undefined ? [] : [`| ${what} | ${value} |`]));
  const end = facts.interrupted === true ? "\n\nThe training had not come to its end." : "";
  return `## Training\n\n| | |\n| --- | --- |\n${table.join("\n")}${end}`;
}

function format(value: number | undefined): string | undefined {
  return value === undefined ? undefined : count(value);
}

function nats(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value.toFixed(3)} nats`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}
