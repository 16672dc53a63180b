import type { ModelHealthJson } from "../routes/health.ts";
import { similarities } from "./api.ts";
import { showBars } from "./bars.ts";
import { byId } from "./element.ts";
import { numberFormat } from "./training_view.ts";
import type { Language, Words } from "./words.ts";

/** Comments to compare with, to begin with. */
const examples = [
  "정말 재미있게 봤어요",
  "돈 아깝고 시간 낭비였다",
  "배우 연기가 훌륭하다",
  "음악이 너무 좋았어요",
  "스토리가 뻔하고 지루함",
  "아이들과 보기 좋은 영화",
];

/** Comments a list may hold. */
const mostComments = 31;

/** Which comments of a list are most like the one that was typed, by their embeddings. */
export class NearestView {
  #words: Words;
  #language: Language;
  #model: string | undefined;
  #comment = "";
  #near: { text: string; score: number }[] = [];
  #asking = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param language The page's language. @param words Its words. */
  constructor(language: Language, words: Words) {
    this.#language = language;
    this.#words = words;
    const list = byId<HTMLTextAreaElement>("others");
    list.value = examples.join("\n");
    list.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.ask(this.#comment), 300);
    });
  }

  /** Speak another language. */
  speak(language: Language, words: Words): void {
    this.#language = language;
    this.#words = words;
    this.#show();
  }

  /** The models that are there: one for embeddings, else the encoder of another; not one that is still being trained. */
  offer(models: readonly ModelHealthJson[]): void {
    const ready = models.filter(({ state }) => state === "final");
    const best = ready.find(({ task }) => task === "feature-extraction") ?? ready[0];
    byId("nearest").hidden = best === undefined;
    if (best?.id === this.#model) return;
    this.#model = best?.id;
    void this.ask(this.#comment);
  }

  /** Ask about another comment. */
  async ask(comment: string): Promise<void> {
    this.#comment = comment;
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const others = byId<HTMLTextAreaElement>("others")
      .value.split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .slice(0, mostComments);
    if (comment.trim() === "" || others.length === 0 || this.#model === undefined) {
      this.#near = [];
      this.#show();
      return;
    }
    try {
      const scores = await similarities(this.#model, comment, others, signal);
      this.#near = others
        .map((text, i) => ({ text, score: scores[i]! }))
        .toSorted((a, b) => b.score - a.score)
        .slice(0, 6);
    } catch {
      if (!signal.aborted) this.#near = [];
    }
    if (!signal.aborted) this.#show();
  }

  // --- internal ---

  #show(): void {
    const cosine = numberFormat(this.#language, 3);
    showBars(
      byId("near-list"),
      this.#near.map(({ text, score }) => ({ token: text, score })),
      cosine,
      1,
    );
    const [first] = this.#near;
    byId("near-spoken").textContent =
      first === undefined ? "" : `${this.#words.nearest}: ${first.text} ${cosine.format(first.score)}`;
  }
}
