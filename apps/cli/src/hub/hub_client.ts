import { CliError } from "../failure.ts";
import { version } from "../version.ts";
import { HubUnreachable, NoSuchFile, outcome, type Question } from "./hub_failure.ts";
import type { HubSettings } from "./hub_settings.ts";
import { COMMIT, type ModelId } from "./model_id.ts";
import { hostOf, isHopeless, networkReason } from "./network_failure.ts";
import { type Pause, type Persistence, persistently, Transient, wait } from "./persistence.ts";
import { Watch } from "./watch.ts";

/** What the hub says of a model. */
export interface HubListing {
  /** The commit that the revision stands for. */
  readonly commit: string;
  /** Paths of all files. */
  readonly files: readonly string[];
}

/** What the hub says of a file before it sends it. */
export interface HubFile {
  readonly name: string;
  readonly commit: string;
  /** The sha256 of a large file, git's sha1 of a small one. */
  readonly etag: string;
  /** Bytes, if they are told. */
  readonly size: number | undefined;
}

/** A file on its way. */
export interface Incoming {
  /** Where in the file the bytes begin: 0, although more was asked for, if the server knows no ranges. */
  readonly start: number;
  /** The bytes; ends with {@link Transient} if the connection is cut or stands still. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Asks the hub, with the token, patience and distrust that are due: the token goes to the hub's own origin alone, names
 * and hashes from the hub are checked before they become paths, and what may pass is tried again.
 */
export class HubClient {
  readonly #settings: HubSettings;
  readonly #signal: AbortSignal;
  readonly #pause: Pause;
  readonly #userAgent: string = `kcbert-cli/${version()}`;

  constructor(settings: HubSettings, { signal, pause = wait }: { signal: AbortSignal; pause?: Pause }) {
    this.#settings = settings;
    this.#signal = signal;
    this.#pause = pause;
  }

  /**
   * The commit and the files of a model.
   *
   * @returns `undefined` if the server has no such list, as mirrors may not.
   * @throws {CliError} If there is no such model or revision, or it may not be read.
   */
  async list(model: ModelId): Promise<HubListing | undefined> {
    const { endpoint } = this.#settings;
    const url = `${endpoint}/api/models/${model.id}/revision/${encodeURIComponent(model.revision)}`;
    try {
      return await persistently(async () => {
        const { response, watch } = await this.#request(url, this.#question(model), {});
        return listingOf(await textOf(this.#chunks(response, watch, url)));
      }, this.#persistence(2));
    } catch (error) {
      if (error instanceof NoSuchFile) return undefined;
      throw error;
    }
  }

  /**
   * Hash and size of a file.
   *
   * @returns `undefined` if there is no such file.
   * @throws {CliError} If it may not be read, or the server does not answer as the hub does.
   */
  async describe(model: ModelId, name: string): Promise<HubFile | undefined> {
    const question = this.#question(model, name);
    try {
      return await persistently(async () => {
        const { chain } = await this.#request(this.#fileUrl(model, name), question, {
          method: "HEAD",
          enough: (responses) => told(responses, "x-linked-etag") !== undefined,
        });
        return this.#fileOf(name, chain);
      }, this.#persistence(2));
    } catch (error) {
      if (error instanceof NoSuchFile) return undefined;
      throw error;
    }
  }

  /** Begin to receive a file at a commit, from a byte on. One attempt; throws {@link Transient} for what may pass. */
  async receive(model: ModelId, { name, commit }: HubFile, from: number): Promise<Incoming> {
    const question = this.#question({ id: model.id, revision: commit }, name);
    const url = this.#fileUrl({ id: model.id, revision: commit }, name);
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    const { response, watch } = await this.#request(url, question, { headers });
    return { start: startOf(response, from), chunks: this.#chunks(response, watch, url) };
  }

  /** How long to go on after failures with a download that has come so far. */
  persistence(progress: () => number): Persistence {
    return { ...this.#persistence(5), progress };
  }

  #persistence(retries: number): Persistence {
    return { signal: this.#signal, pause: this.#pause, retries };
  }

  #question({ id, revision }: ModelId, file?: string): Question {
    const { endpoint, token } = this.#settings;
    return { id, revision, file, endpoint, hasToken: token !== undefined };
  }

  #fileUrl({ id, revision }: ModelId, name: string): string {
    const path = name.split("/").map(encodeURIComponent).join("/");
    return `${this.#settings.endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${path}`;
  }

  /** Ask, and follow where the answer leads. */
  async #request(
    start: string,
    question: Question,
    { method = "GET", headers = {}, enough = () => false }: RequestOptions,
  ): Promise<{ response: Response; chain: Response[]; watch: Watch }> {
    const chain: Response[] = [];
    let url = new URL(start);
    while (chain.length <= MOST_REDIRECTS) {
      const watch = new Watch(this.#signal);
      const response = await this.#fetch(url, { method, headers: this.#headers(url, headers) }, watch);
      chain.push(response);
      const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
      const arrived = location === null || enough(chain);
      if (arrived && response.status < 400) return { response, chain, watch };
      watch.end(); // nobody will read this answer
      if (location === null) throw outcome(response, question);
      url = redirected(location, url, question);
    }
    throw new CliError(`Cannot download ${question.id}: ${hostOf(start)} redirects without an end`);
  }

  async #fetch(url: URL, request: RequestInit, watch: Watch): Promise<Response> {
    try {
      watch.expect(this.#settings.answerTimeout);
      return await fetch(url, { ...request, redirect: "manual", signal: watch.signal });
    } catch (error) {
      throw this.#lost(url.href, error);
    } finally {
      watch.rest();
    }
  }

  /** No compression: sizes and ranges are those of the file. */
  #headers(url: URL, extra: Readonly<Record<string, string>>): Record<string, string> {
    const { endpoint, token } = this.#settings;
    const headers = { "user-agent": this.#userAgent, "accept-encoding": "identity", ...extra };
    const own = token !== undefined && url.origin === new URL(endpoint).origin;
    return own ? { ...headers, authorization: `Bearer ${token}` } : headers;
  }

  async *#chunks(response: Response, watch: Watch, url: string): AsyncGenerator<Uint8Array> {
    const reader = (response.body ?? new Blob([]).stream()).getReader();
    try {
      for (;;) {
        watch.expect(this.#settings.stallTimeout);
        const { done, value } = await reader.read();
        watch.rest();
        if (done) return;
        yield value;
      }
    } catch (error) {
      throw error instanceof CliError ? error : this.#lost(url, error);
    } finally {
      watch.end();
      await reader.cancel().catch(() => {}); // it is over either way
    }
  }

  #lost(url: string, error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    const failure = new HubUnreachable(`Cannot reach ${hostOf(url)}: ${networkReason(error)}`, {
      cause: error,
    });
    return isHopeless(error) ? failure : new Transient(failure);
  }

  #fileOf(name: string, chain: readonly Response[]): HubFile {
    const last = chain.at(-1)!;
    const commit = told(chain, "x-repo-commit");
    const etag = (told(chain, "x-linked-etag") ?? last.headers.get("etag"))
      ?.replace(/^W\//, "")
      .replaceAll('"', "");
    const length = told(chain, "x-linked-size") ?? (last.ok ? last.headers.get("content-length") : undefined);
    if (commit === undefined || !COMMIT.test(commit) || etag === undefined || !/^[\w-]{1,128}$/.test(etag)) {
      const what = "its answer lacks X-Repo-Commit or ETag";
      throw new CliError(
        `Cannot download ${name}: ${this.#settings.endpoint} does not answer as the hub does (${what})`,
      );
    }
    const size = /^\d{1,15}$/.test(length ?? "") ? Number(length) : undefined;
    return { name, commit, etag, size };
  }
}

/**
 * Whether the name of a file from the hub may become a path below a folder, on any system.
 */
export function isSafePath(name: string): boolean {
  const parts = name.split("/");
  return parts.every((part) => part !== "" && part !== "." && part !== ".." && !/[\\:\p{Cc}]/u.test(part));
}

// --- internal ---

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 10;

interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the answers so far, redirects, say all that is asked. */
  readonly enough?: (chain: readonly Response[]) => boolean;
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) pieces.push(chunk);
  return Buffer.concat(pieces).toString();
}

function listingOf(text: string): HubListing | undefined {
  let info: { sha?: unknown; siblings?: unknown };
  try {
    info = JSON.parse(text) as typeof info;
  } catch {
    return undefined; // no hub
  }
  const { sha, siblings } = info ?? {};
  if (typeof sha !== "string" || !COMMIT.test(sha) || !Array.isArray(siblings)) return undefined;
  const names = siblings.map((each: { rfilename?: unknown } | null) => each?.rfilename);
  return {
    commit: sha,
    files: names.filter((name) => typeof name === "string" && isSafePath(name)) as string[],
  };
}

/** A header of the first answer that has it. */
function told(chain: readonly Response[], header: string): string | undefined {
  return chain.map(({ headers }) => headers.get(header)).find((value) => value !== null) ?? undefined;
}

function redirected(location: string, from: URL, question: Question): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new CliError(`Cannot download ${question.id}: ${from.host} redirects to what is no address`);
}

function startOf({ status, headers }: Response, from: number): number {
  if (status !== 206) return 0;
  const start = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
  return start === undefined ? from : Number(start);
}
