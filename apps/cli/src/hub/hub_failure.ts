import { CliError } from "../failure.ts";
import type { ModelId } from "./model_id.ts";
import { hostOf } from "./network_failure.ts";
import { Transient } from "./persistence.ts";

/** What was asked of the hub, for messages. */
export interface Question extends ModelId {
  /** The file, if it was one. */
  readonly file?: string | undefined;
  /** Whether a token went along. */
  readonly hasToken: boolean;
  /** The hub's address. */
  readonly endpoint: string;
}

/** The hub has the model, but not this file. */
export class NoSuchFile extends CliError {
  override name = "NoSuchFile";
}

/** The hub cannot be reached, or has no good answer at the moment; what is in the cache may do instead. */
export class HubUnreachable extends CliError {
  override name = "HubUnreachable";
}

/** What to make of an answer that is a failure. */
export function outcome(response: Response, question: Question): Error {
  const failure = isOfHub(response, question) ? refusal(response, question) : oddAnswer(response, question);
  const { status, headers } = response;
  if (status === 416) return new RangeRefused(failure.message);
  if (status === 429) return new Transient(failure, { wait: retryAfter(headers) });
  if (status === 408 || status >= 500) return new Transient(failure, { wait: retryAfter(headers) });
  return failure;
}

/** The server has no bytes from there on. */
export class RangeRefused extends CliError {
  override name = "RangeRefused";
}

// --- internal ---

/**
 * Say in one sentence why the hub refused, from the status and the `X-Error-Code` of its answer.
 *
 * The hub answers 401 for a model that does not exist as for one that is private: it tells a stranger neither.
 */
function refusal({ status, headers }: Response, question: Question): CliError {
  const what = question.file === undefined ? question.id : `${question.file} of ${question.id}`;
  const failed = (why: string) => new CliError(`Cannot download ${what}: ${why}`);
  const code = headers.get("x-error-code") ?? "";
  const said = printable(headers.get("x-error-message") ?? "");
  if (code === "EntryNotFound") {
    return new NoSuchFile(`Cannot download ${what}: there is no such file at ${question.revision}`);
  }
  if (code === "RevisionNotFound") {
    return failed(`there is no revision ${question.revision}; leave --revision out for the latest version`);
  }
  if (code === "GatedRepo") return failed(gated(question));
  if (/disabled/i.test(said)) return failed(`the hub says that it is disabled`);
  if (status === 401 && /invalid (?:credentials|username or password|user token)/i.test(said))
    return failed(WRONG_TOKEN);
  if (code === "RepoNotFound" || status === 401) return failed(notFound(question));
  if (status === 403) return failed(forbidden(question, said));
  if (status === 404)
    return new NoSuchFile(`Cannot download ${what}: ${question.endpoint} has no such thing (404)`);
  if (status === 429)
    return new HubUnreachable(
      `Cannot download ${what}: too many requests, try again later${login(question)}`,
    );
  return oddAnswer({ status, headers }, question);
}

/** Whether the hub itself answers, and not a place where it sends for large files. */
function isOfHub({ url }: Response, { endpoint }: Question): boolean {
  return url === "" || new URL(url).origin === new URL(endpoint).origin;
}

function oddAnswer(
  { status, headers, url = "" }: Pick<Response, "status" | "headers"> & { readonly url?: string },
  { id, file, endpoint }: Question,
): CliError {
  const said = printable(headers.get("x-error-message") ?? "");
  const server = url === "" ? endpoint : hostOf(url);
  const text = `Cannot download ${file === undefined ? id : `${file} of ${id}`}: ${server} answers with status ${status}${said === "" ? "" : `: ${said}`}`;
  return status >= 500 || status === 429 ? new HubUnreachable(text) : new CliError(text);
}

/** Milliseconds that the server asks to wait, by `Retry-After` (seconds or a date), or the hub's own `RateLimit`. */
function retryAfter(headers: Headers): number {
  const text = headers.get("retry-after") ?? /;\s*t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1] ?? "";
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, milliseconds);
}

const TOKENS = "https://huggingface.co/settings/tokens";
const WRONG_TOKEN = `the token is not valid; make another at ${TOKENS}, or unset HF_TOKEN`;

function gated({ id, endpoint, hasToken }: Question): string {
  const ask = `its authors must grant access: ask for it at ${endpoint}/${id}`;
  return hasToken ? `${ask} as the owner of the token` : `${ask}, and set HF_TOKEN`;
}

function notFound({ id, endpoint, hasToken }: Question): string {
  const name = `${endpoint} has no model of this name, or it is private`;
  if (hasToken) return `${name} and the token may not read it; check the spelling of ${id}`;
  return `${name}; check the spelling of ${id}, or set HF_TOKEN`;
}

function forbidden({ hasToken }: Question, said: string): string {
  const who = hasToken ? "the token may not read it" : "nobody may read it without a token; set HF_TOKEN";
  return said === "" ? who : `${who} (${said})`;
}

function login({ hasToken }: Question): string {
  return hasToken ? "" : ", or set HF_TOKEN for more";
}

/** A stranger's words, on one line and without what steers a terminal. */
function printable(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .replace(/\.$/, "")
    .slice(0, 200);
}
