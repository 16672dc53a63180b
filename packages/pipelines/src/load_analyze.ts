import {
  BertForSequenceClassification,
  BertForTokenClassification,
  type BertPreTrainedModel,
  type PretrainedSource,
} from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import { loadModel, type ModelParts, type LoadModelOptions } from "./_load_model.ts";
import { analyze, type AnalyzeHeads, type AnalyzeOptions, type CommentAnalysis } from "./analyze.ts";

/** Where the models that look at a comment are loaded from, each under a name of your choice. */
export interface AnalyzeSources<Labels extends string = string, Spans extends string = string> {
  /** Folders of those that judge the comment as a whole. */
  readonly labels?: Readonly<Record<Labels, PretrainedSource>>;
  /** Folders of those that find something in it. */
  readonly spans?: Readonly<Record<Spans, PretrainedSource>>;
}

/** Models that look at comments with their tokenizer, ready to be asked. */
export interface AnalyzePipeline<Labels extends string = string, Spans extends string = string> {
  /** The models; `dispose` frees them. */
  readonly heads: AnalyzeHeads<Labels, Spans>;
  /** The tokenizer that they share. */
  readonly tokenizer: BertTokenizer;
  /** `analyze` a comment. */
  run(comment: string, options?: AnalyzeOptions): Promise<CommentAnalysis<Labels, Spans>>;
  /** `analyze` comments. */
  runAll(comments: readonly string[], options?: AnalyzeOptions): Promise<CommentAnalysis<Labels, Spans>[]>;
  /** Free the models' tensors. */
  dispose(): void;
}

/**
 * Load several models that were trained from one, from folders in Hugging Face's layout.
 *
 * @param sources Each gives a folder's files by name.
 * @throws {RangeError} If there is no source, the models' tokenizers differ, a model has no head for its task or its
 * tokenizer has ids that it does not know; other errors as `loadTokenizer` and `fromPretrained` throw them.
 *
 * @example
 * ```ts
 * import { loadAnalyze } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => loadAnalyze({ labels: { hate: async () => undefined } }), RangeError);
 * ```
 */
export async function loadAnalyze<Labels extends string = never, Spans extends string = never>(
  sources: AnalyzeSources<Labels, Spans>,
  options?: LoadModelOptions,
): Promise<AnalyzePipeline<Labels, Spans>>;
export async function loadAnalyze(
  sources: AnalyzeSources,
  options: LoadModelOptions = {},
): Promise<AnalyzePipeline> {
  const loaded: ModelParts<BertPreTrainedModel>["loaded"][] = [];
  const dispose = (): void => {
    for (const each of loaded) each.dispose();
  };
  const loadInto = async <Model extends BertPreTrainedModel>(
    models: Record<string, Model>,
    name: string,
    loading: Promise<ModelParts<Model>>,
  ): Promise<void> => {
    const part = (await loading).loaded;
    loaded.push(part);
    requireSame(name, part.tokenizer, loaded[0]!.tokenizer);
    models[name] = part.model;
  };
  const labels: Record<string, BertForSequenceClassification> = {};
  const spans: Record<string, BertForTokenClassification> = {};
  try {
    for (const [name, source] of Object.entries(sources.labels ?? {})) {
      const load = BertForSequenceClassification.fromPretrained.bind(BertForSequenceClassification, source);
      await loadInto(labels, name, loadModel("classify texts", source, options, load));
    }
    for (const [name, source] of Object.entries(sources.spans ?? {})) {
      const load = BertForTokenClassification.fromPretrained.bind(BertForTokenClassification, source);
      await loadInto(spans, name, loadModel("classify tokens", source, options, load));
    }
  } catch (error) {
    dispose();
    throw error;
  }
  if (loaded.length === 0)
    throw new RangeError("Cannot analyze comments without a model: pass labels, spans or both");
  const [heads, { tokenizer }] = [{ labels, spans }, loaded[0]!];
  return {
    heads,
    tokenizer,
    dispose,
    run: async (comment, options) => analyze(heads, tokenizer, comment, options),
    runAll: async (comments, options) => analyze(heads, tokenizer, comments, options),
  };
}

// --- internal ---

function requireSame(name: string, tokenizer: BertTokenizer, other: BertTokenizer): void {
  if (tokenizer === other || tokenizer.toJson() === other.toJson()) return;
  throw new RangeError(
    `Cannot analyze comments with these models together as their tokenizers differ: ${name} has another than the first`,
  );
}
