import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArgsDef } from "citty";
import { commonArgs, wholeNumber } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError, fileError, sentence, UsageError } from "../failure.ts";
import { atMost, checkpointsIn, describeStop } from "./finetune.ts";
import {
  backendArgs,
  checkpointArgs,
  dataArgs,
  type FlagValues,
  readBackendFlags,
  readCheckpointSeconds,
  readDataFlags,
  readRecipe,
  readRunFlags,
  recipeArgs,
  taskNamed,
} from "../finetune/finetune_flags.ts";
import { startFinetuneProgress } from "../finetune/finetune_progress.ts";
import { readResults, RESULTS } from "../finetune/finetune_results.ts";
import type { FinetuneSession, PreparedTask } from "../finetune/finetune_session.ts";
import { LineProblems } from "../finetune/line_problems.ts";
import { loadRecords } from "../finetune/load_records.ts";
import { type OpenedModel, openSession, tokenizerFiles } from "../finetune/open_session.ts";
import { formatTable } from "../finetune/score_table.ts";
import type { Recipe, Task } from "../finetune/tasks.ts";
import { openOutput } from "../io/output.ts";
import { adviseBatch } from "../plugin/out_of_memory.ts";
import { tell, writeReport } from "../report.ts";
import { openRun, removeCheckpoints } from "../run_folder.ts";

const args = {
  model: {
    type: "positional",
    required: true,
    description: "The pretrained model: a folder, or the name of a downloaded model",
  },
  tasks: {
    type: "string",
    default: "nsmc,korsts,question-pair,hate-speech,curse-detection,kmou-ner",
    valueHint: "name,…",
    description: "What to learn, one after the other",
  },
  seeds: { type: "string", default: "0,1,2", valueHint: "n,…", description: "A run of each task for each" },
  ...dataArgs,
  output: {
    type: "string",
    alias: "o",
    required: true,
    valueHint: "folder",
    description: "The folder of all runs",
  },
  recipes: {
    type: "string",
    valueHint: "file",
    description: 'Hyper-parameters by task, in JSON: {"nsmc": {"epochs": 3}}; flags of a task count more',
  },
  ...recipeArgs,
  ...checkpointArgs,
  "compare-scratch": {
    type: "boolean",
    description: "Run everything from random weights too, with the same settings",
  },
  save: { type: "boolean", description: "Write the models too, not only their scores" },
  ...backendArgs,
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli finetune-all`. */
export const finetuneAllCommand: Command = defineExampledCommand(
  {
    meta: { description: "Teach a model many tasks with several seeds each, in one process" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const tasks = words(args.tasks).map(taskNamed);
      const seeds = words(args.seeds).map((seed) => wholeNumber(seed, "seeds")!);
      const backend = readBackendFlags(args);
      const overrides = args.recipes === undefined ? {} : readOverrides(args.recipes);
      const recipes = new Map(
        tasks.map((task) => [task, readRecipe(task, { ...args, ...overrides[task.name] })]),
      );
      const flags = { ...readRunFlags(args), checkpointSeconds: readCheckpointSeconds(args) };
      const starts = args["compare-scratch"] ? [false, true] : [flags.fromScratch];
      const opened = await openSession(args.model, { backend, floats: true, signal });
      const failures: string[] = [];
      try {
        for (const task of tasks) {
          const runs = seeds.flatMap((seed) =>
            starts.map((fromScratch) => ({
              seed,
              fromScratch,
              folder: join(args.output, task.name, runName(seed, fromScratch)),
            })),
          );
          const open = runs.filter(({ folder }) => !hasEnded(folder));
          if (open.length === 0) continue;
          try {
            const prepared = await prepare(opened.session, task, recipes.get(task)!, { ...args, signal });
            for (const run of open) {
              await runOne(
                opened,
                prepared,
                { ...run, ...flags, fromScratch: run.fromScratch, recipe: recipes.get(task)! },
                { ...args, signal },
              );
            }
          } catch (error) {
            signal.throwIfAborted();
            failures.push(`${task.name}: ${sentence(error)}`);
            tell(`Cannot go on with ${task.name}: ${sentence(error)}`);
          }
        }
      } finally {
        opened.session.dispose();
      }
      const results = existsSync(args.output) ? readResults([args.output]) : [];
      if (results.length > 0 && !args.quiet && !args.json)
        await openOutput(undefined).write(formatTable(results));
      if (failures.length > 0) {
        throw new CliError(
          `Cannot finish ${failures.length} of ${tasks.length} tasks: ${failures.join("; ")}`,
        );
      }
    },
  },
  [
    [
      "kcbert-cli finetune-all model --data data --preset small -o runs",
      "Six tasks, three seeds each; run again after Ctrl-C, it goes on where it was",
    ],
    [
      "kcbert-cli finetune-all model --data data --tasks nsmc,hate-speech --seeds 0,1 --compare-scratch --widths 64 -o runs",
      "The same from random weights, in batches of one width, which a compiling backend compiles once",
    ],
  ],
);

// --- internal ---

type Flags = FlagValues<typeof dataArgs> &
  FlagValues<typeof commonArgs> & { readonly save?: boolean | undefined; readonly signal: AbortSignal };

function words(list: string): string[] {
  return list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** Whether a run was done before; what it no longer needs is removed, where it was killed before it could do that. */
function hasEnded(folder: string): boolean {
  const ended = existsSync(join(folder, RESULTS));
  if (ended) removeCheckpoints(folder);
  return ended;
}

function runName(seed: number, fromScratch: boolean): string {
  return fromScratch ? `scratch-seed-${seed}` : `seed-${seed}`;
}

async function prepare(
  session: FinetuneSession,
  task: Task,
  { maxLength }: Recipe,
  flags: Flags,
): Promise<PreparedTask> {
  const problems = new LineProblems({ strict: flags.strict === true });
  const { maxTrain } = readRunFlags(flags as FlagValues<typeof recipeArgs>);
  const options = { ...readDataFlags(flags as FlagValues<typeof dataArgs>), problems, signal: flags.signal };
  const records = atMost(await loadRecords(task, options), maxTrain);
  if (flags.quiet !== true) for (const line of problems.describe()) tell(line);
  return session.prepare(task, records, { maxLength, problems: problems.list });
}

interface OneRun extends ReturnType<typeof readRunFlags> {
  readonly checkpointSeconds: number;
  readonly seed: number;
  readonly recipe: Recipe;
  readonly folder: string;
}

async function runOne(
  { session, source, tokenizer }: OpenedModel,
  prepared: PreparedTask,
  run: OneRun,
  flags: Flags,
): Promise<void> {
  const title = `${prepared.task.name}, ${run.fromScratch ? "from random weights, " : ""}seed ${run.seed}`;
  const { counts } = prepared;
  if (counts.dev === null && counts.test === null)
    throw new CliError("it has neither a development nor a test set here");
  const quiet = flags.quiet === true || flags.json === true;
  const progress = startFinetuneProgress(title, { quiet });
  const { folder, checkpoint } = openRun(run.folder, tell);
  const sizes = { batchSize: run.recipe.batchSize, evaluationBatchSize: run.evaluationBatchSize };
  try {
    const { results, interrupted, step, model } = await adviseBatch(sizes, () =>
      session.run(prepared, {
        ...run,
        checkpoints: checkpointsIn(folder, checkpoint, run.checkpointSeconds),
        onEvent(event) {
          if (event.event === "start") folder.begin();
          folder.append(event);
          progress.show(event);
        },
      }),
    );
    if (interrupted) {
      progress.done();
      await writeReport(describeStop(step, run.folder), {}, { quiet });
      throw flags.signal.reason;
    }
    const files = new Map<string, string | Uint8Array>();
    if (flags.save === true) {
      const own = await tokenizerFiles(source, tokenizer, model.config.maxPositionEmbeddings);
      for (const [name, bytes] of own) files.set(name, bytes);
      await model.save(async (name, bytes) => void files.set(name, bytes));
    }
    files.set(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
    await folder.finish(files);
    removeCheckpoints(run.folder);
    if (flags.json === true) await openOutput(undefined).write(`${JSON.stringify(results)}\n`);
  } finally {
    progress.done();
    folder.close();
  }
}

/** Flags by task, as if they were given on the command line. */
function readOverrides(path: string): Readonly<Record<string, Readonly<Record<string, string>>>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw error instanceof SyntaxError
      ? new CliError(`Cannot read ${path} as JSON: ${sentence(error)}`, { cause: error })
      : fileError(`read ${path}`, error);
  }
  const tasks = parsed as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return Object.fromEntries(
    Object.entries(tasks).map(([name, recipe]) => {
      taskNamed(name);
      const flags = Object.entries(recipe).map(([key, value]) => {
        const flag = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        if (flag in recipeArgs && (typeof value === "number" || typeof value === "string")) {
          return [flag, String(value)];
        }
        throw new UsageError(`Cannot use ${key} of ${name} in ${path}: it is no hyper-parameter`);
      });
      return [name, Object.fromEntries(flags)];
    }),
  );
}
