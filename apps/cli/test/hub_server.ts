import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A model on the server. */
export interface HubModel {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** The only token that may read it. */
  readonly token?: string;
  /** Whether its authors must grant access first. */
  readonly gated?: boolean;
}

/** What goes wrong with an answer. */
export interface Fault {
  /** Answer with this status. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Cut the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Send this body, with its own length. */
  readonly body?: Uint8Array | string;
  /** Send the whole file although a part was asked for. */
  readonly noRange?: boolean;
  /** Send so many bytes, then nothing any more, with the connection open. */
  readonly stallAfter?: number;
  /** Milliseconds between pieces of 4 KiB. */
  readonly slow?: number;
}

/** A request that came. */
export interface SeenRequest {
  readonly server: "hub" | "cdn";
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

/** The commit of every model here. */
export const COMMIT = "0f2f3f8c1d2e4a5b60718293a4b5c6d7e8f90123";

/** A server on this machine that answers as the Hugging Face hub does, with a second one for large files. */
export class TestHub {
  readonly models = new Map<string, HubModel>();
  readonly seen: SeenRequest[] = [];
  /** Decides for each request what goes wrong with it. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer("hub", request, response));
    this.#cdn = createServer((request, response) => this.#answer("cdn", request, response));
  }

  static async start(): Promise<TestHub> {
    const hub = new TestHub();
    for (const server of [hub.#hub, hub.#cdn]) {
      await new Promise<void>((resolve) => {
        server.listen(0, "127.0.0.1", resolve);
      });
    }
    return hub;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  /** Requests that ask for a file's bytes. */
  gets(name: string): SeenRequest[] {
    return this.seen.filter(
      ({ method, url, server }) => method === "GET" && server === "cdn" && url.includes(name),
    );
  }

  /** Forget models, faults and requests. */
  reset(): void {
    this.models.clear();
    this.seen.length = 0;
    this.fault = () => undefined;
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
  }

  #answer(server: "hub" | "cdn", message: IncomingMessage, response: ServerResponse): void {
    const request = { server, method: message.method!, url: message.url!, headers: message.headers };
    this.seen.push(request);
    const fault = this.fault(request) ?? {};
    if (fault.status !== undefined)
      return void response.writeHead(fault.status, fault.headers).end(fault.body ?? "");
    if (server === "cdn") return this.#sendLarge(request, response, fault);
    const [, id, revision] = /^\/api\/models\/(.+?)\/(?:revision|tree)\/([^/?]+)/.exec(request.url) ?? [];
    if (id !== undefined) return this.#describe(request, response, id, decodeURIComponent(revision!));
    const [, cached, commit, file] =
      /^\/api\/resolve-cache\/models\/(.+)\/([0-9a-f]{40})\/(.+)$/.exec(request.url) ?? [];
    if (cached !== undefined)
      return this.#sendSmall(request, response, fault, this.#content(cached, file!)!, commit!);
    const [, model, at, name] = /^\/(.+)\/resolve\/([^/]+)\/(.+)$/.exec(request.url) ?? [];
    if (model === undefined) return refuse(response, 404, "");
    this.#resolve(request, response, model, decodeURIComponent(at!), decodeURIComponent(name!));
  }

  /** The list of files, as `/api/models/…/revision/…` and `/tree/…` give it. */
  #describe(request: SeenRequest, response: ServerResponse, id: string, revision: string): void {
    if (!this.#allowed(request, response, id, revision)) return;
    const names = Object.keys(this.models.get(id)!.files);
    const tree = names.map((path) => {
      const bytes = this.#content(id, path)!;
      const lfs = isLarge(path) ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } } : {};
      return { type: "file", path, oid: gitSha1(bytes), size: bytes.length, ...lfs };
    });
    const info = {
      id,
      modelId: id,
      sha: COMMIT,
      private: false,
      gated: false,
      siblings: names.map((rfilename) => ({ rfilename })),
    };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(request.url.includes("/tree/") ? tree : info));
  }

  /** `/{id}/resolve/{revision}/{name}`: a redirect with what there is to know in its headers. */
  #resolve(request: SeenRequest, response: ServerResponse, id: string, revision: string, name: string): void {
    if (!this.#allowed(request, response, id, revision)) return;
    const bytes = this.#content(id, name);
    if (bytes === undefined) return refuse(response, 404, "EntryNotFound", { "x-repo-commit": COMMIT });
    if (!isLarge(name)) {
      const location = `/api/resolve-cache/models/${id}/${COMMIT}/${name}`;
      return void response.writeHead(307, { location, "x-repo-commit": COMMIT }).end();
    }
    const port = (this.#cdn.address() as AddressInfo).port;
    response.writeHead(302, {
      location: `http://127.0.0.1:${port}/${id}/${name}?signature=secret`,
      "x-repo-commit": COMMIT,
      "x-linked-etag": `"${sha256(bytes)}"`,
      "x-linked-size": String(bytes.length),
    });
    response.end();
  }

  #sendSmall(
    request: SeenRequest,
    response: ServerResponse,
    fault: Fault,
    bytes: Uint8Array,
    commit: string,
  ): void {
    const headers = { etag: `"${gitSha1(bytes)}"`, "x-repo-commit": commit };
    if (request.method !== "HEAD") return send(request, response, bytes, fault, headers);
    response.writeHead(200, { ...headers, "content-length": bytes.length }).end();
  }

  #sendLarge(request: SeenRequest, response: ServerResponse, fault: Fault): void {
    const [, id, name] = /^\/(.+)\/([^/]+)\?/.exec(request.url)!;
    send(request, response, this.#content(id!, name!)!, fault, { etag: '"of the cdn"' });
  }

  #content(id: string, name: string): Uint8Array | undefined {
    const content = this.models.get(id)?.files[name];
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
  }

  /** Whether the model, at the revision, may be seen; the answer is sent if not. */
  #allowed(request: SeenRequest, response: ServerResponse, id: string, revision: string): boolean {
    const model = this.models.get(id);
    const given = request.headers.authorization;
    if (given !== undefined && !/^Bearer hf_\w+$/.test(given)) {
      refuse(response, 401, "", { "x-error-message": "Invalid credentials in Authorization header" });
    } else if (model === undefined || (model.token !== undefined && given !== `Bearer ${model.token}`)) {
      refuse(response, given === undefined ? 401 : 404, "RepoNotFound", {
        "x-error-message": "Repository not found",
      });
    } else if (model.gated === true) {
      refuse(response, given === undefined ? 401 : 403, "GatedRepo", {
        "x-error-message": `Access to model ${id} is restricted.`,
      });
    } else if (revision !== "main" && revision !== "refs/pr/1" && revision !== COMMIT) {
      refuse(response, 404, "RevisionNotFound", { "x-error-message": `Invalid rev id: ${revision}` });
    } else {
      return true;
    }
    return false;
  }
}

/** Git's name for a file's content. */
export function gitSha1(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** The sha256 of a file's content. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

// --- internal ---

const PIECE = 4096;

/** What git-lfs keeps. */
function isLarge(name: string): boolean {
  return /\.(?:safetensors|bin)$/.test(name);
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { ...headers, ...(code === "" ? {} : { "x-error-code": code }) }).end();
}

function send(
  { headers: asked }: SeenRequest,
  response: ServerResponse,
  file: Uint8Array,
  fault: Fault,
  headers: Record<string, string>,
): void {
  const content =
    typeof fault.body === "string" ? new TextEncoder().encode(fault.body) : (fault.body ?? file);
  const from = fault.noRange === true ? undefined : /^bytes=(\d+)-$/.exec(asked.range ?? "")?.[1];
  const start = Number(from ?? 0);
  if (start > 0 && start >= content.length) return void response.writeHead(416).end();
  const body = content.subarray(start);
  const range = { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` };
  response.writeHead(from === undefined ? 200 : 206, {
    ...headers,
    "content-length": body.length,
    ...(from === undefined ? {} : range),
  });
  void drip(response, body, fault);
}

async function drip(response: ServerResponse, body: Uint8Array, fault: Fault): Promise<void> {
  const { cutAfter = Infinity, stallAfter = Infinity, slow = 0 } = fault;
  const end = Math.min(body.length, cutAfter, stallAfter);
  const step = slow === 0 ? body.length : PIECE;
  for (let at = 0; at < end && !response.destroyed; at += step) {
    response.write(body.subarray(at, Math.min(end, at + step)));
    await new Promise((resolve) => {
      setTimeout(resolve, slow);
    });
  }
  if (cutAfter < body.length) await new Promise((resolve) => void setTimeout(resolve, 20)); // what was written goes out
  if (cutAfter < body.length) response.destroy();
  else if (stallAfter >= body.length) response.end();
}
