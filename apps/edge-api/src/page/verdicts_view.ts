import type { Explanation, WordWeight } from "../explain.ts";
import type { AnalysisJson, SpanJson } from "../routes/analyze.ts";
import type { ModelHealthJson } from "../routes/health.ts";
import { analyze } from "./api.ts";
import { showBars } from "./bars.ts";
import { byId, h } from "./element.ts";
import { numberFormat } from "./training_view.ts";
import { fill, type Language, type Words } from "./words.ts";

/** Labels of a panel, at most. */
const mostLabels = 5;

/** What the server's classifiers say of the comment: a panel for each, with the words that it comes from, or what was found. */
export class VerdictsView {
  #words: Words;
  #language: Language;
  #models: readonly ModelHealthJson[] = [];
  #comment = "";
  #analysis: { comment: string; json: AnalysisJson } | undefined;
  #asking = new AbortController();

  /** @param language The page's language. @param words Its words. */
  constructor(language: Language, words: Words) {
    this.#language = language;
    this.#words = words;
  }

  /** Speak another language. */
  speak(language: Language, words: Words): void {
    this.#language = language;
    this.#words = words;
    this.#show();
  }

  /** The models that are there; those that classify get a panel. */
  offer(models: readonly ModelHealthJson[]): void {
    const classifiers = models.filter(
      ({ task, state }) => state !== "waiting" && task.endsWith("-classification"),
    );
    if (classifiers.map(keyOf).join() === this.#models.map(keyOf).join()) return;
    this.#models = classifiers;
    this.#analysis = undefined;
    void this.ask(this.#comment);
  }

  /** Ask about another comment. */
  async ask(comment: string): Promise<void> {
    this.#comment = comment;
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    if (comment.trim() === "" || this.#models.length === 0) {
      this.#analysis = undefined;
      this.#show();
      return;
    }
    try {
      const json = await analyze(
        this.#models.map(({ id }) => id),
        comment,
        signal,
      );
      if (!signal.aborted) this.#analysis = { comment, json };
    } catch {
      if (!signal.aborted) this.#analysis = undefined; // whoever cleans the comment says why
    }
    if (!signal.aborted) this.#show();
  }

  // --- internal ---

  #show(): void {
    byId("verdicts").replaceChildren(...this.#models.map((model) => this.#panel(model)));
  }

  #panel({ id, task }: ModelHealthJson): HTMLElement {
    const title = h("h2", { id: `verdict-${id}` }, this.#titleOf(id));
    const panel = h(
      "section",
      { class: "card verdict", "aria-labelledby": `verdict-${id}`, "data-model": id },
      title,
    );
    const { comment, json } = this.#analysis ?? {};
    if (comment === undefined || json === undefined) {
      panel.append(h("p", { class: "hint" }, this.#words.verdictEmpty));
    } else if (task === "token-classification") {
      panel.append(...this.#found(comment, json.spans[id] ?? []));
    } else {
      panel.append(...this.#judged(comment, json, id));
    }
    return panel;
  }

  /** A verdict in a sentence, its labels as bars, and the comment with the words that it comes from. */
  #judged(comment: string, { labels: all, unsure, explanations }: AnalysisJson, id: string): HTMLElement[] {
    const [labels, explanation] = [all[id] ?? [], explanations?.[id]];
    const percent = numberFormat(this.#language, 1, "percent");
    const [best] = labels;
    if (best === undefined) return [];
    const verdict = h(
      "p",
      { class: "verdict-line", role: "status" },
      h("strong", { lang: "ko" }, nameOf(best.label, this.#words)),
      ` ${percent.format(best.score)}`,
      ...(unsure?.[id] === true ? [h("span", { class: "unsure" }, ` · ${this.#words.unsure}`)] : []),
    );
    const list = h("ol", { class: "fills" });
    const bars = labels
      .slice(0, mostLabels)
      .map(({ label, score }) => ({ token: nameOf(label, this.#words), score }));
    showBars(list, bars, percent, 1);
    if (explanation === undefined) return [verdict, list];
    const why = [
      h("h3", {}, this.#words.why),
      weighed(comment, explanation.words),
      this.#spokenWhy(explanation),
    ];
    return [verdict, list, ...why];
  }

  #spokenWhy({ label, words }: Explanation): HTMLElement {
    const most = words.filter(({ weight }) => weight > 0.005).toSorted((a, b) => b.weight - a.weight);
    const named = most.slice(0, 3).map(({ text }) => `“${text}”`);
    const values = { label: nameOf(label, this.#words), words: named.join(", ") };
    const sentence = named.length === 0 ? this.#words.whyNone : fill(this.#words.whyWords, values);
    return h("p", { class: "hint" }, `${sentence} ${this.#words.whyMarks}`);
  }

  /** The comment with what was found in it. */
  #found(comment: string, spans: readonly SpanJson[]): HTMLElement[] {
    const nodes: (Node | string)[] = [];
    let end = 0;
    for (const span of spans) {
      if (span.start < end) continue;
      nodes.push(comment.slice(end, span.start));
      nodes.push(
        h("mark", { class: "entity" }, span.text, h("span", { class: "entity-label" }, ` ${span.label}`)),
      );
      end = span.end;
    }
    nodes.push(comment.slice(end));
    const note =
      spans.length === 0
        ? this.#words.foundNone
        : fill(this.#words.foundSome, { count: String(spans.length) });
    return [
      h("p", { class: "weighed", lang: "ko" }, ...nodes),
      h("p", { class: "hint", role: "status" }, note),
    ];
  }

  #titleOf(id: string): string {
    const known: Record<string, keyof Words> = {
      sentiment: "sentiment",
      hate: "hate",
      ner: "names",
      names: "names",
      emotion: "emotion",
    };
    const key = known[id];
    return key === undefined ? id : this.#words[key];
  }
}

// --- internal ---

function keyOf({ id, revision }: ModelHealthJson): string {
  return `${id}@${revision}`;
}

/** Labels that models have in common, in the page's language. */
function nameOf(label: string, words: Words): string {
  const known: Record<string, keyof Words> = {
    positive: "positive",
    negative: "negative",
    긍정: "positive",
    부정: "negative",
    clean: "harmless",
    none: "harmless",
    offensive: "offensive",
    hate: "hate",
  };
  const key = known[label.toLowerCase()];
  return key === undefined ? label : words[key];
}

/** The comment, its words as strongly marked as they speak for the verdict, or against it. */
function weighed(comment: string, words: readonly WordWeight[]): HTMLElement {
  const scale = Math.max(0.05, ...words.map(({ weight }) => Math.abs(weight)));
  const nodes: (Node | string)[] = [];
  let end = 0;
  for (const { start, end: after, text, weight } of words) {
    if (start < end) continue;
    nodes.push(comment.slice(end, start));
    const share = Math.abs(weight) / scale;
    if (share < 0.1) nodes.push(text);
    else {
      const mark = h(
        "mark",
        { class: weight > 0 ? "weight for" : "weight against", title: weight.toFixed(3) },
        text,
      );
      mark.style.setProperty("--weight", `${Math.round(100 * share)}%`);
      nodes.push(mark);
    }
    end = after;
  }
  nodes.push(comment.slice(end));
  return h("p", { class: "weighed", lang: "ko" }, ...nodes);
}
