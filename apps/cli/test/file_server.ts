import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What goes wrong with an answer. */
export interface FileFault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Cut the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Send the whole file although a part was asked for. */
  readonly noRange?: boolean;
  /** Send so many bytes, then nothing any more. */
  readonly stallAfter?: number;
}

/** A web server on this machine that knows ranges, entity tags and redirects, as GitHub's and its storage do. */
export class FileServer {
  /** Contents by path. */
  readonly files = new Map<string, Uint8Array>();
  /** Where a path redirects to. */
  readonly redirects = new Map<string, string>();
  /** Paths that were asked for, with the range. */
  readonly seen: { readonly path: string; readonly range: string | undefined; readonly status: number }[] =
    [];
  fault: (path: string, attempt: number) => FileFault | undefined = () => undefined;
  readonly #attempts = new Map<string, number>();
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));

  static async start(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((resolve) => {
      server.#server.listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  reset(): void {
    this.files.clear();
    this.redirects.clear();
    this.seen.length = 0;
    this.#attempts.clear();
    this.fault = () => undefined;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(request.url!);
    const { range } = request.headers;
    const attempt = (this.#attempts.get(path) ?? 0) + 1;
    this.#attempts.set(path, attempt);
    const fault = this.fault(path, attempt) ?? {};
    const finish = (status: number, headers: Record<string, string | number>, body?: Uint8Array) => {
      this.seen.push({ path, range, status });
      response.writeHead(status, { ...headers, ...fault.headers });
      if (fault.stallAfter !== undefined) response.write(body?.subarray(0, fault.stallAfter));
      else if (fault.cutAfter === undefined) response.end(body);
      else response.write(body?.subarray(0, fault.cutAfter), () => response.destroy());
    };
    if (fault.status !== undefined) return finish(fault.status, {});
    const location = this.redirects.get(path);
    if (location !== undefined) return finish(302, { location });
    const content = this.files.get(path);
    if (content === undefined) return finish(404, {});
    const etag = `"${createHash("md5").update(content).digest("hex")}"`;
    const sameFile = request.headers["if-range"] === undefined || request.headers["if-range"] === etag;
    const [, start] = /^bytes=(\d+)-$/.exec(range ?? "") ?? [];
    if (start === undefined || fault.noRange === true || !sameFile) {
      return finish(200, { etag, "content-length": content.length }, content);
    }
    const from = Number(start);
    if (from >= content.length) return finish(416, { etag, "content-range": `bytes */${content.length}` });
    const rest = content.subarray(from);
    const extent = `bytes ${from}-${content.length - 1}/${content.length}`;
    finish(206, { etag, "content-length": rest.length, "content-range": extent }, rest);
  }
}
