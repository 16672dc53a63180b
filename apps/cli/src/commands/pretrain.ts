import { join } from "node:path";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { EndEvent, Jit, PretrainableModel, PretrainEvent } from "@kcbert/trainer";
import { startBackend } from "../backend.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError } from "../failure.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { openOutput, withOutput } from "../io/output.ts";
import { loadTokenizerPath } from "../load_tokenizer_path.ts";
import { MetricsLog } from "../metrics_log.ts";
import { modelFolder } from "../model_folder.ts";
import { type Corpus, loadCorpus } from "../pretraining/corpus.ts";
import { describePlan } from "../pretraining/dry_run.ts";
import { pretrainArgs } from "../pretraining/flags.ts";
import { loadModel, readTokenizerFiles } from "../pretraining/model.ts";
import { configOf, readRecipe, type Recipe, trainerOptions } from "../pretraining/recipe.ts";
import { readSamples, SAMPLES } from "../pretraining/samples.ts";
import { tell, writeReport } from "../report.ts";
import { adviseBatch } from "../plugin/out_of_memory.ts";
import { RunFolder } from "../run_folder.ts";
import { lossChart } from "../run_report/charts.ts";
import { readRunMetrics } from "../run_report/metrics.ts";
import { openTensorBoardFile, type TensorBoardFile } from "../tensorboard_file.ts";
import { startTrainingProgress } from "../training_progress.ts";

/** `kcbert-cli pretrain`. */
export const pretrainCommand: Command = defineExampledCommand(
  {
    meta: { description: "Train a BERT to guess masked words, from nothing but a corpus" },
    args: pretrainArgs,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const { json = false, quiet = false } = args as { json?: boolean; quiet?: boolean };
      const asked = await readRecipe(args);
      const samples = asked.samples === undefined ? SAMPLES : await readSamples(asked.samples);
      const tokenizer = await loadTokenizerPath(asked.tokenizer);
      const folder = new RunFolder(asked.output, { resume: asked.resume === "auto", keep: asked.keep });
      try {
        const corpus = await loadCorpus(asked, tokenizer, { signal, quiet: quiet || json });
        const recipe = { ...asked, clean: cleanOf(asked, corpus) };
        if (recipe.dryRun) {
          const { text, facts } = await describePlan(recipe, tokenizer, corpus, folder.latestCheckpoint());
          return await writeReport(text, facts, { json, quiet });
        }
        const say = (told: string) => void (quiet || json || tell(told));
        const { jit, device } = await startBackend(recipe.backend, { ...recipe.backendOptions, say });
        if (device !== undefined) say(`Computing on ${device}`);
        const end = await adviseBatch(recipe, () =>
          train({ folder, recipe, tokenizer, corpus, samples, signal, jit, json, quiet }),
        );
        await report(end, recipe.output, { json, quiet });
        if (end.reason === "interrupted") throw signal.reason;
      } finally {
        folder.close();
      }
    },
  },
  [
    [
      "kcbert-cli pretrain --corpus comments.txt --tokenizer tokenizer --output model --clean 2021 --minutes 3",
      "A small BERT in three minutes; run again after Ctrl-C, it goes on",
    ],
    [
      "kcbert-cli pretrain --preset mini --corpus 'corpus/*.txt.gz' --tokenizer tokenizer --output model --steps 100000",
      "A larger one",
    ],
    [
      "kcbert-cli pretrain --config recipe.json --preset kcbert-base --dry-run",
      "What a recipe would train, and what it would take",
    ],
  ],
);

// --- internal ---

interface Training {
  readonly folder: RunFolder;
  readonly recipe: Recipe;
  readonly tokenizer: BertTokenizer;
  readonly corpus: Corpus;
  readonly samples: readonly string[];
  readonly signal: AbortSignal;
  readonly jit: Jit | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** What the flags say of the cleaning, else what the corpus says. */
function cleanOf({ clean, corpus: name }: Recipe, corpus: Corpus): Recipe["clean"] {
  if (corpus.clean === undefined || clean === undefined || clean === corpus.clean)
    return clean ?? ((corpus.clean ?? undefined) as Recipe["clean"]);
  throw new CliError(
    `Cannot train with --clean ${clean} on ${name}: its index says that it was cleaned with ${corpus.clean ?? "nothing"}`,
  );
}

/** Train, from the beginning or from the latest checkpoint, and write what happens to the run's folder. */
async function train({
  folder,
  recipe,
  tokenizer,
  corpus,
  samples,
  signal,
  jit,
  json,
  quiet,
}: Training): Promise<EndEvent> {
  const { pretrain } = await import("@kcbert/trainer");
  const { nextSentence, seed, peakTflops } = recipe;
  const checkpoint = folder.latestCheckpoint(tell);
  const model = await loadModel(checkpoint, configOf(recipe, tokenizer), {
    nextSentence,
    seed,
    tokenizer,
    sample: corpus.sample,
  });
  const tokenizerPath = resolveModel(recipe.tokenizer);
  const tokenizerFiles = await readTokenizerFiles(tokenizerPath, tokenizer, recipe.positions);
  const progress = startTrainingProgress({ quiet: quiet || json, peakTflops });
  const log = new MetricsLog(recipe.logEvery);
  let board: TensorBoardFile | undefined;
  const record = async (event: PretrainEvent) => {
    folder.append(event);
    board?.add(event);
    if (json) await openOutput(undefined).write(`${JSON.stringify(event)}\n`);
  };
  let best = folder.bestLoss();
  try {
    for await (const event of pretrain(model, corpus, {
      ...(await trainerOptions(recipe)),
      tokenizer,
      samples,
      signal,
      ...(jit === undefined ? {} : { jit }),
      checkpoint: (step, write) =>
        folder.keep(step, async (sink) => {
          await write(sink);
          for (const [name, bytes] of tokenizerFiles) await sink(name, bytes);
        }),
      ...(checkpoint === undefined ? {} : { resume: modelFolder(checkpoint) }),
    })) {
      if (event.event === "start") {
        folder.begin();
        if (recipe.tensorboard) board = await openTensorBoardFile(folder.path);
      }
      progress.show(event);
      if (event.event === "eval" && event.step > 0 && event.loss < best) {
        best = event.loss;
        await keepBest(folder, event, model, tokenizerFiles);
      }
      if (event.event === "end" && event.reason === "done") await finish(folder, model, tokenizerFiles);
      for (const due of log.add(event)) await record(due);
      if (event.event === "eval") await drawLoss(folder.path);
      if (event.event === "end") return event;
    }
  } finally {
    progress.done();
    model.dispose();
  }
  throw new CliError("Cannot tell how the training ended");
}

async function keepBest(
  folder: RunFolder,
  { step, loss }: { step: number; loss: number },
  model: PretrainableModel,
  tokenizerFiles: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  await folder.keepBest(step, loss, async (sink) => {
    await model.save(sink);
    for (const [name, bytes] of tokenizerFiles) await sink(name, bytes);
  });
}

/** Draw the curves as they are now, beside the checkpoints. */
async function drawLoss(run: string): Promise<void> {
  const picture = lossChart(readRunMetrics(run));
  await withOutput(join(run, "loss.svg"), async (file) => file.write(picture));
}

/** Put the model into the run's folder itself, whole or not at all. */
async function finish(
  folder: RunFolder,
  model: PretrainableModel,
  tokenizerFiles: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const files = new Map(tokenizerFiles);
  await model.save(async (name, bytes) => void files.set(name, bytes));
  await folder.finish(files);
}

/** The last word, for people; with `--json` the `end` event was it. */
async function report(
  end: EndEvent,
  output: string,
  { json, quiet }: { json: boolean; quiet: boolean },
): Promise<void> {
  if (json) return;
  const gain = end.unigramLoss - end.evalLoss;
  const against = `${Math.abs(gain).toFixed(3)} ${gain < 0 ? "above" : "below"} the unigram model's ${end.unigramLoss.toFixed(3)}`;
  const scores = `held-out loss ${end.evalLoss.toFixed(3)}, ${against}; accuracy ${(end.accuracy * 100).toFixed(1)} %`;
  const steps = end.step.toLocaleString("en");
  const text =
    end.reason === "done"
      ? `Trained ${steps} steps: ${scores} (${output})`
      : `Stopped after ${steps} steps: ${scores} (run the same command again to go on: ${output})`;
  await writeReport(text, {}, { quiet });
}
