import type { HealthJson } from "../routes/health.ts";
import type { TrainingEvent } from "../training_event.ts";
import { readHealth } from "./api.ts";
import type { Answerer } from "./run_view.ts";

/** Who is told of a run. */
export interface RunListener {
  /** What the server serves; told first, and again now and then. */
  health(health: HealthJson): void;
  /** What was told of the run before is void. */
  reset(): void;
  /** Something happened in the run. */
  event(event: TrainingEvent): void;
  /** Another model answers now; undefined for none. */
  answerer(answerer: Answerer | undefined): void;
  /** The server can be reached, or no longer. */
  connected(connected: boolean): void;
}

/** Follow the server and its run for as long as the page is open. */
export async function followRun(listener: RunListener): Promise<never> {
  let isShown = false;
  for (;;) {
    try {
      const health = await readHealth();
      listener.connected(true);
      listener.health(health);
      const state = health.training?.state;
      const isOver = state === "done" || state === "interrupted";
      if (health.training !== null && !(isOver && isShown)) isShown = await followStream(listener);
      await pause(isShown || health.training === null ? 10_000 : 2_000);
    } catch {
      listener.connected(false);
      isShown = false;
      await pause(3_000);
    }
  }
}

// --- internal ---

const kinds: TrainingEvent["event"][] = ["start", "step", "eval", "samples", "end"];

/** Listen until the run is over, or the server ends the stream for good; whether it was the run. */
function followStream(listener: RunListener): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = new EventSource("/training/events");
    let isOver = false;
    listener.reset();
    stream.addEventListener("open", () => listener.connected(true));
    stream.addEventListener("reset", () => {
      isOver = false;
      listener.reset();
    });
    for (const kind of kinds) {
      stream.addEventListener(kind, ({ data }) => {
        isOver = kind === "end";
        listener.event(JSON.parse(data));
      });
    }
    stream.addEventListener("model", ({ data }) => listener.answerer(JSON.parse(data) ?? undefined));
    stream.addEventListener("error", () => {
      if (isOver || stream.readyState === EventSource.CLOSED) {
        stream.close();
        resolve(isOver);
      } else {
        listener.connected(false); // it tries again by itself
      }
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
