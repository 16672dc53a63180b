import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** How many ports are tried when none was named. */
const tries = 20;

/**
 * Listen on `port`, or, unless it must be that one, on the next free port.
 *
 * @returns The address, as in `http://127.0.0.1:8787/`.
 * @throws {RangeError} With one sentence, if that cannot be.
 */
export async function listen(server: Server, host: string, port: number, mustBe: boolean): Promise<string> {
  const last = mustBe || port === 0 ? port : Math.min(port + tries - 1, 65_535);
  for (let candidate = port; candidate <= last; candidate++) {
    const error = await tryPort(server, host, candidate);
    if (error === undefined) return addressOf(server);
    if (error.code !== "EADDRINUSE") throw new RangeError(explain(error, host, candidate));
  }
  const which = last === port ? `port ${port} is in use` : `ports ${port} to ${last} are in use`;
  throw new RangeError(`Cannot listen on ${host} as ${which}: name a free one with --port`);
}

// --- internal ---

function tryPort(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off("listening", onListening);
      resolve(error);
    };
    const onListening = (): void => {
      server.off("error", onError);
      resolve(undefined);
    };
    server.once("error", onError).once("listening", onListening).listen(port, host);
  });
}

function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}/`;
}

function explain({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === "EACCES")
    return `Cannot listen on ${host}:${port} as that needs more rights: name a port above 1023`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return `Cannot listen on ${host} as it is no address of this machine: name one with --host`;
  }
  return `Cannot listen on ${host}:${port}: ${message}`;
}
