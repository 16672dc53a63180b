import { Worker } from "node:worker_threads";

/**
 * Ends this process, with the input it hangs on in a file, when one input takes longer than it may: a test's own timeout
 * cannot interrupt synchronous work.
 */
export class Watchdog {
  readonly #clock = new Float64Array(new SharedArrayBuffer(8)); // when the input was begun; 0 between inputs
  readonly #length = new Int32Array(new SharedArrayBuffer(4));
  readonly #input = new Uint8Array(new SharedArrayBuffer(1 << 20));
  readonly #worker: Worker;

  /** @param milliseconds How long one input may take. */
  constructor(milliseconds: number) {
    const workerData = { clock: this.#clock, length: this.#length, input: this.#input, milliseconds };
    this.#worker = new Worker(WATCH, { eval: true, workerData });
    this.#worker.unref();
  }

  /** Do something with an input, of which the first MiB is remembered. */
  watch<Result>(input: Uint8Array | string, work: () => Result): Result {
    const bytes = typeof input === "string" ? Buffer.from(input.slice(0, 1 << 19), "utf16le") : input;
    this.#length[0] = Math.min(bytes.length, this.#input.length);
    this.#input.set(bytes.subarray(0, this.#input.length));
    this.#clock[0] = Date.now();
    try {
      return work();
    } finally {
      this.#clock[0] = 0;
    }
  }

  /** As `watch`, for work that takes its time: it is over when its promise is. */
  async watchAsync<Result>(input: Uint8Array | string, work: () => Promise<Result>): Promise<Result> {
    const pending = this.watch(input, work);
    this.#clock[0] = Date.now();
    try {
      return await pending;
    } finally {
      this.#clock[0] = 0;
    }
  }

  /** No more to watch. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

// --- internal ---

const WATCH = `
const { workerData: { clock, length, input, milliseconds } } = require("node:worker_threads");
const { writeFileSync, writeSync } = require("node:fs");
const { join } = require("node:path");
setInterval(() => {
  const begun = clock[0]; // once: it changes meanwhile
  if (begun === 0 || Date.now() - begun < milliseconds) return;
  const path = join(require("node:os").tmpdir(), "kcbert-soak-hang-" + process.pid + ".bin");
  writeFileSync(path, Uint8Array.from(input.subarray(0, length[0])));
  writeSync(2, "soak: an input takes longer than " + milliseconds + " ms: " + path + "\\n");
  process.kill(process.pid, "SIGKILL");
}, 500);
`;
