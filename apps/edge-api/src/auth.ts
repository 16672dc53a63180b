import type { MiddlewareHandler } from "hono";
import { ApiError } from "./api_error.ts";

/** Who may ask. */
export interface Auth {
  /** The keys of those who may, each at least one character; `Authorization: Bearer KEY`. None: everybody may. */
  readonly keys: readonly string[];
}

/** What anybody may see, with a key set or not: text-embeddings-inference does the same. */
const openPaths: ReadonlySet<string> = new Set([
  "/",
  "/docs",
  "/openapi.json",
  "/health",
  "/ping",
  "/livez",
  "/readyz",
  "/metrics",
  "/v2/health/live",
  "/v2/health/ready",
]);

/**
 * Let only those in who know a key. Keys are compared by their hashes, every one of them to its end, so that the time it takes
 * tells nothing about them.
 *
 * @throws {RangeError} If a key is empty.
 */
export function bearerAuth({ keys }: Auth): MiddlewareHandler {
  if (keys.some((key) => key.trim() === ""))
    throw new RangeError("Cannot use an empty key: every client has it");
  if (keys.length === 0) return (_, next) => next();
  let hashes: Promise<Uint8Array[]> | undefined; // not at once: some runtimes compute only while they answer a request
  return async (c, next) => {
    const { method, path } = c.req;
    const isOpen =
      method === "OPTIONS" || path.startsWith("/page/") || (method !== "POST" && openPaths.has(path));
    if (!isOpen) {
      hashes ??= Promise.all(keys.map(hash));
      const given = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
      if (given === undefined) throw refused("there is none: send Authorization: Bearer KEY");
      const hashed = await hash(given);
      const matches = (await hashes).map((known) => isSame(known, hashed));
      if (!matches.includes(true)) throw refused("this server does not know the one that was sent");
    }
    await next();
    return undefined;
  };
}

// --- internal ---

async function hash(key: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

function refused(why: string): ApiError {
  return new ApiError(401, `Cannot answer without a key: ${why}`, { code: "invalid_api_key" });
}
