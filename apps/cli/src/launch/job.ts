/** A job for a scheduler: a command line of `kcbert-cli`, how often, and on what. */
export interface Job {
  readonly name: string;
  /** The words after `kcbert-cli`; `{rank}` and `{tasks}` in them become each task's own. */
  readonly command: readonly string[];
  /** Patterns of files that the tasks divide among themselves. */
  readonly split: readonly string[];
  /** Tasks that know nothing of one another. */
  readonly tasks: number;
  /** GPUs of each task. */
  readonly gpus: number;
  /** TPU chips of each task, on Kubernetes. */
  readonly tpus: number;
  /** Processor cores of each task. */
  readonly cpus: number;
  /** Memory of each task, such as `64G`. */
  readonly memory: string;
  /** The longest that it may run, in minutes. */
  readonly minutes: number;
}

/** The words that each task runs. */
export function taskWords({ command, split }: Job): string[] {
  return [
    "kcbert-cli",
    "launch",
    "task",
    ...split.flatMap((pattern) => ["--split", pattern]),
    "--",
    ...command,
  ];
}
