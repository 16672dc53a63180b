import { CliError } from "../failure.ts";
import type { ModelId } from "./model_id.ts";

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

/**
 * Say in one sentence why the hub refused, from the status and the `X-Error-Code` of its answer.
 *
 * The hub answers 401 for a model that does not exist as for one that is private: it tells a stranger neither.
 */
export function refusal({ status, headers }: Response, question: Question): CliError {
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
  if (status === 403) return failed(`the token may not read it${said === "" ? "" : ` (${said})`}`);
  if (status === 404)
    return new NoSuchFile(`Cannot download ${what}: ${question.endpoint} has no such thing (404)`);
  if (status === 429)
    return new HubUnreachable(
      `Cannot download ${what}: too many requests, try again later${login(question)}`,
    );
  const words = said === "" ? "" : `: ${said}`;
  const text = `Cannot download ${what}: ${question.endpoint} answers with status ${status}${words}`;
  return status >= 500 ? new HubUnreachable(text) : new CliError(text);
}

// --- internal ---

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
