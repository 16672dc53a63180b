import type { TrainingEvent } from "./training_event.ts";

/** An event with its place in the run, counted from 0. */
export interface NumberedEvent {
  /** Its place. */
  readonly number: number;
  /** What happened. */
  readonly event: TrainingEvent;
}

/** How many events of each kind are kept; a page draws no more than this. */
const kept: Record<TrainingEvent["event"], number> = {
  start: 64,
  step: 4_096,
  eval: 1_024,
  samples: 32,
  end: 64,
};

/**
 * The events of a run in the order they came, in bounded memory: when a kind has more than its share, every second one
 * of its older events goes, so that a run of a million steps is still its whole curve, only coarser.
 */
export class EventHistory {
  #events: NumberedEvent[] = [];
  #counts: Record<TrainingEvent["event"], number> = { start: 0, step: 0, eval: 0, samples: 0, end: 0 };
  #next = 0;

  /** The number that the next event gets. */
  get next(): number {
    return this.#next;
  }

  /** The newest event. */
  get last(): TrainingEvent | undefined {
    return this.#events.at(-1)?.event;
  }

  /** Take in the next event. */
  push(event: TrainingEvent): void {
    this.#events.push({ number: this.#next++, event });
    if (++this.#counts[event.event] > kept[event.event]) this.#thin(event.event);
  }

  /** The kept events from `number` on. */
  from(number: number): NumberedEvent[] {
    const start = this.#events.findIndex((numbered) => numbered.number >= number);
    return start === -1 ? [] : this.#events.slice(start);
  }

  /** The newest event of one kind. */
  newest<Kind extends TrainingEvent["event"]>(
    kind: Kind,
  ): Extract<TrainingEvent, { event: Kind }> | undefined {
    const numbered = this.#events.findLast(({ event }) => event.event === kind);
    return numbered?.event as Extract<TrainingEvent, { event: Kind }> | undefined;
  }

  /** Drop every second event of `kind`; the newest stays. */
  #thin(kind: TrainingEvent["event"]): void {
    let fromTheEnd = this.#counts[kind];
    this.#events = this.#events.filter(({ event }) => event.event !== kind || --fromTheEnd % 2 === 0);
    this.#counts[kind] = this.#events.filter(({ event }) => event.event === kind).length;
  }
}
