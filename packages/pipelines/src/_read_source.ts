import type { PretrainedSource } from "@kcbert/bert";

/** How a source is read. */
export interface ReadSourceOptions {
  /** Stops the reading; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** The text of a file of a model folder, a byte order mark included; `undefined` if the folder does not have it. */
export async function readText(
  source: PretrainedSource,
  name: string,
  options: ReadSourceOptions = {},
): Promise<string | undefined> {
  const found = await source(name, options);
  if (found === undefined) return undefined;
  const bytes = found instanceof Uint8Array ? found : new Uint8Array(await new Response(found).arrayBuffer());
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError(`Cannot read ${name} as it is not UTF-8`, { cause });
  }
}
