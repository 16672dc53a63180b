/** The model that a run begins with, and those that runs have left: classes, configs and heads of tasks. */
import type {
  BertConfig,
  BertForSequenceClassification,
  BertProblemType,
  PretrainedSource,
} from "@kcbert/bert";
import type { FinetuneModel } from "@kcbert/trainer";
import { CliError, sentence } from "../failure.ts";
import type { TaskHead } from "./tasks.ts";

/** A model's folder. */
export interface ModelFolder {
  /** How messages and results call it. */
  readonly name: string;
  readonly source: PretrainedSource;
  readonly config: BertConfig;
  readonly signal: AbortSignal;
}

/** What a run's weights are at its beginning. */
export interface Beginning {
  readonly seed: number;
  /** Random weights. */
  readonly fromScratch: boolean;
  /** A new head, pooler and all, even where the folder has one that fits the task. */
  readonly newHead: boolean;
  /** In place of the folder's. */
  readonly dropout: number | undefined;
}

/** A class of models that can be fine-tuned. */
export type ModelClass = typeof BertForSequenceClassification;

/** The class of each kind of head. */
export async function modelClasses(): Promise<Readonly<Record<TaskHead["kind"], ModelClass>>> {
  const bert = await import("@kcbert/bert");
  return {
    texts: bert.BertForSequenceClassification,
    tokens: bert.BertForTokenClassification as unknown as ModelClass,
    spans: bert.BertForQuestionAnswering as unknown as ModelClass,
    embeddings: bert.BertModel as unknown as ModelClass,
  };
}

/**
 * A model for a task, as it begins; the caller disposes it.
 *
 * @throws {CliError} If the folder's weights cannot be loaded.
 */
export async function beginModel(
  { name, source, config: found, signal }: ModelFolder,
  head: TaskHead,
  { seed, fromScratch, newHead, dropout }: Beginning,
): Promise<FinetuneModel> {
  const Model = (await modelClasses())[head.kind];
  const config = configFor(found, head, dropout);
  if (fromScratch) return Model.init(config, { seed, pooler: false });
  const { architectures: _, ...changes } = config;
  let model: FinetuneModel;
  try {
    model = await Model.fromPretrained(source, {
      config: changes,
      seed,
      signal,
      pooler: false,
      ignoreMismatchedSizes: true,
    });
  } catch (error) {
    throw new CliError(`Cannot load the model ${name}: ${sentence(error)}`, { cause: error });
  }
  if (newHead) {
    const random = Model.init(model.config, { seed, pooler: false });
    for (const [key, variable] of random.parameters) {
      if (!/^(?:bert\.)?(?:embeddings|encoder)\./.test(key)) model.parameters.get(key)!.assign(variable);
    }
    random.dispose();
  }
  return model;
}

/**
 * The model with the head that it was saved with; the caller disposes it.
 *
 * @throws {CliError} If it has none of this kind, or other labels.
 */
export async function loadTaught(folder: ModelFolder, head: TaskHead): Promise<FinetuneModel> {
  const { config, name } = folder;
  const { labels } = headFacts(head);
  const wanted = (await modelClasses())[head.kind];
  const { architectures: found = [] } = config;
  if (!found.includes(wanted.name)) {
    throw new CliError(
      `Cannot use the model ${name} for this as it is a ${found.join(" and a ") || "model of no kind that it tells"}: it takes a ${wanted.name}`,
    );
  }
  if (labels !== undefined && config.numLabels !== labels.length) {
    throw new CliError(
      `Cannot use the model ${name} for this as it has ${config.numLabels} labels: the task has ${labels.length}`,
    );
  }
  return loadAsItIs(folder, wanted);
}

/** The model as its folder has it; the caller disposes it. */
export async function loadAsItIs(
  { name, source, signal }: ModelFolder,
  Model: ModelClass,
): Promise<FinetuneModel> {
  try {
    return await Model.fromPretrained(source, { signal, pooler: false });
  } catch (error) {
    throw new CliError(`Cannot load the model ${name}: ${sentence(error)}`, { cause: error });
  }
}

/** The config of a folder's model with a head for a task. */
export function configFor(found: BertConfig, head: TaskHead, dropout: number | undefined): BertConfig {
  const { id2label: _, problemType: __, unsureBelow: ___, ...config } = found;
  const { numLabels, labels, problemType } = headFacts(head);
  return {
    ...config,
    numLabels,
    ...(labels === undefined ? {} : { id2label: labels }),
    ...(problemType === undefined ? {} : { problemType }),
    ...(dropout === undefined ? {} : { hiddenDropoutProb: dropout, attentionProbsDropoutProb: dropout }),
  };
}

/** The same parameters with another config: the names of labels belong to the task, the program serves several. */
export async function withLabels(model: FinetuneModel, config: BertConfig): Promise<FinetuneModel> {
  const { checkBertConfig } = await import("@kcbert/bert");
  const Model = model.constructor as new (
    config: BertConfig,
    parameters: FinetuneModel["parameters"],
  ) => FinetuneModel;
  return new Model(checkBertConfig(config), model.parameters);
}

/** What of a task decides its head. */
export function headFacts(head: TaskHead): {
  kind: TaskHead["kind"];
  numLabels: number;
  labels: readonly string[] | undefined;
  problemType: BertProblemType | undefined;
} {
  const labels = "labels" in head ? head.labels : undefined;
  const problemType = head.kind === "texts" ? head.problemType : undefined;
  return { kind: head.kind, numLabels: labels?.length ?? 2, labels, problemType };
}
