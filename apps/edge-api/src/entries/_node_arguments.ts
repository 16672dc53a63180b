import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";

/** What the command line and the environment ask for. */
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
  /** The keys of those who may ask; none for everybody. */
  readonly keys: readonly string[];
  /** Requests of one client a minute. */
  readonly requestsPerMinute: number;
  /** Bytes of weights in memory. */
  readonly modelBytes: number;
  /** How many processes serve; more than one have models of their own each. */
  readonly workers: number;
  /** Whether the page may fetch the models' files. */
  readonly shareModels: boolean;
  readonly verbose: boolean;
  /** Whether the log gets the bodies of requests. */
  readonly logBodies: boolean;
}

/** What `--help` prints. */
export const usage: string = `Serve KcBERT models over HTTP, with a page to type a comment in.

  node.ts [--model [NAME=]DIR]… [--training DIR] [--port 8787] [--host 127.0.0.1] [options]

  --model [NAME=]DIR  serve the model of a folder in Hugging Face's layout, at /models/NAME
                      (the folder's own name by default); may be given several times.
                      Without it, the models that are installed: @kcbert/model-mini and the like
  --training DIR      show the run that kcbert-cli pretrain writes there, and serve what it makes;
                      the folder need not exist yet
  --port N            listen there; 0 takes any free port. By default 8787, or the next free port
  --host ADDRESS      listen there; 0.0.0.0 lets other machines in
  --memory MB         weights that may be in memory; beyond it the model used least recently goes.
                      By default 2048
  --workers N         processes that serve, one core each; by default 1. Each has the models in memory,
                      and counts the requests of a client for itself
  --rate N            requests of one client a minute; by default as many as they like
  --no-share          do not let the page fetch the models' files, to run them in the browser
  --verbose           log each request, without its text
  --log-bodies        log what is sent, too

  KCBERT_API_KEYS     keys, separated by commas, one of which every request must bring along as
                      Authorization: Bearer KEY

The first line on stdout is the address. Ctrl-C finishes the requests at work and ends.
`;

/**
 * Read the command line.
 *
 * @throws {RangeError} With one sentence, if it cannot be read.
 */
export function parseNodeArguments(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): NodeArguments {
  const values = parse(args);
  const training = values.training === undefined ? undefined : resolve(values.training);
  const models = new Map((values.model ?? []).map(parseModel));
  if (training !== undefined && ![...models.values()].includes(training))
    models.set(basename(training), training);
  const keys = (env["KCBERT_API_KEYS"] ?? "").split(",").map((key) => key.trim());
  return {
    help: values.help,
    host: values.host,
    port: parsePort(values.port ?? "8787"),
    isPortGiven: values.port !== undefined,
    models,
    training,
    keys: keys.filter((key) => key !== ""),
    requestsPerMinute: values.rate === undefined ? Infinity : parseCount("rate", values.rate),
    modelBytes: parseCount("memory", values.memory) * 1024 * 1024,
    workers: parseCount("workers", values.workers),
    shareModels: !values["no-share"],
    verbose: values.verbose || values["log-bodies"],
    logBodies: values["log-bodies"],
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
        "log-bodies": { type: "boolean", default: false },
        memory: { type: "string", default: "2048" },
        model: { type: "string", multiple: true },
        "no-share": { type: "boolean", default: false },
        port: { type: "string" },
        rate: { type: "string" },
        training: { type: "string" },
        workers: { type: "string", default: "1" },
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

function parseCount(name: string, value: string): number {
  const count = Number(value);
  if (/^\d{1,9}$/.test(value) && count > 0) return count;
  throw new RangeError(`Cannot read --${name} as it must be a whole number above 0: it is "${value}"`);
}

function parsePort(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port;
  throw new RangeError(`Cannot read --port as it must be a whole number from 0 to 65535: it is "${value}"`);
}
