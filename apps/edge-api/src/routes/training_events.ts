import type { Handler } from "hono";
import type { TrainingNews, TrainingRun } from "../training_run.ts";

/**
 * `GET /training/events`: the run as Server-Sent Events.
 *
 * Each line of the run's metrics is an event named after its kind (`start`, `step`, `eval`, `samples`, `end`) with the
 * line as its data: first what has happened, then what happens. `model` says which model answers now (`null` for none
 * yet), `reset` that the run has begun anew and what was told before is void. A comment goes out when nothing else did
 * for a while. The stream ends with the run; 204, which stops an `EventSource`, when the server follows no run.
 *
 * `Last-Event-ID` goes on where a broken connection ended.
 */
export function trainingEventsRoute(
  run: TrainingRun | undefined,
  shutdown: AbortSignal | undefined,
): Handler {
  return (c) => {
    if (run === undefined) return c.body(null, 204);
    const news = (signal: AbortSignal) => run.follow(signal, parseId(c.req.header("last-event-id")));
    c.header("Content-Type", "text/event-stream; charset=utf-8");
    c.header("Cache-Control", "no-store");
    c.header("X-Accel-Buffering", "no"); // proxies hold back what they take for a document
    return c.body(streamOf(news, AbortSignal.any([...(shutdown ? [shutdown] : []), c.req.raw.signal])));
  };
}

// --- internal ---

/** A stream that asks for news only as fast as the client reads, and stops asking when it leaves. */
function streamOf(
  open: (signal: AbortSignal) => AsyncGenerator<TrainingNews, void>,
  shutdown: AbortSignal,
): ReadableStream<Uint8Array> {
  const leave = new AbortController();
  const news = open(AbortSignal.any([shutdown, leave.signal]));
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode("retry: 2000\n\n"));
    },
    async pull(controller) {
      const { done, value } = await news.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(encode(value)));
    },
    cancel() {
      leave.abort();
    },
  });
}

/** One piece of news in the wire's form; JSON holds no line feed, so the data is one line. */
function encode(news: TrainingNews): string {
  switch (news.kind) {
    case "heartbeat":
      return ": still there\n\n";
    case "reset":
      return "event: reset\ndata: {}\n\n";
    case "model": {
      const { version } = news;
      const json = version && { revision: version.revision, state: version.state, step: version.step };
      return `event: model\ndata: ${JSON.stringify(json ?? null)}\n\n`;
    }
    default: {
      const id = `${news.generation}-${news.number}`;
      return `id: ${id}\nevent: ${news.event.event}\ndata: ${JSON.stringify(news.event)}\n\n`;
    }
  }
}

function parseId(id: string | undefined): { generation: string; number: number } | undefined {
  const [, generation, number] = /^([\w.]{1,80})-(\d{1,12})$/.exec(id ?? "") ?? [];
  return number === undefined ? undefined : { generation: generation!, number: Number(number) };
}
