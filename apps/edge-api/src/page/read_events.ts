/** One event of a Server-Sent Events stream. */
export interface SentEvent {
  /** What it is; `:` for a comment. */
  readonly event: string;
  readonly id: string | undefined;
  /** What its JSON says; of a comment the text. */
  readonly data: unknown;
}

/** Read a Server-Sent Events response event by event: by `fetch`, for an `EventSource` can bring no key along. */
export async function* readEvents(response: Response): AsyncGenerator<SentEvent> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) {
        const event = parse(block);
        if (event !== undefined) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // whoever stops reading leaves
  }
}

// --- internal ---

function parse(block: string): SentEvent | undefined {
  const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line]));
  const field = (name: string): string | undefined => fields.get(name)?.slice(name.length + 2);
  if (fields.has("")) return { event: ":", id: undefined, data: block.slice(2) };
  const data = field("data");
  return data === undefined
    ? undefined
    : { event: field("event") ?? "message", id: field("id"), data: JSON.parse(data) };
}
