import process from "node:process";
import { CliError } from "../failure.ts";

/** Which of a job's tasks a process is. */
export interface Rank {
  /** From 0. */
  readonly rank: number;
  /** How many tasks there are. */
  readonly tasks: number;
}

/** Where schedulers say it: the rank, and the number of tasks; the first pair that is set counts. */
const VARIABLES: readonly (readonly [rank: string, tasks: string])[] = [
  ["KCBERT_RANK", "KCBERT_TASKS"],
  ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"],
  ["JOB_COMPLETION_INDEX", "KCBERT_TASKS"], // Kubernetes tells the index alone
  ["SLURM_PROCID", "SLURM_NTASKS"],
  ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"],
];

/**
 * Read a process's rank from what its scheduler put into the environment: Slurm (arrays, or the tasks of `srun`), an indexed
 * Job of Kubernetes, Open MPI, or `KCBERT_RANK` and `KCBERT_TASKS`.
 *
 * @throws {CliError} If a variable is no number in its range.
 */
export function rankFromEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Rank {
  const found = VARIABLES.find(([rank, tasks]) => environment[rank] && environment[tasks]);
  if (found === undefined) return { rank: 0, tasks: 1 };
  const [rank, tasks] = found.map((name) => Number(environment[name])) as [number, number];
  if (Number.isInteger(rank) && Number.isInteger(tasks) && rank >= 0 && rank < tasks) return { rank, tasks };
  const said = found.map((name) => `${name} is ${environment[name]}`).join(", ");
  throw new CliError(
    `Cannot tell which task this is: ${said}; a rank is a whole number from 0, below the tasks`,
  );
}
