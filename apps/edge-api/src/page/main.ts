/** The page: follows the server's run, and asks its models. */
import { byId } from "./element.ts";
import { followRun } from "./follow_run.ts";
import { emptyRun, receive, type RunView } from "./run_view.ts";
import { showSamples } from "./samples_view.ts";
import { TrainingView } from "./training_view.ts";
import { TryView } from "./try_view.ts";
import { words as allWords, type Language, type Words } from "./words.ts";

let language = chosenLanguage();
let words = allWords[language];
let run: RunView = emptyRun();
let heardAt = performance.now();
let isQueued = false;

/** Which attribute of the page's elements names which text of theirs. */
const translated: [string, (element: HTMLElement, text: string) => void][] = [
  ["word", (element, text) => element.replaceChildren(text)],
  ["word-label", (element, text) => element.setAttribute("aria-label", text)],
  ["word-placeholder", (element, text) => element.setAttribute("placeholder", text)],
];

const training = new TrainingView(words);
const tryOut = new TryView(language, words);

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language as Language));
}
speak(language);
setInterval(show, 5_000); // a run that says nothing is worth a word

await followRun({
  health({ models, training }) {
    tryOut.offer(models.map(({ id }) => id));
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
