/** The page: follows the server's run, and asks its models. */
import type { ModelHealthJson } from "../routes/health.ts";
import { computeIn, lastMilliseconds, type Place } from "./api.ts";
import { byId } from "./element.ts";
import { followRun } from "./follow_run.ts";
import { NearestView } from "./nearest_view.ts";
import { emptyRun, receive, type RunView } from "./run_view.ts";
import { showSamples } from "./samples_view.ts";
import { TrainingView } from "./training_view.ts";
import { TryView } from "./try_view.ts";
import { VerdictsView } from "./verdicts_view.ts";
import { fill, words as allWords, type Language, type Words } from "./words.ts";

let language = chosenLanguage();
let words = allWords[language];
let run: RunView = emptyRun();
let heardAt = performance.now();
let isQueued = false;
let models: readonly ModelHealthJson[] = [];
let place: Place = "server";

/** Which attribute of the page's elements names which text of theirs. */
const translated: [string, (element: HTMLElement, text: string) => void][] = [
  ["word", (element, text) => element.replaceChildren(text)],
  ["word-label", (element, text) => element.setAttribute("aria-label", text)],
  ["word-placeholder", (element, text) => element.setAttribute("placeholder", text)],
];

const training = new TrainingView(words);
const verdicts = new VerdictsView(language, words);
const nearest = new NearestView(language, words);
const tryOut = new TryView(language, words, (comment) => void askAll(comment));

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language as Language));
}
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-place]")) {
  button.addEventListener("click", () => moveTo(button.dataset.place as Place));
}
speak(language);
setInterval(show, 5_000); // a run that says nothing is worth a word

await followRun({
  health({ models: served, training, shares_models: shares }) {
    models = served;
    tryOut.offer(models);
    verdicts.offer(models);
    nearest.offer(models);
    byId("training").hidden = training === null;
    byId("place").hidden = !shares || !models.some(({ state }) => state === "final");
    const model = models.find(({ state }) => state !== "waiting");
    if (model?.state === "final") arrange("try");
    const { revision, state, step } = model ?? {};
    const isKnown = typeof revision === "string" && (state === "final" || state === "checkpoint");
    tryOut.answerBy(isKnown ? { revision, state, step: step ?? null } : undefined);
    if (training === null) run = emptyRun("none");
    show();
  },
  reset() {
    run = emptyRun();
    show();
  },
  event(event) {
    receive(run, event);
    heardAt = performance.now();
    show();
  },
  answerer: (answerer) => tryOut.answerBy(answerer),
  connected(isConnected) {
    byId("connection").hidden = isConnected;
    byId("connection").textContent = isConnected ? "" : words.serverGone; // said aloud when it comes
  },
});

// --- internal ---

/** Ask everybody about a comment, and say how long it took. */
async function askAll(comment: string): Promise<void> {
  await Promise.all([verdicts.ask(comment), nearest.ask(comment)]);
  const took = lastMilliseconds();
  const sentence = place === "browser" ? words.tookBrowser : words.tookServer;
  byId("took").textContent =
    took === undefined ? "" : fill(sentence, { ms: String(Math.max(1, Math.round(took))) });
}

/** Let the server or this browser compute. */
function moveTo(chosen: Place): void {
  place = chosen;
  computeIn(
    chosen,
    models.filter(({ state }) => state === "final"),
  );
  for (const button of document.querySelectorAll<HTMLElement>("[data-place]")) {
    button.setAttribute("aria-pressed", String(button.dataset.place === chosen));
  }
  byId("took").textContent = chosen === "browser" ? words.loadingBrowser : "";
  tryOut.refresh();
}

/** Show the run, once a frame at most. */
function show(): void {
  if (isQueued) return;
  isQueued = true;
  setTimeout(() => {
    isQueued = false;
    training.show(run, language, words, performance.now() - heardAt);
    showSamples(run, language, words);
  }, 50);
}

/** Put the section that matters now first; only before somebody reads the page, never under their hands. */
function arrange(first: "try"): void {
  const main = byId("main");
  if (main.dataset.first !== undefined) return;
  main.dataset.first = first;
  if (performance.now() < 3_000) main.prepend(byId("try"));
}

function speak(chosen: Language): void {
  language = chosen;
  words = allWords[chosen];
  document.documentElement.lang = chosen;
  for (const [data, put] of translated) {
    for (const element of document.querySelectorAll<HTMLElement>(`[data-${data}]`)) {
      put(element, words[element.getAttribute(`data-${data}`) as keyof Words]);
    }
  }
  for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === chosen));
  }
  if (!byId("connection").hidden) byId("connection").textContent = words.serverGone;
  remember(chosen);
  tryOut.speak(language, words);
  verdicts.speak(language, words);
  nearest.speak(language, words);
  show();
}

/** The language chosen before, else Korean for those who read it, else English. */
function chosenLanguage(): Language {
  try {
    const chosen = localStorage.getItem("language");
    if (chosen === "ko" || chosen === "en") return chosen;
  } catch {
    // no storage: ask the browser
  }
  return navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en";
}

function remember(chosen: Language): void {
  try {
    localStorage.setItem("language", chosen);
  } catch {
    // no storage: it is asked for again
  }
}
