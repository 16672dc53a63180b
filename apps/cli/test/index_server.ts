import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";

/** A wheel that the index offers. */
export interface OfferedWheel {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the index says its hash is; the right one by default. */
  readonly sha256?: string;
  readonly yanked?: boolean;
}

/** A Python package index on this machine, by its Simple API. */
export class TestIndex {
  readonly projects = new Map<string, readonly OfferedWheel[]>();
  /** Requests that came. */
  readonly seen: { path: string; headers: IncomingHttpHeaders }[] = [];
  /** Whether it answers in JSON, as indexes do today, or in HTML only. */
  json = true;
  /** After how many bytes of a file the connection is cut, once. */
  cutAfter: number | undefined;
  /** A status for all answers. */
  status: number | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = new URL(request.url!, "http://index").pathname;
      this.seen.push({ path, headers: request.headers });
      if (this.status !== undefined) return response.writeHead(this.status).end();
      const [, kind, name = ""] = path.split("/");
      if (kind === "simple" && this.projects.has(name)) {
        const type = this.json ? "application/vnd.pypi.simple.v1+json" : "text/html";
        const page = this.json ? this.#json(name) : this.#html(name);
        return response.writeHead(200, { "content-type": type }).end(page);
      }
      const wheel = [...this.projects.values()].flat().find((each) => each.name === name);
      if (kind !== "files" || wheel === undefined) return response.writeHead(404).end();
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const rest = wheel.bytes.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length });
      if (this.cutAfter === undefined) return response.end(rest);
      response.write(rest.subarray(0, this.cutAfter), () => setTimeout(() => response.destroy(), 50));
      this.cutAfter = undefined;
      return undefined;
    });
  }

  static async start(): Promise<TestIndex> {
    const index = new TestIndex();
    index.#server.listen(0, "127.0.0.1");
    await once(index.#server, "listening");
    return index;
  }

  /** Its address, for `KCBERT_PLUGIN_INDEX`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/simple/`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #json(project: string): string {
    const files = this.projects
      .get(project)!
      .map(({ name, bytes, sha256 = hashOf(bytes), yanked = false }) => ({
        filename: name,
        url: `../../files/${name}`,
        hashes: { sha256 },
        size: bytes.length,
        yanked,
      }));
    return JSON.stringify({ meta: { "api-version": "1.1" }, name: project, files });
  }

  #html(project: string): string {
    const links = this.projects
      .get(project)!
      .map(
        ({ name, bytes, sha256 = hashOf(bytes), yanked = false }) =>
          `<a href="../../files/${name}#sha256=${sha256}"${yanked ? ' data-yanked=""' : ""}>${name}</a><br/>`,
      );
    return `<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`;
  }
}

/** A zip archive of files that are stored as they are, as far as a wheel needs one. */
export function zip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [path, bytes] of Object.entries(files)) {
    const name = Buffer.from(path);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0); // version needed
    facts.writeUInt32LE(crc32(bytes), 10);
    facts.writeUInt32LE(bytes.length, 14);
    facts.writeUInt32LE(bytes.length, 18);
    facts.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from("PK\x03\x04"), facts, name, Buffer.from(bytes));
    const more = Buffer.alloc(14);
    more.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), facts, more, name);
    offset += 30 + name.length + bytes.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(files).length, 4);
  end.writeUInt16LE(Object.keys(files).length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, central, Buffer.from("PK\x05\x06"), end]);
}

/** The sha256 in hexadecimal. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
