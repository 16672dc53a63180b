import { parentPort, type Transferable, Worker, workerData } from "node:worker_threads";
import { CliError } from "../failure.ts";

/**
 * Threads that do one kind of task. A task is done by the first thread that is free; tasks wait in line.
 */
export class WorkerPool<Task, Result> {
  readonly size: number;
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #waiting: Job<Task, Result>[] = [];
  readonly #running = new Map<Worker, Job<Task, Result>>();
  #failure: Error | undefined;

  /**
   * Start threads.
   *
   * @param module The worker's module, beside this one, without its ending: `clean_worker`.
   * @param size How many.
   * @param data What each is given before its first task.
   */
  constructor(module: string, size: number, data: unknown) {
    this.size = size;
    const ending = import.meta.url.endsWith(".ts") ? "ts" : "js"; // the source, or what it was built to
    for (let i = 0; i < size; i++) {
      const worker = new Worker(new URL(`${module}.${ending}`, import.meta.url), { workerData: data });
      worker.on("message", (reply: Reply<Result>) => this.#done(worker, reply));
      worker.on("error", (error) => this.#fail(error));
      worker.on("exit", (code) => {
        if (code !== 0) this.#fail(new CliError(`A worker thread ended with code ${code}`));
      });
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Do a task; `transfer` names memory that the thread may keep. */
  run(task: Task, transfer: readonly Transferable[] = []): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, transfer, resolve, reject });
      this.#next();
    });
  }

  /** End the threads, whatever they do. */
  async close(): Promise<void> {
    for (const worker of this.#all) worker.removeAllListeners("exit");
    this.#fail(new CliError("The worker threads were ended"));
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const job = this.#waiting.shift()!;
      const worker = this.#idle.pop()!;
      this.#running.set(worker, job);
      worker.postMessage(job.task, job.transfer);
    }
  }

  #done(worker: Worker, { result, error }: Reply<Result>): void {
    const job = this.#running.get(worker)!;
    this.#running.delete(worker);
    this.#idle.push(worker);
    if (error === undefined) job.resolve(result as Result);
    else job.reject(new CliError(error));
    this.#next();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of [...this.#running.values(), ...this.#waiting]) reject(this.#failure);
    this.#running.clear();
    this.#waiting.length = 0;
  }
}

/** What a thread does: a function that does tasks, made of the data that the pool gives. */
export interface Server<Data, Task, Result> {
  readonly prepare: (data: Data) => Promise<(task: Task) => Result | Promise<Result>>;
  /** The memory of a result that the pool may keep. */
  readonly transferred?: (result: Result) => readonly Transferable[];
}

/** Be a worker: do the tasks that the pool sends. */
export function serveTasks<Data, Task, Result>({
  prepare,
  transferred = () => [],
}: Server<Data, Task, Result>): void {
  const ready = prepare(workerData as Data);
  const serve = async (task: Task) => {
    try {
      const result = await (await ready)(task);
      parentPort!.postMessage({ result }, transferred(result));
    } catch (error) {
      parentPort!.postMessage({ error: error instanceof Error ? error.message : String(error) }, []);
    }
  };
  parentPort!.on("message", (task: Task) => void serve(task));
}

// --- internal ---

interface Job<Task, Result> {
  readonly task: Task;
  readonly transfer: readonly Transferable[];
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

interface Reply<Result> {
  readonly result?: Result;
  readonly error?: string;
}
