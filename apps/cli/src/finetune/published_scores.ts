/** What others published, and how their models were chosen. */

/** A model's published scores, in percent. */
export interface PublishedModel {
  readonly name: string;
  /** Size of its weights. */
  readonly size: string;
  /** How the checkpoint that the scores speak of was chosen. */
  readonly selection: string;
  /** By the name of the task; of KorQuAD exact match and F1. */
  readonly scores: Readonly<Record<string, number | readonly [number, number]>>;
}

/** The columns, in the order in which they are published. */
export const PUBLISHED_TASKS: readonly string[] = [
  "NSMC",
  "Naver NER",
  "PAWS",
  "KorNLI",
  "KorSTS",
  "Question Pair",
  "KorQuAD",
];

/**
 * From the READMEs of Beomi/KcBERT and monologg/KoELECTRA. The logs of Beomi/KcBERT-Finetune show that KcBERT's scores are
 * those of the checkpoint that was best on the test set; its best on the development set is up to 0.8 points lower, its
 * last up to 2.1.
 */
export const PUBLISHED_MODELS: readonly PublishedModel[] = [
  published(
    "KcBERT-Base",
    "417 MB",
    "best on test",
    [89.62, 84.34, 66.95, 74.85, 75.57, 93.93],
    [60.25, 84.39],
  ),
  published(
    "KcBERT-Large",
    "1.2 GB",
    "best on test",
    [90.68, 85.53, 70.15, 76.99, 77.49, 94.06],
    [62.16, 86.64],
  ),
  published("KoBERT", "351 MB", "not stated", [89.63, 86.11, 80.65, 79.0, 79.64, 93.93], [52.81, 80.27]),
  published(
    "KoELECTRA-Base",
    "423 MB",
    "not stated",
    [90.21, 86.87, 81.9, 80.85, 83.21, 94.2],
    [61.1, 89.59],
  ),
  published(
    "KoELECTRA-Small",
    "53 MB",
    "not stated",
    [88.76, 84.11, 74.15, 76.27, 77.0, 93.01],
    [58.13, 86.82],
  ),
  published(
    "DistilKoBERT",
    "108 MB",
    "not stated",
    [88.41, 84.13, 62.55, 70.55, 73.21, 92.48],
    [54.12, 77.8],
  ),
];

// --- internal ---

function published(
  name: string,
  size: string,
  selection: string,
  scores: readonly number[],
  korquad: readonly [number, number],
): PublishedModel {
  return {
    name,
    size,
    selection,
    scores: Object.fromEntries(PUBLISHED_TASKS.map((task, i) => [task, scores[i] ?? korquad])),
  };
}
