import type { CleanJson } from "../routes/clean.ts";
import type { FillMaskJson } from "../routes/hugging_face.ts";
import type { ModelHealthJson } from "../routes/health.ts";
import { askModel, cleanText, RefusedError, tokenize, type TokenJson, useKey } from "./api.ts";
import { showBars } from "./bars.ts";
import { countDropped, piecesOf } from "./cleaned.ts";
import { byId, h } from "./element.ts";
import { countMasks, fillMask, hideWord, mask, wordsOf, type Word } from "./masking.ts";
import type { Answerer } from "./run_view.ts";
import { numberFormat } from "./training_view.ts";
import { fill, type Language, type Words } from "./words.ts";

/** Comments to begin with. */
const examples = [
  "배우들 연기가 너무 좋았어요",
  "이 영화 진짜 [MASK] ㅋㅋㅋㅋㅋㅋ",
  "★★★★★ 최고의 영화!! 또 보고 싶다♡",
];

/** The section where a comment is typed, a word of it hidden, and the model asked. */
export class TryView {
  #words: Words;
  #language: Language;
  #model: string | undefined;
  #answerer: Answerer | undefined;
  #cleaned: { source: string; json: CleanJson } | undefined;
  #tokens: readonly TokenJson[] = [];
  readonly #onComment: (comment: string) => void;
  /** The first model that is there, whose tokens are shown. */
  #reader: string | undefined;
  /** Index of the word that is hidden. */
  #hidden: number | undefined;
  /** What was asked last, as the cleaning leaves it. */
  #asked: { cleaned: string; fills: FillMaskJson[] } | undefined;
  #problem: keyof Words | { sentence: string } | undefined;
  #isAsking = false;
  #asking = new AbortController();
  #cleaning = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param language The page's language. @param words Its words. @param onComment Told what is typed, after a pause. */
  constructor(language: Language, words: Words, onComment: (comment: string) => void) {
    this.#language = language;
    this.#words = words;
    this.#onComment = onComment;
    const comment = byId<HTMLTextAreaElement>("comment");
    comment.addEventListener("input", () => this.#onInput());
    comment.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.shiftKey) return; // Enter may end a syllable
      event.preventDefault();
      void this.#ask();
    });
    byId("form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#ask();
    });
    byId<HTMLSelectElement>("model").addEventListener("change", ({ target }) => {
      this.#model = (target as HTMLSelectElement).value;
      if (this.#asked !== undefined) void this.#ask();
    });
    byId<HTMLInputElement>("key").addEventListener("change", ({ target }) => {
      useKey((target as HTMLInputElement).value.trim());
      this.refresh();
    });
    byId("examples").append(...examples.map((text) => this.#newExample(text)));
  }

  /** Speak another language. */
  speak(language: Language, words: Words): void {
    this.#language = language;
    this.#words = words;
    this.#show();
  }

  /** Clean, tokenize and ask anew: somebody else computes, or a key is there. */
  refresh(): void {
    const wasAsked = this.#asked !== undefined;
    this.#cleaned = undefined;
    this.#problem = undefined;
    if (wasAsked) void this.#ask();
    else void this.#clean();
  }

  /** The models that there are; those that fill masks can be asked here. */
  offer(all: readonly ModelHealthJson[]): void {
    this.#reader = all.find(({ state }) => state !== "waiting")?.id;
    const models = all.filter(({ task }) => task === "fill-mask").map(({ id }) => id);
    for (const id of ["ask", "hint"]) byId(id).hidden = models.length === 0;
    const select = byId<HTMLSelectElement>("model");
    if (models.join("\n") === [...select.options].map(({ value }) => value).join("\n")) return;
    select.replaceChildren(...models.map((id) => h("option", { value: id }, id)));
    byId("model-field").hidden = models.length < 2;
    this.#model = models[0];
  }

  /** Another state of the model answers now; what was asked is asked again, and what waited for a model is asked. */
  answerBy(answerer: Answerer | undefined): void {
    if (answerer?.revision === this.#answerer?.revision) return;
    this.#answerer = answerer;
    const isAwaited = this.#problem === "modelWaiting" || this.#asked !== undefined;
    if (this.#problem === "modelWaiting") this.#problem = undefined;
    this.#show();
    if (answerer !== undefined && isAwaited && !this.#isAsking) void this.#ask();
  }

  // --- internal ---

  #newExample(text: string): HTMLElement {
    const button = h("button", { type: "button", class: "example", lang: "ko" }, text);
    button.addEventListener("click", () => {
      const comment = byId<HTMLTextAreaElement>("comment");
      comment.value = text;
      comment.focus();
      this.#onInput(0);
    });
    return button;
  }

  #onInput(delayMs = 200): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#clean(), delayMs);
  }

  /** Clean what is typed, and offer its words. */
  async #clean(): Promise<void> {
    const source = byId<HTMLTextAreaElement>("comment").value;
    if (source === this.#cleaned?.source) return;
    this.#cleaning.abort();
    this.#cleaning = new AbortController();
    const { signal } = this.#cleaning;
    try {
      const json = await cleanText(source, signal);
      if (signal.aborted) return;
      this.#cleaned = { source, json };
      this.#hidden = undefined;
      this.#problem = undefined;
      byId("key-field").hidden = true;
      this.#show();
      this.#onComment(source);
      this.#tokens = [];
      if (this.#reader !== undefined && json.text !== "") {
        const tokens = await tokenize(this.#reader, json.text, signal).catch(() => []); // a model that is not there yet
        if (signal.aborted) return;
        this.#tokens = tokens;
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#problem = problemOf(error);
      if (error instanceof RefusedError && error.status === 401) byId("key-field").hidden = false;
    }
    this.#show();
  }

  /** Ask the model for what is hidden. */
  async #ask(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#clean();
    const question = this.#question();
    if (question === undefined || this.#model === undefined) {
      this.#show();
      return;
    }
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#isAsking = true;
    this.#problem = undefined;
    this.#show();
    try {
      const fills = await askModel(this.#model, question.text, signal);
      if (!signal.aborted) this.#asked = { cleaned: question.cleaned, fills };
    } catch (error) {
      if (!signal.aborted) this.#problem = problemOf(error);
    }
    if (signal.aborted) return;
    this.#isAsking = false;
    this.#show();
  }

  /** The comment with one mask, as it was typed and as it is cleaned; undefined, and a problem, if there is none. */
  #question(): { text: string; cleaned: string } | undefined {
    if (this.#problem !== undefined && this.#cleaned === undefined) return undefined;
    const { source, json } = this.#cleaned ?? { source: "", json: { text: "", offsets: [] } };
    const word = this.#hidden === undefined ? undefined : wordsOf(json.text)[this.#hidden];
    this.#problem = undefined;
    if (source.trim() === "") this.#problem = "empty";
    else if (json.text === "") this.#problem = "emptyAfterCleaning";
    else if (word === undefined && countMasks(json.text) === 0) this.#problem = "noMask";
    else if (word === undefined && countMasks(json.text) > 1) this.#problem = "manyMasks";
    else if (this.#answerer === undefined) this.#problem = "modelWaiting";
    if (this.#problem !== undefined) return undefined;
    if (word === undefined) return { text: source, cleaned: json.text };
    const cleaned = json.text.slice(0, word.start) + mask + json.text.slice(word.end);
    return { text: hideWord(source, json.offsets, word), cleaned };
  }

  #show(): void {
    const words = this.#words;
    const answerer = byId("answerer");
    answerer.dataset.state = this.#answerer?.state ?? "none";
    answerer.textContent = describeAnswerer(this.#answerer, words, this.#language);
    const button = byId<HTMLButtonElement>("ask");
    button.textContent = this.#isAsking ? words.asking : words.ask;
    button.setAttribute("aria-busy", String(this.#isAsking));
    this.#showCleaned();
    this.#showWords();
    this.#showAnswers();
    const problem = this.#problem;
    byId("problem").textContent =
      problem === undefined ? "" : typeof problem === "string" ? words[problem] : problem.sentence;
  }

  #showCleaned(): void {
    const { source, json } = this.#cleaned ?? { source: "", json: { text: "", offsets: [] } };
    byId("cleaned").hidden = source.trim() === "";
    const pieces = piecesOf(source, json.text, json.offsets);
    const nodes = pieces.map(({ text, dropped }) => (dropped ? h("del", {}, text) : text));
    byId("source").replaceChildren(...nodes);
    const count = countDropped(pieces);
    const number = numberFormat(this.#language, 0).format(count);
    byId("dropped").textContent =
      count === 0 ? this.#words.nothingDropped : fill(this.#words.dropped, { count: number });
    byId("tokens-block").hidden = this.#tokens.length === 0;
    const tokens = this.#tokens.map(({ id, text }) =>
      h("li", { class: "token-chip", title: String(id) }, text),
    );
    byId("tokens").replaceChildren(...tokens);
  }

  #showWords(): void {
    const text = this.#cleaned?.json.text ?? "";
    const parts = countMasks(text) > 0 ? [] : wordsOf(text);
    byId("words-block").hidden = parts.length === 0 || this.#model === undefined;
    const focused = [...byId("words").children].indexOf(document.activeElement!);
    byId("words").replaceChildren(...parts.map((word, index) => this.#newChip(word, index)));
    if (focused >= 0) (byId("words").children[focused] as HTMLElement | undefined)?.focus();
  }

  #newChip(word: Word, index: number): HTMLElement {
    const isHidden = index === this.#hidden;
    const label = fill(isHidden ? this.#words.show : this.#words.hide, { word: word.text });
    const chip = h(
      "button",
      { type: "button", class: "chip", "aria-pressed": String(isHidden), "aria-label": label },
      h("span", { lang: "ko" }, word.text),
    );
    chip.addEventListener("click", () => {
      this.#hidden = isHidden ? undefined : index;
      this.#problem = undefined;
      if (isHidden) this.#show();
      else void this.#ask();
    });
    return chip;
  }

  #showAnswers(): void {
    const asked = this.#asked;
    byId("answers").hidden = asked === undefined;
    byId("answers").dataset.stale = String(this.#isAsking);
    if (asked === undefined) return;
    const [best] = asked.fills;
    const { before, word, after } = fillMask(asked.cleaned, best?.token_str ?? mask);
    byId("filled").replaceChildren(before, h("mark", { class: "guess" }, word), after);
    const percent = numberFormat(this.#language, 1, "percent");
    const bars = asked.fills.map(({ token_str, score }) => ({ token: token_str, score }));
    showBars(byId("fills"), bars, percent, Math.max(0.25, best?.score ?? 0));
    const spoken = bars.map(({ token, score }) => `${token} ${percent.format(score)}`);
    const values = { word, share: percent.format(best?.score ?? 0), rest: spoken.slice(1).join(", ") };
    const sentence = fill(this.#words.spoken, values);
    if (byId("spoken").textContent !== sentence) byId("spoken").textContent = sentence;
  }
}

// --- internal ---

function problemOf(error: unknown): keyof Words | { sentence: string } {
  if (!(error instanceof RefusedError)) return "serverGone";
  return error.status === 429 ? "modelWaiting" : { sentence: error.message };
}

function describeAnswerer(answerer: Answerer | undefined, words: Words, language: Language): string {
  if (answerer === undefined) return words.answererNone;
  if (answerer.state === "final") return words.answererFinal;
  const step = answerer.step === null ? "–" : numberFormat(language, 0).format(answerer.step);
  return fill(words.answererCheckpoint, { step });
}
