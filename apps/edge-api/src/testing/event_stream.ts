/** One event of a Server-Sent Events stream. */
export interface SentEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** Read a Server-Sent Events response event by event; comments come as events named `:`. */
export async function* readEvents(response: Response): AsyncGenerator<SentEvent> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(
    new TextDecoderStream() as never,
  ) as ReadableStream<string>) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line]));
      const field = (name: string) => fields.get(name)?.slice(name.length + 2);
      if (fields.has("")) yield { event: ":", id: undefined, data: block.slice(2) };
      else if (fields.has("data")) {
        yield { event: field("event") ?? "message", id: field("id"), data: JSON.parse(field("data")!) };
      }
    }
  }
}
