import type { BertConfig } from "@kcbert/bert";

/** What a model is for, by Hugging Face's names. */
export type ModelTask =
  | "fill-mask"
  | "text-classification"
  | "token-classification"
  | "question-answering"
  | "feature-extraction";

/** What can be asked of a model: what it is for, and what every encoder can do. */
export type Task = ModelTask | "sentence-similarity";

/** Every task, also under its other names. */
const tasks: ReadonlyMap<string, Task> = new Map([
  ["fill-mask", "fill-mask"],
  ["text-classification", "text-classification"],
  ["sentiment-analysis", "text-classification"],
  ["token-classification", "token-classification"],
  ["ner", "token-classification"],
  ["question-answering", "question-answering"],
  ["feature-extraction", "feature-extraction"],
  ["sentence-similarity", "sentence-similarity"],
]);

/** The task of a name; undefined for a name that is none. */
export function taskNamed(name: string): Task | undefined {
  return tasks.get(name);
}

/** What a model is for, by the class that its folder names; a masked language model where it names none. */
export function taskOf({ architectures }: Pick<BertConfig, "architectures">): ModelTask {
  return byArchitecture.get(architectures?.[0] ?? "BertForMaskedLM") ?? "feature-extraction";
}

/** Whether a model for `own` can be asked for `asked`: embeddings come from any encoder. */
export function canDo(own: ModelTask, asked: Task): boolean {
  return own === asked || asked === "feature-extraction" || asked === "sentence-similarity";
}

// --- internal ---

const byArchitecture: ReadonlyMap<string, ModelTask> = new Map([
  ["BertForMaskedLM", "fill-mask"],
  ["BertForPreTraining", "fill-mask"],
  ["BertForSequenceClassification", "text-classification"],
  ["BertForTokenClassification", "token-classification"],
  ["BertForQuestionAnswering", "question-answering"],
  ["BertModel", "feature-extraction"],
]);
