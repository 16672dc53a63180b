import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface NodeArguments {
  readonly help: boolean;
  readonly host: string;
  readonly port: number;
  /** Whether the port was named; only then must it be that one. */
  readonly isPortGiven: boolean;
  /** Model folders by the name they are served under. */
  readonly models: ReadonlyMap<string, string>;
  /** The run folder that the page follows. */
  readonly training: string | undefined;
  readonly verbose: boolean;
}

/** What `--help` prints. */
export const usage: string = `Serve KcBERT models over HTTP, with a page to type a comment in.

  node.ts [--model [NAME=]DIR]… [--training DIR] [--port 8787] [--host 127.0.0.1] [--verbose]

  --model [NAME=]DIR  serve the model of a folder in Hugging Face's layout, at /models/NAME
                      (the folder's own name by default); may be given several times
  --training DIR      show the run that kcbert-cli pretrain writes there, and serve what it makes;
                      the folder need not exist yet
  --port N            listen there; 0 takes any free port. By default 8787, or the next free port
  --host ADDRESS      listen there; 0.0.0.0 lets other machines in
  --verbose           log each request, without its text

The first line on stdout is the address. Ctrl-C finishes the requests at work and ends.
`;

/**
 * Read the command line.
 *
 * @throws {RangeError} With one sentence, if it cannot be read.
 */
export function parseNodeArguments(args: readonly string[]): NodeArguments {
  const values = parse(args);
  const training = values.training === undefined ? undefined : resolve(values.training);
  const models = new Map((values.model ?? []).map(parseModel));
  if (training !== undefined && ![...models.values()].includes(training))
    models.set(basename(training), training);
  return {
    help: values.help,
    host: values.host,
    port: parsePort(values.port ?? "8787"),
    isPortGiven: values.port !== undefined,
    models,
    training,
    verbose: values.verbose,
  };
}

// --- internal ---

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        host: { type: "string", default: "127.0.0.1" },
        model: { type: "string", multiple: true },
        port: { type: "string" },
        training: { type: "string" },
        verbose: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new RangeError(`Cannot read the command line: ${(error as Error).message.split(". ")[0]}`);
  }
}

function parseModel(value: string): [string, string] {
  const [, name, folder = value] = /^([\w./-]+)=(.+)$/.exec(value) ?? [];
  if (folder.trim() === "") throw new RangeError("Cannot read --model as it must name a folder: it is empty");
  return [name ?? basename(resolve(folder)), resolve(folder)];
}

function parsePort(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port;
  throw new RangeError(`Cannot read --port as it must be a whole number from 0 to 65535: it is "${value}"`);
}
