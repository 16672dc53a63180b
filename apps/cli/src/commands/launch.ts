import { globSync } from "node:fs";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { decimalNumber } from "../decimal_number.ts";
import { CliError, UsageError } from "../failure.ts";
import { withOutput } from "../io/output.ts";
import type { Job } from "../launch/job.ts";
import { jobSetManifest } from "../launch/jobset_manifest.ts";
import { rankFromEnvironment } from "../launch/rank.ts";
import { slurmScript } from "../launch/slurm_script.ts";

const args = {
  scheduler: {
    type: "positional",
    required: true,
    description: "slurm or k8s: write a job; task: be one of its tasks",
  },
  name: { type: "string", default: "kcbert", valueHint: "name", description: "The job's name" },
  tasks: {
    type: "string",
    default: "1",
    valueHint: "n",
    description: "How many tasks; {rank} and {tasks} in the command become each one's own",
  },
  split: {
    type: "string",
    valueHint: "pattern",
    description: "Files that the tasks divide among themselves: each one's follow its command",
  },
  gpus: { type: "string", default: "0", valueHint: "n", description: "GPUs of each task" },
  tpus: {
    type: "string",
    default: "0",
    valueHint: "n",
    description: "TPU chips of each task, on Kubernetes",
  },
  cpus: { type: "string", default: "8", valueHint: "n", description: "Processor cores of each task" },
  memory: { type: "string", default: "32G", valueHint: "size", description: "Memory of each task" },
  hours: { type: "string", default: "24", valueHint: "n", description: "The longest that a task may run" },
  partition: { type: "string", valueHint: "name", description: "Slurm's partition" },
  account: { type: "string", valueHint: "name", description: "Slurm's account" },
  image: {
    type: "string",
    valueHint: "image",
    description: "The container's image, with kcbert-cli on its path; needed for k8s",
  },
  namespace: { type: "string", valueHint: "name", description: "The namespace on Kubernetes" },
  claim: {
    type: "string",
    valueHint: "name",
    description: "The PersistentVolumeClaim with data and results",
  },
  mount: { type: "string", default: "/data", valueHint: "folder", description: "Where the claim appears" },
  "node-labels": {
    type: "string",
    valueHint: "labels",
    description: "Labels of the nodes wanted: key=value, separated by commas",
  },
  restarts: {
    type: "string",
    default: "3",
    valueHint: "n",
    description: "Restarts after failures, on Kubernetes",
  },
  output: {
    type: "string",
    alias: "o",
    valueHint: "file",
    description: "The file to write; standard output if absent",
  },
  json: commonArgs.json,
  quiet: commonArgs.quiet,
} as const satisfies ArgsDef;

/** `kcbert-cli launch`. */
export const launchCommand: Command = defineExampledCommand(
  {
    meta: { description: "Write a job of a kcbert-cli command for Slurm or Kubernetes" },
    args,
    async run({ args, rawArgs, data }) {
      const scheduler = oneOf(args.scheduler, "scheduler", ["slurm", "k8s", "task"]);
      const command = commandOf(rawArgs);
      const split = args.split === undefined ? [] : [args.split];
      if (scheduler === "task") return runTask(command, split, data as CommandData);
      const job: Job = {
        name: nameOf(args.name),
        command: withDevices(command, wholeNumber(args.gpus, "gpus")! + wholeNumber(args.tpus, "tpus")!),
        split,
        tasks: wholeNumber(args.tasks, "tasks", { min: 1 })!,
        gpus: wholeNumber(args.gpus, "gpus")!,
        tpus: wholeNumber(args.tpus, "tpus")!,
        cpus: wholeNumber(args.cpus, "cpus", { min: 1 })!,
        memory: memoryOf(args.memory),
        minutes: decimalNumber(args.hours, "hours", { above: 0 })! * 60,
      };
      const { image, namespace, claim, mount, partition, account } = args;
      if (scheduler === "k8s" && image === undefined)
        throw new UsageError("Missing --image: it names a container's image that has kcbert-cli on its path");
      const restarts = wholeNumber(args.restarts, "restarts")!;
      const nodeLabels = labelsOf(args["node-labels"]);
      const text =
        scheduler === "slurm"
          ? slurmScript(job, { partition, account })
          : jobSetManifest(job, { image: image!, namespace, claim, mount, nodeLabels, restarts });
      await withOutput(args.output, async (output) => output.write(text));
    },
  },
  [
    [
      "kcbert-cli launch slurm --gpus 8 -- pretrain --config recipe.json --backend xla --precision bf16 | sbatch",
      "A training on the eight GPUs of one machine; stopped by the clock, it goes on by itself",
    ],
    [
      "kcbert-cli launch slurm --tasks 16 --split 'comments/*.gz' -- corpus -t tokenizer -o corpus/{rank}",
      "A corpus, in sixteen parts that each take every sixteenth file",
    ],
    [
      "kcbert-cli launch k8s --tasks 5 --gpus 1 --image IMAGE --claim data -- finetune nsmc --model model --seed {rank} --output nsmc-{rank} | kubectl apply -f -",
      "A fine-tuning with five seeds",
    ],
  ],
);

// --- internal ---

/** The words behind `--`. */
function commandOf(rawArgs: readonly string[]): string[] {
  const end = rawArgs.indexOf("--");
  const command = end < 0 ? [] : rawArgs.slice(end + 1);
  if (command.length > 0) return command;
  throw new UsageError(
    "Missing the command to run: write it behind --, such as -- pretrain --config recipe.json",
  );
}

/** A training on several devices is told so, unless it is told otherwise. */
function withDevices(command: readonly string[], devices: number): string[] {
  const told = command.some((word) => word === "--devices" || word.startsWith("--devices="));
  const trains =
    command[0] === "pretrain" && command.some((word) => /^(?:--backend=)?xla(?::\w+)?$/.test(word));
  return trains && !told && devices > 1 ? [...command, "--devices", String(devices)] : [...command];
}

/** Run the command as the task that the environment says this is. */
async function runTask(
  command: readonly string[],
  split: readonly string[],
  data: CommandData,
): Promise<void> {
  const { rank, tasks } = rankFromEnvironment();
  const words = command.map((word) =>
    word.replaceAll("{rank}", String(rank)).replaceAll("{tasks}", String(tasks)),
  );
  const files = split.length === 0 ? [] : globSync([...split]).sort();
  const own = files.filter((_, i) => i % tasks === rank);
  if (split.length > 0 && own.length === 0)
    throw new CliError(
      `Cannot run task ${rank} of ${tasks}: ${split.join(" ")} matches ${files.length} files, none is left for it`,
    );
  const { dispatch } = await import("../cli.ts");
  await dispatch([...words, ...own], data);
}

function nameOf(name: string): string {
  if (/^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$/.test(name)) return name;
  throw new UsageError(
    `Cannot use --name ${name}: it takes up to 42 lower-case letters, digits and hyphens, a letter first`,
  );
}

function memoryOf(memory: string): string {
  if (/^[1-9]\d*[MGT]$/.test(memory)) return memory;
  throw new UsageError(`Cannot use --memory ${memory}: it takes a size such as 64G`);
}

function labelsOf(given: string | undefined): Record<string, string> {
  const pairs = (given ?? "").split(",").filter((pair) => pair !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      throw new UsageError(`Cannot use --node-labels ${pair}: it takes key=value`);
    }),
  );
}
