import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { CliError, UsageError } from "../failure.ts";

/** Where the hub is, where its files are kept, and who asks. */
export interface HubSettings {
  /** The hub's address, without a slash at its end. */
  readonly endpoint: string;
  /** The folder of the cache that all programs share. */
  readonly cache: string;
  /** The access token, if there is one; it is sent to `endpoint` alone. */
  readonly token: string | undefined;
  /** Whether only the cache may be used. */
  readonly offline: boolean;
  /** Milliseconds without an answer to a question, after which it is asked again. */
  readonly answerTimeout: number;
  /** Milliseconds without a byte of a file, after which it is asked for again. */
  readonly stallTimeout: number;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Read the settings from the environment, by the names that `huggingface_hub` gave them: `HF_ENDPOINT`, `HF_TOKEN`,
 * `HF_TOKEN_PATH`, `HF_HOME`, `HF_HUB_CACHE`, `XDG_CACHE_HOME`, `HF_HUB_OFFLINE`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`,
 * `HF_HUB_ETAG_TIMEOUT` and `HF_HUB_DOWNLOAD_TIMEOUT` (both in seconds).
 *
 * @throws {UsageError} If the endpoint is no address.
 * @throws {CliError} If the token cannot be sent.
 */
export function hubSettings(environment: Environment = process.env): HubSettings {
  return {
    endpoint: endpointOf(environment),
    cache: hubCacheFolder(environment),
    token: tokenOf(environment),
    offline: isTrue(environment.HF_HUB_OFFLINE) || isTrue(environment.TRANSFORMERS_OFFLINE),
    answerTimeout: seconds(environment.HF_HUB_ETAG_TIMEOUT, 10),
    stallTimeout: seconds(environment.HF_HUB_DOWNLOAD_TIMEOUT, 30),
  };
}

/** The folder of the cache: `HF_HUB_CACHE`, or `hub` in `HF_HOME`, or in `~/.cache/huggingface`. */
export function hubCacheFolder(environment: Environment = process.env): string {
  const given = environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE;
  return given ? fromHome(given, environment) : join(home(environment), "hub");
}

// --- internal ---

function home(environment: Environment): string {
  if (environment.HF_HOME) return fromHome(environment.HF_HOME, environment);
  const caches = environment.XDG_CACHE_HOME
    ? fromHome(environment.XDG_CACHE_HOME, environment)
    : join(userHome(environment), ".cache");
  return join(caches, "huggingface");
}

/** A path in which `~` and `$NAME` stand for what they do in a shell. */
function fromHome(path: string, environment: Environment): string {
  const expanded = path.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, bare: string | undefined) =>
      environment[braced ?? bare ?? ""] ?? whole,
  );
  return expanded.replace(/^~(?=\/|\\|$)/, () => userHome(environment));
}

function userHome(environment: Environment): string {
  return environment.HOME || homedir();
}

function endpointOf(environment: Environment): string {
  const given = environment.HF_ENDPOINT?.trim() || "https://huggingface.co";
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "") {
    return url.href.replace(/\/+$/, "");
  }
  throw new UsageError(`Cannot use HF_ENDPOINT ${given}: it takes an address such as https://huggingface.co`);
}

function tokenOf(environment: Environment): string | undefined {
  if (isTrue(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const fromEnvironment = environment.HF_TOKEN || environment.HUGGING_FACE_HUB_TOKEN;
  const token = (fromEnvironment ?? readToken(environment)).trim();
  if (token === "") return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const place = fromEnvironment === undefined ? tokenPath(environment) : "HF_TOKEN";
  throw new CliError(
    `Cannot use the token of ${place}: it has spaces or characters that a token cannot have`,
  );
}

function tokenPath(environment: Environment): string {
  const given = environment.HF_TOKEN_PATH;
  return given ? fromHome(given, environment) : join(home(environment), "token");
}

/** The token that `hf auth login` left, or nothing. */
function readToken(environment: Environment): string {
  try {
    return readFileSync(tokenPath(environment), "utf8");
  } catch {
    return "";
  }
}

function isTrue(value: string | undefined): boolean {
  return /^(?:1|on|yes|true)$/i.test(value ?? "");
}

function seconds(value: string | undefined, preset: number): number {
  const number = Number(value);
  return (number > 0 ? number : preset) * 1000;
}
