/** The server inside this browser: a worker that runs the same app. */
export interface LocalServer {
  /** Ask it as one asks the server. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<LocalAnswer>;
  /** End it; what was asked is not answered any more. */
  stop(): void;
}

/** An answer of it. */
interface LocalAnswer {
  readonly status: number;
  readonly json: unknown;
}

/** A model of the server. */
export interface LocalModel {
  /** Its name. */
  readonly id: string;
  /** The name of the one that has the same weights, to be fetched and kept once; null if it has its own. */
  readonly shares_weights_with: string | null;
}

/** What the worker is told: first which models there are, then what is asked. */
export type LocalMessage =
  | { readonly models: readonly LocalModel[]; readonly key: string }
  | { readonly number: number; readonly path: string; readonly body: string }
  | { readonly leave: number };

/** Start it. @param models The server's models. @param key The key that the server asks for, or nothing. */
export function startLocalServer(models: readonly LocalModel[], key: string): LocalServer {
  const worker = new Worker(scriptUrl("/page/local_server.js") as string, { type: "module" });
  const waiting = new Map<number, (answer: LocalAnswer) => void>();
  let number = 0;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
  const send = (message: LocalMessage): void => worker.postMessage(message);
  worker.addEventListener("message", ({ data }: MessageEvent<LocalAnswer & { number: number }>) => {
    waiting.get(data.number)?.(data);
    waiting.delete(data.number);
  });
  worker.addEventListener("error", ({ message }) => {
    const error = `This browser cannot run the models: ${message || "its worker did not start"}`;
    for (const answer of waiting.values()) answer({ status: 500, json: { error } });
    waiting.clear();
  });
  send({ models: models.map(({ id, shares_weights_with }) => ({ id, shares_weights_with })), key });
  return {
    post(path, body, signal) {
      const mine = ++number;
      return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => {
          waiting.delete(mine);
          send({ leave: mine });
          reject(signal.reason as Error);
        });
        waiting.set(mine, resolve);
        send({ number: mine, path, body: JSON.stringify(body) });
      });
    },
    stop: () => worker.terminate(),
  };
}

// --- internal ---

interface TrustedTypes {
  createPolicy(name: string, rules: object): { createScriptURL(url: string): unknown };
}

/** An address that the page trusts, where the browser wants that said. */
function scriptUrl(path: string): unknown {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  policy ??= trustedTypes?.createPolicy("kcbert-page", { createScriptURL: (url: string) => url });
  return policy?.createScriptURL(path) ?? path;
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;
