import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { CliError, errorCode, fileError } from "../failure.ts";
import { MACHINE } from "../hub/partial_file.ts";
import type { CorpusReport } from "./corpus_report.ts";
import type { CorpusSettings } from "./corpus_settings.ts";
import { readJson, writeDurably } from "./durable_files.ts";

/**
 * The folder of unfinished work, in the output folder. It knows the settings it belongs to, and one process at a time
 * works in it.
 */
export class WorkFolder {
  readonly #path: string;
  readonly #before: CorpusReport["cost"];

  private constructor(path: string) {
    this.#path = path;
    this.#before = (readJson(join(path, COST)) as CorpusReport["cost"] | undefined) ?? NO_COST;
  }

  /**
   * Make the folder, or find what an earlier run left in it.
   *
   * @throws {CliError} If the output holds something else, the work belongs to other settings, or another process is at it.
   */
  static open(settings: CorpusSettings): WorkFolder {
    const { output, work } = settings;
    try {
      if (!existsSync(work)) requireFree(output);
      mkdirSync(work, { recursive: true });
    } catch (error) {
      throw fileError(`write to the folder ${output}`, error);
    }
    lock(work);
    const now = identityOf(settings);
    const then = readJson(join(work, SETTINGS)) as Readonly<Record<string, unknown>> | undefined;
    if (then === undefined) writeDurably(work, SETTINGS, JSON.stringify(now));
    else requireSame(now, then, settings);
    return new WorkFolder(work);
  }

  /** What the work has cost so far, in all runs that were not killed. */
  cost(): CorpusReport["cost"] {
    const { user, system } = process.cpuUsage();
    return {
      seconds: this.#before.seconds + process.uptime(),
      cpuSeconds: this.#before.cpuSeconds + (user + system) / 1e6,
      peakRssBytes: Math.max(this.#before.peakRssBytes, process.resourceUsage().maxRSS * 1024),
    };
  }

  /** The work is done. */
  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }

  /** The process ends; the work may not be done. */
  leave(): void {
    if (!existsSync(this.#path)) return;
    writeDurably(this.#path, COST, JSON.stringify(this.cost()));
    rmSync(join(this.#path, LOCK), { force: true });
  }
}

/** Remove a corpus, finished or not, so that another can take its place; what is not of a corpus stays. */
export function removeCorpus(output: string, work: string): void {
  try {
    rmSync(work, { recursive: true, force: true });
    for (const name of contents(output)) if (OWN_FILES.test(name)) rmSync(join(output, name));
  } catch (error) {
    throw fileError(`remove the corpus in ${output}`, error);
  }
}

// --- internal ---

const SETTINGS = "settings.json";
const COST = "cost.json";
const LOCK = "lock";
const NO_COST = { seconds: 0, cpuSeconds: 0, peakRssBytes: 0 };
const OWN_FILES = /^(?:index\.json|report\.json|lengths\.svg|\d{5}\.(?:kcs|txt\.gz))$/;

function contents(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function requireFree(output: string): void {
  const names = contents(output);
  if (names.length === 0) return;
  const why = names.includes("index.json")
    ? "it holds a corpus already; name another folder, or use --overwrite"
    : `it is not empty: it has ${names[0]}; name another folder`;
  throw new CliError(`Cannot write a corpus to ${output}: ${why}`);
}

/** Everything that decides what the work makes: the recipe, and the files as they are. */
function identityOf({
  recipe,
  tokenizer,
  inputs,
  excluded,
}: CorpusSettings): Readonly<Record<string, unknown>> {
  const files = [...excluded, ...inputs].map(
    ({ input }) => `${input.name} ${input.size ?? "of unknown size"}`,
  );
  return { ...recipe, tokenizer: tokenizer?.sha256 ?? null, inputs: files };
}

function requireSame(
  now: Readonly<Record<string, unknown>>,
  then: Readonly<Record<string, unknown>>,
  { output }: CorpusSettings,
): void {
  const names = new Set([...Object.keys(now), ...Object.keys(then)]);
  const other = [...names].filter((name) => JSON.stringify(now[name]) !== JSON.stringify(then[name]));
  if (other.length === 0) return;
  throw new CliError(
    `Cannot go on with the corpus in ${output}: it was begun with other settings (${other.join(", ")}); use the same, or --overwrite to begin anew`,
  );
}

function lock(work: string): void {
  const path = join(work, LOCK);
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, `${MACHINE} ${process.pid}`, { flag: "wx" });
      return;
    } catch (error) {
      if (errorCode(error) !== "EEXIST" || attempt > 0) throw fileError(`write ${path}`, error);
      const [machine, id] = readFileSync(path, "utf8").split(" ");
      if (machine !== MACHINE || isAlive(Number(id))) {
        throw new CliError(
          `Cannot work in ${work}: another process is at it${machine === MACHINE ? ` (${id})` : " on another machine"}; if it is not, remove ${path}`,
          { cause: error },
        );
      }
      rmSync(path, { force: true });
    }
  }
}

function isAlive(id: number): boolean {
  if (!Number.isSafeInteger(id) || id <= 0 || id === process.pid) return false;
  try {
    process.kill(id, 0); // asks only
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}
