import process from "node:process";
import { CliError, UsageError } from "../failure.ts";
import { hostOf, isHopeless, networkReason } from "../hub/network_failure.ts";
import { type Pause, persistently, Transient, wait } from "../hub/persistence.ts";
import { Watch } from "../hub/watch.ts";
import { version } from "../version.ts";

/** A wheel that the index has. */
export interface Wheel {
  readonly name: string;
  readonly url: string;
  /** In hexadecimal. */
  readonly sha256: string;
  /** Bytes, if the index tells. */
  readonly size: number | undefined;
}

/** Which index is asked, and how patiently. */
export interface IndexSettings {
  /** Its address, without a slash at its end; below it, each project has a page. */
  readonly url: string;
  /** Milliseconds without an answer, or without a byte, after which it is asked again. */
  readonly timeout: number;
}

/**
 * Read the settings from the environment: `KCBERT_PLUGIN_INDEX`, or what pip takes, `PIP_INDEX_URL` and
 * `PIP_DEFAULT_TIMEOUT` (seconds).
 *
 * @throws {UsageError} If the index is no address.
 */
export function indexSettings(environment: Environment = process.env): IndexSettings {
  const name = environment["KCBERT_PLUGIN_INDEX"] ? "KCBERT_PLUGIN_INDEX" : "PIP_INDEX_URL";
  const given = environment[name]?.trim() || DEFAULT_INDEX;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`Cannot use ${name} ${given}: it takes an address such as ${DEFAULT_INDEX}`);
  }
  const seconds = Number(environment["PIP_DEFAULT_TIMEOUT"]);
  return { url: url.href.replace(/\/+$/, ""), timeout: (seconds > 0 ? seconds : 30) * 1000 };
}

/** Asks a Python package index by its Simple API, as JSON (PEP 691) or, of older servers, as HTML (PEP 503). */
export class PackageIndex {
  readonly #settings: IndexSettings;
  readonly #signal: AbortSignal;
  readonly #pause: Pause;

  constructor(settings: IndexSettings, { signal, pause = wait }: { signal: AbortSignal; pause?: Pause }) {
    this.#settings = settings;
    this.#signal = signal;
    this.#pause = pause;
  }

  /**
   * The wheels of a project.
   *
   * @throws {CliError} If the index does not have it, or cannot be reached.
   */
  async wheels(project: string): Promise<Wheel[]> {
    const address = `${this.#settings.url}/${project}/`;
    return this.#persistently(async () => {
      const { response, watch } = await this.#request(address, { accept: ACCEPT }, project);
      const pieces: Uint8Array[] = [];
      for await (const chunk of this.#chunks(response, watch)) pieces.push(chunk);
      const text = Buffer.concat(pieces).toString();
      const base = response.url || address;
      const json = /json/.test(response.headers.get("content-type") ?? "");
      return json ? fromJson(text, base, project) : fromHtml(text, base);
    });
  }

  /**
   * Receive a wheel from a byte on; what may pass is tried again by the caller.
   *
   * @returns Where the bytes begin (0 if the server knows no ranges), and the bytes.
   */
  async receive(wheel: Wheel, from: number): Promise<{ start: number; chunks: AsyncIterable<Uint8Array> }> {
    const headers = from > 0 ? { range: `bytes=${from}-` } : {};
    const { response, watch } = await this.#request(wheel.url, headers, wheel.name);
    return { start: response.status === 206 ? from : 0, chunks: this.#chunks(response, watch) };
  }

  // --- internal ---

  #persistently<T>(attempt: () => Promise<T>): Promise<T> {
    return persistently(attempt, { signal: this.#signal, pause: this.#pause, retries: 2 });
  }

  async #request(url: string, headers: Record<string, string>, what: string) {
    const watch = new Watch(this.#signal);
    try {
      watch.expect(this.#settings.timeout);
      const { address, authorization } = credentials(url, this.#settings.url);
      const response = await fetch(address, {
        headers: {
          "user-agent": `kcbert-cli/${version()}`,
          "accept-encoding": "identity",
          ...(authorization !== undefined && { authorization }),
          ...headers,
        },
        signal: watch.signal,
      });
      watch.rest();
      if (response.ok) return { response, watch };
      watch.end();
      throw refusal(response.status, url, what);
    } catch (error) {
      watch.rest();
      throw this.#lost(url, error);
    }
  }

  async *#chunks(response: Response, watch: Watch): AsyncGenerator<Uint8Array> {
    const reader = (response.body ?? new Blob([]).stream()).getReader();
    try {
      for (;;) {
        watch.expect(this.#settings.timeout);
        const { done, value } = await reader.read();
        watch.rest();
        if (done) return;
        yield value;
      }
    } catch (error) {
      throw this.#lost(response.url, error);
    } finally {
      watch.end();
      await reader.cancel().catch(() => {}); // it is over either way
    }
  }

  #lost(url: string, error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    if (error instanceof CliError || error instanceof Transient) return error;
    const failure = new CliError(
      `Cannot reach ${hostOf(url)}: ${networkReason(error)}; a wheel that is there already is installed with --wheel`,
      { cause: error },
    );
    return isHopeless(error) ? failure : new Transient(failure);
  }
}

// --- internal ---

type Environment = Readonly<Record<string, string | undefined>>;

/** The public index; `KCBERT_PLUGIN_INDEX` or `PIP_INDEX_URL` name another. */
const DEFAULT_INDEX = "https://pypi.org/simple";

const ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";

/** Name and password in an index's address go along as a header, to that index alone. */
function credentials(url: string, index: string): { address: string; authorization?: string } {
  const { username, password, origin } = new URL(index);
  const address = new URL(url);
  const own = address.origin === origin;
  address.username = address.password = "";
  if (!own || username === "") return { address: address.href };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { address: address.href, authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

function refusal(status: number, url: string, what: string): Error {
  if (status === 404)
    return new CliError(`Cannot find ${what} in the index ${hostOf(url)}: it has no such thing`);
  const failure = new CliError(`Cannot download ${what}: ${hostOf(url)} answers with status ${status}`);
  return status >= 500 || status === 408 || status === 429 ? new Transient(failure) : failure;
}

function fromJson(text: string, base: string, project: string): Wheel[] {
  let files: unknown;
  try {
    files = (JSON.parse(text) as { files?: unknown }).files;
  } catch {
    // told below
  }
  if (!Array.isArray(files)) {
    throw new CliError(
      `Cannot read what the index says of ${project}: it does not answer as a package index does`,
    );
  }
  return (files as IndexFile[]).flatMap(({ filename, url, hashes, size, yanked }) =>
    yanked ? [] : wheelOf(filename, url, hashes?.["sha256"], size, base),
  );
}

/** The links of a page; the hash is their fragment. */
function fromHtml(text: string, base: string): Wheel[] {
  return [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)].flatMap(([, attributes = "", name = ""]) => {
    const href = /href\s*=\s*["']([^"']*)["']/i.exec(attributes)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const [url, sha256] = href.split("#sha256=");
    return /data-yanked/i.test(attributes) ? [] : wheelOf(name.trim(), url, sha256, undefined, base);
  });
}

interface IndexFile {
  readonly filename?: string;
  readonly url?: string;
  readonly hashes?: Readonly<Record<string, string>>;
  readonly size?: number;
  readonly yanked?: boolean | string;
}

/** What is no wheel, or has no hash, is left out: nothing is installed unchecked. */
function wheelOf(
  name: string | undefined,
  url: string | undefined,
  sha256: string | undefined,
  size: number | undefined,
  base: string,
): Wheel[] {
  if (name === undefined || url === undefined || !/^[\w.+-]+\.whl$/.test(name)) return [];
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256) || !URL.canParse(url, base)) return [];
  return [{ name, url: new URL(url, base).href, sha256, size }];
}
