import type { HealthJson } from "../routes/health.ts";
import type { TrainingEvent } from "../training_event.ts";
import { openEvents, readHealth } from "./api.ts";
import { readEvents } from "./read_events.ts";
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

const kinds: ReadonlySet<string> = new Set<TrainingEvent["event"]>([
  "start",
  "step",
  "eval",
  "samples",
  "end",
]);

/** Listen until the run is over, or the server ends the stream for good; whether it was the run. */
async function followStream(listener: RunListener): Promise<boolean> {
  let isOver = false;
  let last: string | undefined;
  listener.reset();
  for (;;) {
    try {
      const response = await openEvents(last);
      if (response.status !== 200) return isOver; // 204: there is no run; 401: not without a key
      listener.connected(true);
      for await (const { event, id, data } of readEvents(response)) {
        last = id ?? last;
        if (event === "reset") listener.reset();
        if (event === "reset" || kinds.has(event)) isOver = event === "end";
        if (kinds.has(event)) listener.event(data as TrainingEvent);
        if (event === "model") listener.answerer((data as Answerer | null) ?? undefined);
      }
    } catch {
      listener.connected(false);
    }
    if (isOver) return true;
    await pause(2_000); // then go on where it broke off
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
