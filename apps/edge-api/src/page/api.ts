import type { AnalysisJson } from "../routes/analyze.ts";
import type { CleanJson } from "../routes/clean.ts";
import type { HealthJson } from "../routes/health.ts";
import type { FillMaskJson } from "../routes/hugging_face.ts";
import { type LocalModel, type LocalServer, startLocalServer } from "./local_client.ts";

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

/** A token of a text, as `POST /tokenize` gives it. */
export interface TokenJson {
  readonly id: number;
  readonly text: string;
  readonly special: boolean;
  readonly start: number | null;
  readonly stop: number | null;
}

/** Who computes: the server, or the browser with the same code. */
export type Place = "server" | "browser";

/** The best tokens for the mask in `text`. */
export function askModel(model: string, text: string, signal: AbortSignal): Promise<FillMaskJson[]> {
  return post(`/models/${inPath(model)}`, { inputs: text, parameters: { top_k: 5 } }, signal);
}

/** What the cleaning leaves of `text`. */
export function cleanText(text: string, signal: AbortSignal): Promise<CleanJson> {
  return post("/clean", { inputs: text }, signal);
}

/** The tokens of a text that is cleaned already. */
export async function tokenize(model: string, text: string, signal: AbortSignal): Promise<TokenJson[]> {
  const body = { inputs: text, add_special_tokens: false, offset_unit: "utf16" };
  const [tokens] = await post<TokenJson[][]>(`/tokenize?model=${encodeURIComponent(model)}`, body, signal);
  return tokens!;
}

/** What some models say of a comment, and which words it comes from. */
export function analyze(models: readonly string[], text: string, signal: AbortSignal): Promise<AnalysisJson> {
  return post("/v1/analyze", { inputs: text, models, explain: true }, signal);
}

/** How alike a comment and others are, in [−1, 1]. */
export function similarities(
  model: string,
  source: string,
  sentences: readonly string[],
  signal: AbortSignal,
): Promise<number[]> {
  const inputs = { source_sentence: source, sentences };
  return post(`/models/${inPath(model)}/pipeline/sentence-similarity`, { inputs }, signal);
}

/** What the server serves, and where its run stands. */
export async function readHealth(): Promise<HealthJson> {
  const response = await fetch("/health", { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new RefusedError(response.status, response.statusText);
  return response.json();
}

/** The stream of what happens in its run. @param last The last event that was heard, to go on behind it. */
export function openEvents(last: string | undefined): Promise<Response> {
  const headers = { ...keyHeader(), ...(last === undefined ? {} : { "Last-Event-ID": last }) };
  return fetch("/training/events", { headers, cache: "no-store" });
}

/**
 * Let the server or the browser compute from now on. In the browser the models are loaded when they are first asked.
 *
 * @param models The models, for the browser.
 */
export function computeIn(place: Place, models: readonly LocalModel[]): void {
  local?.stop();
  local = place === "browser" ? startLocalServer(models, key) : undefined;
}

/** Bring along a key from now on, for a server that asks for one. */
export function useKey(given: string): void {
  key = given;
}

/** Milliseconds that the last answer of a model took, from here and back. */
export function lastMilliseconds(): number | undefined {
  return took;
}

// --- internal ---

let local: LocalServer | undefined;
let key = "";
let took: number | undefined;

function keyHeader(): { Authorization?: string } {
  return key === "" ? {} : { Authorization: `Bearer ${key}` };
}

function inPath(model: string): string {
  return model.split("/").map(encodeURIComponent).join("/");
}

async function post<Result>(path: string, body: unknown, signal: AbortSignal): Promise<Result> {
  const start = performance.now();
  const { status, json } = await (local === undefined
    ? fromServer(path, body, signal)
    : local.post(path, body, signal));
  const { error } = json as { error?: string | { message?: string } };
  if (status !== 200) {
    throw new RefusedError(status, typeof error === "string" ? error : (error?.message ?? String(status)));
  }
  if (path !== "/clean") took = performance.now() - start;
  return json as Result;
}

async function fromServer(
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<{ status: number; json: unknown }> {
  const headers = { "Content-Type": "application/json", ...keyHeader() };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  return { status: response.status, json: await response.json() };
}
