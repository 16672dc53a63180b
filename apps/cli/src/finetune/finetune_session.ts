/**
 * Runs of fine-tuning that share what can be shared: data is read once, and what a backend compiled for one run serves every
 * other of the same shape.
 */
import { createHash } from "node:crypto";
import type { BertForMaskedLM, PretrainedSource } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type {
  EvaluationSet,
  Examples,
  FinetuneEvent,
  FinetuneModel,
  FinetuneOptions,
  FinetuneProgram,
  Jit,
  Scores,
} from "@kcbert/trainer";
import { CliError } from "../failure.ts";
import { encodeRecords } from "./encode_records.ts";
import type { FinetuneResults } from "./finetune_results.ts";
import { type LabelledRecords, type QuestionRecords, recordCount } from "./labelled_records.ts";
import { type KeptMaskedLm, type KeepMaskedLm, keepMaskedLm } from "./kept_masked_lm.ts";
import type { LineProblem } from "./line_problems.ts";
import type { TaskRecords } from "./load_records.ts";
import { scoreAnswers } from "./squad_answers.ts";
import {
  type Beginning,
  beginModel,
  configFor,
  headFacts,
  loadAsItIs,
  loadTaught,
  type ModelClass,
  type ModelFolder,
  withLabels,
} from "./task_model.ts";
import type { Recipe, Task, TaskHead } from "./tasks.ts";

/** The model that is fine-tuned, and what runs it. */
export interface SessionOptions extends ModelFolder {
  readonly tokenizer: BertTokenizer;
  /** As its training text was cleaned. */
  readonly clean: (text: string) => string;
  readonly backend: string;
  /** Compiles, on a backend that does. */
  readonly jit?: Jit | undefined;
}

/** A task that is ready to be learnt. */
export interface PreparedTask {
  readonly task: Task;
  readonly train: Examples;
  readonly dev: Examples | undefined;
  readonly test: Examples | undefined;
  /** Questions are scored by the answers that the model gives, not by windows. */
  readonly questions: { readonly dev?: QuestionRecords; readonly test?: QuestionRecords };
  readonly counts: { readonly train: number; readonly dev: number | null; readonly test: number | null };
  readonly incomparable: readonly string[];
  readonly problems: readonly LineProblem[];
  readonly maxLength: number;
}

/** One run. */
export interface RunOptions {
  readonly seed: number;
  readonly recipe: Recipe;
  /** Begin from random weights. */
  readonly fromScratch: boolean;
  /** Begin with a new head, pooler and all, even where the folder has one that fits the task. */
  readonly newHead?: boolean;
  /** Whether rare classes count for more, so that all weigh alike in sum. */
  readonly balanced?: boolean;
  readonly widths?: readonly number[] | undefined;
  readonly evaluationBatchSize?: number | undefined;
  readonly patience?: number | undefined;
  readonly keep?: "devSelected" | "last" | undefined;
  /** Go on learning to fill masks, in the same weights. */
  readonly keepMaskedLm?: KeepMaskedLm | undefined;
  /** Keeps checkpoints, and goes on from one: see `FinetuneOptions`. */
  readonly checkpoints?: Pick<FinetuneOptions, "checkpoint" | "checkpointSeconds" | "resume">;
  readonly onEvent: (event: FinetuneEvent) => void | Promise<void>;
}

/** What came of a run. */
export interface RunOutcome {
  /** Absent where it was interrupted before the model was scored. */
  readonly results: FinetuneResults | undefined;
  readonly interrupted: boolean;
  /** Steps taken. */
  readonly step: number;
  /** The model as it is left, with the task's labels; the session's, and changed by the next run. */
  readonly model: FinetuneModel;
  /** The masked language model that shares its encoder, where it was kept; the session's as well. */
  readonly maskedLm: BertForMaskedLM | undefined;
}

/** See the head of the file. */
export class FinetuneSession {
  readonly #options: SessionOptions;
  readonly #programs = new Map<string, FinetuneProgram>();
  readonly #maskedLms: BertForMaskedLM[] = [];
  #sha256: string | null | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Encode a task's records. */
  prepare(
    task: Task,
    records: TaskRecords,
    { maxLength, problems }: { maxLength: number; problems: readonly LineProblem[] },
  ): PreparedTask {
    const { tokenizer, clean, config } = this.#options;
    const most = Math.min(maxLength, config.maxPositionEmbeddings);
    const encode = (part: LabelledRecords) =>
      encodeRecords(part, task.head, { tokenizer, clean, maxLength: most });
    const { train, dev, test, incomparable } = records;
    const asked = (part: LabelledRecords | undefined) => (part?.kind === "questions" ? part : undefined);
    const [devQuestions, testQuestions] = [asked(dev), asked(test)];
    return {
      task,
      train: encode(train),
      dev: dev === undefined || devQuestions !== undefined ? undefined : encode(dev),
      test: test === undefined || testQuestions !== undefined ? undefined : encode(test),
      questions: {
        ...(devQuestions === undefined ? {} : { dev: devQuestions }),
        ...(testQuestions === undefined ? {} : { test: testQuestions }),
      },
      counts: {
        train: recordCount(train),
        dev: dev === undefined ? null : recordCount(dev),
        test: test === undefined ? null : recordCount(test),
      },
      incomparable,
      problems,
      maxLength: most,
    };
  }

  /** Fine-tune, and score. */
  async run(prepared: PreparedTask, options: RunOptions): Promise<RunOutcome> {
    const { finetune, linearDecay } = await import("@kcbert/trainer");
    const { task, train } = prepared;
    const { recipe, seed, fromScratch, newHead = false } = options;
    const classWeights = options.balanced === true ? balancedWeights(task.head, train) : undefined;
    const kept = await this.#keepMaskedLm(options);
    const program = await this.#begin(task.head, recipe, {
      seed,
      fromScratch,
      newHead,
      classWeights,
      kept,
    });
    const maskedLm = kept?.model;
    const model = await withLabels(program.model, configFor(this.#options.config, task.head, recipe.dropout));
    const from = await this.#describeModel(program.model, fromScratch);
    let outcome: RunOutcome = { results: undefined, interrupted: true, step: 0, model, maskedLm };
    const set = (split: "dev" | "test"): EvaluationSet | undefined =>
      prepared.questions[split] === undefined
        ? prepared[split]
        : () =>
            scoreAnswers(program.model, prepared.questions[split]!, {
              ...this.#options,
              maxLength: prepared.maxLength,
            });
    const [dev, test] = [set("dev"), set("test")];
    const data = { train, ...(dev === undefined ? {} : { dev }), ...(test === undefined ? {} : { test }) };
    const { widths, evaluationBatchSize, patience, keep } = options;
    for await (const event of finetune(program.model, data, {
      program,
      seed,
      epochs: recipe.epochs,
      batchSize: recipe.batchSize,
      learningRate: recipe.learningRate,
      schedule: linearDecay({ warmup: recipe.warmup }),
      metric: task.metric,
      suffix: task.head.kind === "tokens" && task.head.suffix,
      signal: this.#options.signal,
      ...(recipe.evaluateEvery === undefined ? {} : { evaluateEvery: recipe.evaluateEvery }),
      ...(widths === undefined ? {} : { widths }),
      ...(evaluationBatchSize === undefined ? {} : { evaluationBatchSize }),
      ...(patience === undefined ? {} : { patience }),
      ...(keep === undefined ? {} : { keep }),
      ...options.checkpoints,
      recipe: comparedFacts(prepared, options, { classWeights, model: from.sha256 ?? from.from }),
    })) {
      await options.onEvent(event);
      if (event.event !== "end") continue;
      const { step, evaluations } = event;
      const interrupted = event.reason === "interrupted";
      if (event.selection === undefined) {
        outcome = { results: undefined, interrupted, step, model, maskedLm };
        continue;
      }
      const results: FinetuneResults = {
        version: 1,
        task: task.name,
        seed,
        metric: event.metric,
        selection: event.selection,
        evaluations,
        incomparable: prepared.incomparable,
        recipe: {
          ...recipe,
          maxLength: prepared.maxLength,
          ...(newHead ? { newHead } : {}),
          ...(classWeights === undefined ? {} : { classWeights }),
          ...(options.keepMaskedLm === undefined ? {} : { maskedLmWeight: options.keepMaskedLm.weight }),
        },
        model: from,
        data: { ...prepared.counts, problems: prepared.problems },
        backend: this.#options.backend,
        seconds: event.elapsedMs / 1000,
      };
      outcome = { results, interrupted, step, model, maskedLm };
    }
    return outcome;
  }

  /**
   * Score a model that was fine-tuned for the task, as it is.
   *
   * @param split Which of the prepared splits.
   * @throws {CliError} If the model has no head for the task, or there is no such split.
   */
  async score(
    { task, maxLength, ...prepared }: PreparedTask,
    split: "dev" | "test",
    { evaluationBatchSize, widths }: Pick<RunOptions, "evaluationBatchSize" | "widths"> = {},
  ): Promise<Scores> {
    const { evaluate } = await import("@kcbert/trainer");
    const model = await this.load(task.head);
    try {
      const questions = prepared.questions[split];
      if (questions !== undefined) {
        return await scoreAnswers(model, questions, { ...this.#options, maxLength });
      }
      const examples = prepared[split];
      if (examples === undefined)
        throw new CliError(`Cannot score ${task.name} as there is no ${split} set here`);
      const { jit, signal } = this.#options;
      return await evaluate(model, examples, {
        suffix: task.head.kind === "tokens" && task.head.suffix,
        signal,
        ...(jit === undefined ? {} : { jit }),
        ...(widths === undefined ? {} : { widths }),
        ...(evaluationBatchSize === undefined ? {} : { batchSize: evaluationBatchSize }),
      });
    } finally {
      model.dispose();
    }
  }

  /**
   * The model with the head that it was saved with; the caller disposes it.
   *
   * @throws {CliError} If it has none of this kind, or other labels.
   */
  async load(head: TaskHead): Promise<FinetuneModel> {
    return loadTaught(this.#options, head);
  }

  /** The model as its folder has it; the caller disposes it. */
  async loadAsItIs(Model: ModelClass): Promise<FinetuneModel> {
    return loadAsItIs(this.#options, Model);
  }

  /** Free everything. */
  dispose(): void {
    for (const program of this.#programs.values()) {
      program.dispose();
      program.model.dispose();
    }
    this.#programs.clear();
    for (const model of this.#maskedLms.splice(0)) model.dispose();
  }

  /** A program for this kind of head, at its beginning. */
  async #begin(
    head: TaskHead,
    { weightDecay, layerDecay, trainLayers, dropout }: Recipe,
    {
      classWeights,
      kept,
      ...start
    }: Omit<Beginning, "dropout"> & {
      classWeights: readonly number[] | undefined;
      kept: KeptMaskedLm | undefined;
    },
  ): Promise<FinetuneProgram> {
    const { copyWeights, finetuneProgram, shareParameters } = await import("@kcbert/trainer");
    const { kind, numLabels, labels, problemType } = headFacts(head);
    const tags = kind === "tokens" ? labels : []; // entities are scored by their names
    const baked = { weightDecay, layerDecay, trainLayers, dropout, classWeights };
    const key = JSON.stringify([kind, numLabels, tags, problemType, baked]);
    const known = kept === undefined ? this.#programs.get(key) : undefined;
    const own = await beginModel(this.#options, head, { ...start, dropout });
    const fresh = kept === undefined ? own : shareParameters(own, kept.model);
    if (known !== undefined) {
      known.restart(await copyWeights(fresh));
      fresh.dispose();
      return known;
    }
    const { jit } = this.#options;
    const program = finetuneProgram(fresh, {
      weightDecay,
      layerDecay,
      ...(trainLayers === undefined ? {} : { trainLayers }),
      ...(classWeights === undefined ? {} : { classWeights }),
      ...(kept === undefined ? {} : { alongside: kept.alongside }),
      ...(jit === undefined ? {} : { jit }),
    });
    this.#programs.set(kept === undefined ? key : `${key} ${this.#programs.size}`, program);
    return program;
  }

  /** The masked language model of the folder, to go on learning. */
  async #keepMaskedLm({
    keepMaskedLm: wish,
    fromScratch,
    seed,
  }: RunOptions): Promise<KeptMaskedLm | undefined> {
    if (wish === undefined) return undefined;
    if (fromScratch)
      throw new CliError("Cannot keep a masked language model that begins from random weights");
    const { source, tokenizer, name, signal } = this.#options;
    const kept = await keepMaskedLm(wish, { source, tokenizer, name, seed, signal });
    this.#maskedLms.push(kept.model);
    return kept;
  }

  async #describeModel(model: FinetuneModel, fromScratch: boolean): Promise<FinetuneResults["model"]> {
    const { config, name, source } = this.#options;
    this.#sha256 ??= await weightsSha256(source);
    return {
      name,
      from: fromScratch ? "scratch" : "pretrained",
      sha256: fromScratch ? null : this.#sha256,
      parameters: Array.from(model.parameters.values(), ({ size }) => size).reduce(
        (sum, size) => sum + size,
        0,
      ),
      vocabSize: config.vocabSize,
      hiddenSize: config.hiddenSize,
      layers: config.numHiddenLayers,
      clean: config.clean ?? null,
    };
  }
}

// --- internal ---

/** What the trainer cannot know of a run, and must be the same where it goes on. */
function comparedFacts(
  { task, maxLength, questions }: PreparedTask,
  { recipe, newHead = false, patience = 0, keepMaskedLm }: RunOptions,
  { classWeights = [], model }: { classWeights?: readonly number[] | undefined; model: string },
): Readonly<Record<string, string | number>> {
  const asked = createHash("sha256").update(JSON.stringify(questions)).digest("hex");
  return {
    task: task.name,
    model,
    ...recipe,
    ...(newHead ? { newHead: 1 } : {}),
    maxLength,
    classWeights: classWeights.join(" "),
    patience,
    questions: asked.slice(0, 16),
    ...(keepMaskedLm === undefined
      ? {}
      : {
          maskedLmWeight: keepMaskedLm.weight,
          maskedLmRows: keepMaskedLm.rows,
          maskedLmCorpus: keepMaskedLm.corpus.checksum,
        }),
  };
}

/** Inverse to how often each class occurs, 1 on average over the texts. */
function balancedWeights(head: TaskHead, train: Examples): number[] | undefined {
  if (head.kind !== "texts" || head.problemType !== "single_label_classification" || train.kind !== "texts") {
    throw new CliError("Cannot balance classes as the task does not choose one class for each text");
  }
  const counts = new Float64Array(head.labels.length);
  for (const label of train.labels) counts[label]!++;
  return Array.from(counts, (count) => train.labels.length / (head.labels.length * Math.max(count, 1)));
}

async function weightsSha256(source: PretrainedSource): Promise<string | null> {
  const file = (await source("model.safetensors")) ?? (await source("pytorch_model.bin"));
  if (file === undefined) return null;
  const hash = createHash("sha256");
  if (file instanceof Uint8Array) return hash.update(file).digest("hex");
  for await (const chunk of file as AsyncIterable<Uint8Array>) hash.update(chunk);
  return hash.digest("hex");
}
