import type { SamplesEvent } from "../training_event.ts";
import { showBars } from "./bars.ts";
import { byId, h } from "./element.ts";
import { fillMask } from "./masking.ts";
import type { RunView } from "./run_view.ts";
import { numberFormat } from "./training_view.ts";
import { fill, type Language, type Words } from "./words.ts";

/** Show the masked comments of the run, each with the model's guess in its gap and the five best below. */
export function showSamples(run: RunView, language: Language, words: Words): void {
  byId("samples").hidden = run.phase === "none";
  const { samples } = run;
  byId("samples-step").textContent =
    samples === undefined
      ? words.samplesEmpty
      : fill(words.atStep, { step: numberFormat(language, 0).format(samples.step) });
  showCards(samples?.samples ?? [], numberFormat(language, 0, "percent"));
}

// --- internal ---

function showCards(samples: SamplesEvent["samples"], percent: Intl.NumberFormat): void {
  const grid = byId("sample-grid");
  grid.dataset.count = String(samples.length);
  while (grid.children.length > samples.length) grid.lastElementChild!.remove();
  while (grid.children.length < samples.length) grid.append(newCard());
  for (const [i, { text, fills }] of samples.entries()) {
    const [sentence, list] = [...grid.children[i]!.children] as [HTMLElement, HTMLElement];
    showGuess(sentence, text, fills[0]?.token);
    const best = fills.reduce((most, { score }) => Math.max(most, score ?? 0), 0);
    showBars(list, fills, percent, Math.max(best, 0.25));
  }
}

function newCard(): HTMLElement {
  return h(
    "article",
    { class: "card sample" },
    h("p", { class: "sentence", lang: "ko" }),
    h("ol", { class: "fills" }),
  );
}

function showGuess(sentence: HTMLElement, text: string, token: string | undefined): void {
  const key = `${text}\n${token}`;
  if (sentence.dataset.key === key) return;
  sentence.dataset.key = key;
  if (!text.includes("[MASK]")) sentence.replaceChildren(text);
  else {
    const { before, word, after } = fillMask(text, token ?? "");
    sentence.replaceChildren(before, h("mark", { class: "guess" }, word || "\u2003"), after);
  }
}
