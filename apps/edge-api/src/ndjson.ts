import type { Context } from "hono";
import { ApiError, type ErrorBody } from "./api_error.ts";
import type { AppEnv } from "./service.ts";

/** Texts that are computed before their lines go out. */
const chunkItems = 32;

/** Whether the client asks for an answer line by line. */
export function wantsLines(c: Context): boolean {
  return /\bapplication\/(?:x-)?ndjson\b/.test(c.req.header("accept") ?? "");
}

/**
 * Answer a list line by line, as NDJSON: the answer to the first text goes out while later ones are computed, and only as fast
 * as the client reads. A text that fails has a line with `error`, and the others theirs; in order.
 */
export function streamLines<Item>(
  c: Context<AppEnv>,
  items: readonly Item[],
  answer: (items: Item[]) => Promise<unknown[]>,
): Response {
  const encoder = new TextEncoder();
  let next = 0;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = items.slice(next, next + chunkItems);
      next += chunk.length;
      if (chunk.length === 0 || c.req.raw.signal.aborted) {
        controller.close();
        return;
      }
      for (const line of await linesOf(chunk, answer)) controller.enqueue(encoder.encode(`${line}\n`));
    },
  });
  c.header("Content-Type", "application/x-ndjson; charset=utf-8");
  c.header("Cache-Control", "no-store");
  c.header("X-Accel-Buffering", "no"); // proxies hold back what they take for a document
  return c.body(stream);
}

// --- internal ---

/** The lines of some texts; if they fail together, each is asked by itself, to tell which it was. */
async function linesOf<Item>(
  chunk: Item[],
  answer: (items: Item[]) => Promise<unknown[]>,
): Promise<string[]> {
  try {
    return (await answer(chunk)).map((json) => JSON.stringify(json));
  } catch (error) {
    if (chunk.length === 1) return [JSON.stringify(bodyOf(error))];
    const lines: string[] = [];
    for (const item of chunk) lines.push(...(await linesOf([item], answer)));
    return lines;
  }
}

function bodyOf(error: unknown): ErrorBody {
  if (error instanceof ApiError) return { error: error.message, error_type: error.errorType };
  return { error: "The server failed to answer this text", error_type: "Backend" };
}
