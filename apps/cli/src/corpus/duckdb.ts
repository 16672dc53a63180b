import { createRequire } from "node:module";
import { CliError, sentence } from "../failure.ts";

/** How much DuckDB may use. */
export interface EngineOptions {
  /** Bytes in memory before it goes on with files. */
  readonly memory: number;
  readonly threads: number;
  /** Where these files go; they are gone when it is closed. */
  readonly spill: string;
}

/** The part of DuckDB that a corpus needs. */
export interface Engine {
  /** Run a statement; `values` stand for `$1`, `$2` and so on. */
  run(sql: string, values?: readonly (string | number)[]): Promise<void>;
  /** The rows of a query that gives few of them. */
  rows(sql: string, values?: readonly (string | number)[]): Promise<unknown[][]>;
  /** The first column of a query's rows, some at a time, for a query that gives any number of them. */
  texts(sql: string, values?: readonly (string | number)[]): AsyncGenerator<string[]>;
  close(): void;
}

/**
 * Open DuckDB, which is installed beside this program where it has a build for the machine.
 *
 * @throws {CliError} If it is not there, or does not start.
 */
export async function openEngine({ memory, threads, spill }: EngineOptions): Promise<Engine> {
  const { DuckDBInstance } = loadDuckDb();
  try {
    const instance = await DuckDBInstance.create(":memory:", {
      memory_limit: `${Math.floor(memory / 1e6)}MB`,
      threads: String(threads),
      temp_directory: spill,
      autoinstall_known_extensions: "false", // nothing is fetched from anywhere
    });
    return new DuckDbEngine(instance, await instance.connect());
  } catch (error) {
    throw new CliError(`Cannot start DuckDB: ${sentence(error)}`, { cause: error });
  }
}

/** A text as an SQL literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

// --- internal ---

/** The version that this program is tested with. */
const DUCKDB_VERSION = "1.5.6-r.1";

interface DuckDb {
  readonly DuckDBInstance: {
    create(path: string, options: Readonly<Record<string, string>>): Promise<Instance>;
  };
}

interface Instance {
  connect(): Promise<Connection>;
  closeSync(): void;
}

interface Connection {
  run(sql: string, values?: (string | number)[]): Promise<unknown>;
  runAndReadAll(sql: string, values?: (string | number)[]): Promise<{ getRowsJS(): unknown[][] }>;
  stream(sql: string, values?: (string | number)[]): Promise<Result>;
  closeSync(): void;
}

interface Result {
  fetchChunk(): Promise<
    { readonly rowCount: number; getColumnValues(column: number): unknown[] } | null | undefined
  >;
}

/** `require`, as Deno takes the package for an ES module otherwise. */
function loadDuckDb(): DuckDb {
  try {
    return createRequire(import.meta.url)("@duckdb/node-api") as DuckDb;
  } catch (cause) {
    throw new CliError(
      `Cannot use DuckDB, which this needs: ${sentence(cause).split("; ")[0]!.slice(0, 200)}; ` +
        `install it with npm install @duckdb/node-api@${DUCKDB_VERSION}`,
      { cause },
    );
  }
}

class DuckDbEngine implements Engine {
  readonly #instance: Instance;
  readonly #connection: Connection;

  constructor(instance: Instance, connection: Connection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  async run(sql: string, values: readonly (string | number)[] = []): Promise<void> {
    await this.#told(() => this.#connection.run(sql, [...values]));
  }

  async rows(sql: string, values: readonly (string | number)[] = []): Promise<unknown[][]> {
    const reader = await this.#told(() => this.#connection.runAndReadAll(sql, [...values]));
    return reader.getRowsJS();
  }

  async *texts(sql: string, values: readonly (string | number)[] = []): AsyncGenerator<string[]> {
    const result = await this.#told(() => this.#connection.stream(sql, [...values]));
    for (;;) {
      const chunk = await this.#told(() => result.fetchChunk());
      if (chunk === null || chunk === undefined || chunk.rowCount === 0) return;
      yield chunk.getColumnValues(0) as string[];
    }
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  /** Its errors begin with their kind and go on for lines. */
  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const text = (cause as Error).message.split("\n")[0]!.replace(/\.$/, "");
      throw new CliError(`DuckDB failed: ${text}`, { cause });
    }
  }
}
