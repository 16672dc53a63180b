/** The tasks that can be fine-tuned, with the protocol of KcBERT-Finetune (`config/{task}/kcbert-base.json`). */
import type { BertProblemType } from "@kcbert/bert";

/** The hyper-parameters of a run. */
export interface Recipe {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Part of the run that warms up. */
  readonly warmup: number;
  readonly weightDecay: number;
  readonly layerDecay: number;
  /** How many of the uppermost layers learn besides the head, the embeddings counted as the lowest; all if absent. */
  readonly trainLayers?: number;
  /** Part of the hidden values and of the attention that is dropped out; what the model's config says if absent. */
  readonly dropout?: number;
  /** Tokens of a row, special tokens included; longer ones are cut. */
  readonly maxLength: number;
  /** Steps from one scoring to the next; once an epoch if absent. */
  readonly evaluateEvery?: number;
}

/** Whose hyper-parameters are used. */
export const PRESETS = ["kcbert-base", "kcbert-large", "small"] as const;

/**
 * A task's hyper-parameters.
 *
 * `kcbert-base` and `kcbert-large` are KcBERT-Finetune's. `small` is for models of some million parameters, which take a
 * rate some times higher, after a warm-up, batches of 64, and dropout though they were pretrained without.
 */
export function recipeOf({ recipe, large, smallEpochs }: Task, preset: (typeof PRESETS)[number]): Recipe {
  if (preset === "kcbert-base") return recipe;
  if (preset === "kcbert-large") return { ...recipe, ...large };
  const { evaluateEvery: _, ...rest } = recipe;
  return { ...rest, epochs: smallEpochs, batchSize: 64, learningRate: 2e-4, warmup: 0.1, dropout: 0.1 };
}

/** A split of a dataset. */
export type Split = "train" | "dev" | "test";

/** What a model gives for a task. */
export type TaskHead =
  | { readonly kind: "texts"; readonly labels: readonly string[]; readonly problemType: BertProblemType }
  | { readonly kind: "tokens"; readonly labels: readonly string[]; readonly suffix: boolean }
  | { readonly kind: "spans" }
  | { readonly kind: "embeddings" };

/** How a task's files are written. */
type TaskFormat =
  | {
      readonly reader: "table";
      readonly text: string;
      readonly pair?: string;
      /** The column of the label, or those of several. */
      readonly label: string | readonly string[];
      /** The names in the file of the classes 0, 1, …; numbers where there is none. */
      readonly values?: readonly string[];
      /** The least and the greatest label, where it is a number. */
      readonly range?: readonly [number, number];
    }
  | { readonly reader: "bar" }
  | { readonly reader: "kmou" }
  | { readonly reader: "naver" }
  | { readonly reader: "squad" };

/** A task. */
export interface Task {
  readonly name: string;
  /** What it is about, for `--help`. */
  readonly title: string;
  readonly head: TaskHead;
  readonly format: TaskFormat;
  /** The folder that its data lie in, beside other tasks'. */
  readonly folders: readonly string[];
  /** The names that its files are published under, `.gz` or not; a split that was not published has none. */
  readonly files: Readonly<Partial<Record<Split, readonly string[]>>>;
  /** The score that it is judged by. */
  readonly metric: string;
  /** By what name results are published; absent where nobody published any that compare. */
  readonly published?: string;
  readonly recipe: Recipe;
  /** What differs for KcBERT-Large. */
  readonly large?: Partial<Recipe>;
  /** Epochs for a small model, which learns faster and forgets less. */
  readonly smallEpochs: number;
  /** What must be known to read its scores. */
  readonly note?: string;
}

/** Common to all: AdamW, no weight decay, linear decay to 0 without warm-up, gradients clipped at 1. */
const COMMON = { warmup: 0, weightDecay: 0, layerDecay: 1 } as const;

const NAVER_KINDS = [
  "PER",
  "FLD",
  "AFW",
  "ORG",
  "LOC",
  "CVL",
  "DAT",
  "TIM",
  "NUM",
  "EVT",
  "ANM",
  "PLT",
  "MAT",
  "TRM",
];
const KMOU_KINDS = ["DT", "LC", "OG", "PS", "TI"];

/** UnSmile's ten labels; its eleventh column (개인지칭) is no label of the published baseline. */
const UNSMILE_LABELS: readonly string[] = [
  "여성/가족",
  "남성",
  "성소수자",
  "인종/국적",
  "연령",
  "지역",
  "종교",
  "기타 혐오",
  "악플/욕설",
  "clean",
];

function tasks(): Task[] {
  const korsts = {
    format: { reader: "table", text: "sentence1", pair: "sentence2", label: "score", range: [0, 5] },
    folders: ["korsts"],
    files: { train: ["sts-train.tsv"], dev: ["sts-dev.tsv"], test: ["sts-test.tsv"] },
    metric: "spearman",
    smallEpochs: 10,
    recipe: { ...COMMON, epochs: 5, batchSize: 32, learningRate: 5e-5, maxLength: 72, evaluateEvery: 100 },
    large: { batchSize: 16 },
  } as const;
  const hate = {
    folders: ["korean-hate-speech"],
    files: { train: ["train.tsv"], test: ["dev.tsv"] },
    metric: "macroF1",
    smallEpochs: 10,
    recipe: { ...COMMON, epochs: 10, batchSize: 32, learningRate: 5e-5, maxLength: 128 },
    note: "the published test split has no labels: scored on the published dev split",
  } as const;
  const curse = {
    format: { reader: "bar" },
    head: choice(["clean", "curse"]),
    folders: ["curse-detection"],
    metric: "f1",
    smallEpochs: 10,
    recipe: { ...COMMON, epochs: 5, batchSize: 32, learningRate: 5e-5, maxLength: 128 },
  } as const;
  return [
    {
      name: "nsmc",
      title: "whether a movie review is positive",
      head: choice(["negative", "positive"]),
      format: { reader: "table", text: "document", label: "label" },
      folders: ["nsmc"],
      files: { train: ["ratings_train.txt"], test: ["ratings_test.txt"] },
      metric: "accuracy",
      published: "NSMC",
      smallEpochs: 4,
      recipe: { ...COMMON, epochs: 8, batchSize: 64, learningRate: 5e-5, maxLength: 50, evaluateEvery: 2000 },
    },
    {
      name: "naver-ner",
      title: "names in news, in Naver's format",
      head: {
        kind: "tokens",
        labels: ["O", ...NAVER_KINDS.flatMap((kind) => [`${kind}-B`, `${kind}-I`])],
        suffix: true,
      },
      format: { reader: "naver" },
      folders: ["naver-ner"],
      files: { train: ["train.tsv", "train_data"], dev: ["dev.tsv"], test: ["test.tsv", "test_data"] },
      metric: "f1",
      published: "Naver NER",
      smallEpochs: 20,
      recipe: {
        ...COMMON,
        epochs: 20,
        batchSize: 64,
        learningRate: 8e-5,
        maxLength: 50,
        evaluateEvery: 1000,
      },
      large: { batchSize: 32 },
    },
    {
      name: "kmou-ner",
      title: "names in KMOU's corpus, on its morphemes",
      head: {
        kind: "tokens",
        labels: ["O", ...KMOU_KINDS.flatMap((kind) => [`B-${kind}`, `I-${kind}`])],
        suffix: false,
      },
      format: { reader: "kmou" },
      folders: ["kmou-ner"],
      files: { train: ["ner.train"], dev: ["ner.dev"], test: ["ner.test"] },
      metric: "f1",
      smallEpochs: 30,
      recipe: { ...COMMON, epochs: 20, batchSize: 32, learningRate: 8e-5, maxLength: 128, evaluateEvery: 92 },
      note: "words are the corpus's own morphemes, and a word is scored by its first token",
    },
    {
      name: "paws",
      title: "whether two sentences say the same",
      head: choice(["different", "same"]),
      format: { reader: "table", text: "sentence1", pair: "sentence2", label: "label" },
      folders: ["paws", "pawsx-ko"],
      files: { train: ["translated_train.tsv"], dev: ["dev_2k.tsv"], test: ["test_2k.tsv"] },
      metric: "accuracy",
      published: "PAWS",
      smallEpochs: 15,
      recipe: {
        ...COMMON,
        epochs: 15,
        batchSize: 32,
        learningRate: 3e-5,
        maxLength: 128,
        evaluateEvery: 1000,
      },
      large: { batchSize: 16, learningRate: 1e-5 },
    },
    {
      name: "kornli",
      title: "whether a sentence follows from another",
      head: choice(["contradiction", "entailment", "neutral"]),
      format: {
        reader: "table",
        text: "sentence1",
        pair: "sentence2",
        label: "gold_label",
        values: ["contradiction", "entailment", "neutral"],
      },
      folders: ["kornli"],
      files: { train: ["multinli.train.ko.tsv"], dev: ["xnli.dev.ko.tsv"], test: ["xnli.test.ko.tsv"] },
      metric: "accuracy",
      published: "KorNLI",
      smallEpochs: 10,
      recipe: {
        ...COMMON,
        epochs: 10,
        batchSize: 128,
        learningRate: 3e-5,
        maxLength: 72,
        evaluateEvery: 3000,
      },
      large: { batchSize: 64 },
    },
    {
      name: "korsts",
      title: "how alike two sentences are, read together",
      head: { kind: "texts", labels: ["similarity"], problemType: "regression" },
      published: "KorSTS",
      ...korsts,
    },
    {
      name: "korsts-embedding",
      title: "how alike two sentences are, by the cosine of their embeddings",
      head: { kind: "embeddings" },
      ...korsts,
      note: "the two sentences are read apart, which is harder than what is published for KorSTS",
    },
    {
      name: "question-pair",
      title: "whether two questions ask the same",
      head: choice(["same", "different"]), // 0 is the same question: the column's name misleads
      format: { reader: "table", text: "question1", pair: "question2", label: "is_duplicate" },
      folders: ["question-pair"],
      files: { train: ["train.tsv"], dev: ["dev.tsv"], test: ["test.tsv"] },
      metric: "accuracy",
      published: "Question Pair",
      smallEpochs: 10,
      recipe: { ...COMMON, epochs: 5, batchSize: 32, learningRate: 5e-5, maxLength: 72, evaluateEvery: 100 },
    },
    {
      name: "korquad",
      title: "where in a text the answer stands",
      head: { kind: "spans" },
      format: { reader: "squad" },
      folders: ["korquad"],
      files: { train: ["KorQuAD_v1.0_train.json"], test: ["KorQuAD_v1.0_dev.json"] },
      metric: "f1",
      published: "KorQuAD",
      smallEpochs: 5,
      recipe: {
        ...COMMON,
        epochs: 5,
        batchSize: 16,
        learningRate: 5e-5,
        maxLength: 300,
        evaluateEvery: 2000,
      },
      large: { batchSize: 8 },
      note: "the published test split is not public: scored on the published dev split",
    },
    {
      name: "hate-speech",
      title: "whether a comment is hateful or offensive",
      head: choice(["none", "offensive", "hate"]),
      format: { reader: "table", text: "comments", label: "hate", values: ["none", "offensive", "hate"] },
      ...hate,
    },
    {
      name: "bias",
      title: "whether a comment is biased, and against whom",
      head: choice(["none", "gender", "others"]),
      format: { reader: "table", text: "comments", label: "bias", values: ["none", "gender", "others"] },
      ...hate,
    },
    {
      name: "gender-bias",
      title: "whether a comment is biased by gender",
      head: choice(["none", "gender bias"]),
      format: { reader: "table", text: "comments", label: "contain_gender_bias", values: ["False", "True"] },
      ...hate,
    },
    {
      name: "unsmile",
      title: "against whom a comment is hateful, any of several",
      head: { kind: "texts", labels: UNSMILE_LABELS, problemType: "multi_label_classification" },
      format: { reader: "table", text: "문장", label: UNSMILE_LABELS },
      folders: ["unsmile"],
      files: { train: ["unsmile_train_v1.0.tsv"], test: ["unsmile_valid_v1.0.tsv"] },
      metric: "lrap",
      smallEpochs: 5,
      recipe: { ...COMMON, epochs: 5, batchSize: 32, learningRate: 5e-5, maxLength: 128 },
    },
    {
      name: "curse-detection",
      title: "whether a comment curses",
      ...curse,
      files: { train: ["dataset.txt"] },
      note: "published as one file: split 80:10:10 by a fixed seed, no text in two splits",
    },
    {
      name: "curse-obfuscated",
      title: "whether a comment curses, spelt so as to get past a filter",
      ...curse,
      files: { train: ["dataset.txt"] },
      note: "learnt from curse-detection as it is, scored on its test split rewritten by rules (시1발, ㅅㅂ)",
    },
  ];
}

function choice(labels: readonly string[]): TaskHead {
  return { kind: "texts", labels, problemType: "single_label_classification" };
}

/** The tasks by name; last, because it is made of what stands above. */
export const TASKS: ReadonlyMap<string, Task> = new Map(tasks().map((task) => [task.name, task]));
