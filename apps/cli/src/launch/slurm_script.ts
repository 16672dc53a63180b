import { type Job, taskWords } from "./job.ts";

/** What a Slurm job has besides. */
export interface SlurmOptions {
  readonly partition?: string | undefined;
  readonly account?: string | undefined;
}

/**
 * Write a job for `sbatch`: one task, or an array of them.
 *
 * Two minutes before its time is up a task gets SIGTERM, keeps a checkpoint and ends with status 143; it then goes back into
 * the queue, and goes on where it stopped.
 */
export function slurmScript(job: Job, { partition, account }: SlurmOptions = {}): string {
  const { name, tasks, gpus, cpus, memory, minutes } = job;
  const directives: readonly (readonly [string, string] | undefined)[] = [
    ["job-name", name],
    partition === undefined ? undefined : ["partition", partition],
    account === undefined ? undefined : ["account", account],
    tasks > 1 ? ["array", `0-${tasks - 1}`] : undefined,
    ["nodes", "1"],
    ["ntasks", "1"],
    ["cpus-per-task", String(cpus)],
    gpus > 0 ? ["gpus-per-node", String(gpus)] : undefined,
    ["mem", memory],
    ["time", clock(minutes)],
    ["signal", "TERM@120"],
    ["open-mode", "append"],
    ["output", tasks > 1 ? "%x-%A_%a.log" : "%x-%j.log"],
  ];
  return [
    "#!/bin/bash",
    ...directives.flatMap((each) => (each === undefined ? [] : [`#SBATCH --${each[0]}=${each[1]}`])),
    "#SBATCH --requeue",
    "",
    "set -uo pipefail",
    `srun ${taskWords(job).map(shellWord).join(" ")}`,
    "status=$?",
    'if [ "$status" -eq 143 ]; then scontrol requeue "$SLURM_JOB_ID"; fi # stopped in time: go on',
    'exit "$status"',
    "",
  ].join("\n");
}

// --- internal ---

/** `1-02:03:00`: days, hours, minutes. */
function clock(minutes: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const [days, hours, rest] = [
    Math.floor(minutes / 1440),
    Math.floor(minutes / 60) % 24,
    Math.ceil(minutes % 60),
  ];
  return `${days}-${two(hours)}:${two(rest)}:00`;
}

/** A word as a POSIX shell reads it back. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./{}-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
