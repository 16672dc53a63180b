import type { CleanJson } from "../routes/clean.ts";
import type { FillMaskJson } from "../routes/hugging_face.ts";
import type { HealthJson } from "../routes/health.ts";

/** The server answered that it cannot, with a sentence. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly status: number;

  /** @param status The HTTP status. @param message The server's sentence. */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The best tokens for the mask in `text`. */
export function askModel(model: string, text: string, signal: AbortSignal): Promise<FillMaskJson[]> {
  const path = model.split("/").map(encodeURIComponent).join("/");
  return post(`/models/${path}`, { inputs: text, parameters: { top_k: 5 } }, signal);
}

/** What the cleaning leaves of `text`. */
export function cleanText(text: string, signal: AbortSignal): Promise<CleanJson> {
  return post("/clean", { inputs: text }, signal);
}

/** What the server serves, and where its run stands. */
export async function readHealth(): Promise<HealthJson> {
  const response = await fetch("/health", { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new RefusedError(response.status, response.statusText);
  return response.json();
}

// --- internal ---

async function post<Result>(path: string, body: unknown, signal: AbortSignal): Promise<Result> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  const json = await response.json();
  if (!response.ok) throw new RefusedError(response.status, json.error ?? response.statusText);
  return json;
}
