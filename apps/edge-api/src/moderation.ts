/**
 * The labels of Korean moderation models, and OpenAI's categories that they belong to.
 *
 * UnSmile's labels name who is hated, `악플/욕설` insults; those of the Korean hate speech dataset (BEEP!) are `hate`,
 * `offensive`, `none`, and in its second column `gender`, `others`.
 */

/** OpenAI's categories, all of which an answer holds. */
export const standardCategories = [
  "harassment",
  "harassment/threatening",
  "hate",
  "hate/threatening",
  "illicit",
  "illicit/violent",
  "self-harm",
  "self-harm/instructions",
  "self-harm/intent",
  "sexual",
  "sexual/minors",
  "violence",
  "violence/graphic",
] as const;

/** Whether a model with these labels moderates: at least one of them names a harm. */
export function moderates(labels: readonly string[]): boolean {
  return labels.some((label) => categoryOf(label) !== undefined);
}

/** What a model's labels say in categories: each harmful label under its own name, and its standard category's highest. */
export function categoryScores(labels: readonly { label: string; score: number }[]): Map<string, number> {
  const scores = new Map<string, number>();
  const raise = (category: string, score: number): unknown =>
    scores.set(category, Math.max(scores.get(category) ?? 0, score));
  for (const { label, score } of labels) {
    const category = categoryOf(label);
    if (category === undefined) continue;
    raise(label, score);
    raise(category, score);
  }
  return scores;
}

// --- internal ---

type Category = (typeof standardCategories)[number];

const hate = [
  "여성/가족",
  "남성",
  "성소수자",
  "인종/국적",
  "연령",
  "지역",
  "종교",
  "기타 혐오",
  "기타혐오",
  "혐오",
  "성차별",
  "hate",
  "gender",
  "others",
  "gender bias",
];
const harassment = [
  "악플/욕설",
  "악플",
  "욕설",
  "offensive",
  "curse",
  "insult",
  "toxic",
  "abusive",
  "profanity",
];
const sexual = ["성적", "음란", "sexual"];

const byLabel: ReadonlyMap<string, Category> = new Map<string, Category>([
  ...hate.map((label) => [label, "hate"] as const),
  ...harassment.map((label) => [label, "harassment"] as const),
  ...sexual.map((label) => [label, "sexual"] as const),
]);

function categoryOf(label: string): Category | undefined {
  return byLabel.get(label.toLowerCase()) ?? byLabel.get(label.toLowerCase().replace(/^hate\//, ""));
}
