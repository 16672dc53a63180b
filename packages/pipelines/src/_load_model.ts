import type {
  BertPreTrainedModel,
  FromPretrainedOptions,
  PretrainedSource,
  SharedWeights,
} from "@kcbert/bert";
import type { CleanedText } from "@kcbert/normalizer";
import type { BertTokenizer } from "@kcbert/tokenizer";
import { checkFit } from "./_checks.ts";
import { cleaningOf } from "./_cleaning.ts";
import type { ReadSourceOptions } from "./_read_source.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

/** How a model is loaded. */
export interface LoadModelOptions extends ReadSourceOptions {
  /** Weights that it has in common with other models, each then in memory once: see `SharedWeights` of `@kcbert/bert`. */
  readonly shared?: SharedWeights;
}

/** A model with its tokenizer and its cleaning, ready to be asked. */
export interface LoadedModel<Model extends BertPreTrainedModel> {
  /** The model; `dispose` frees it. */
  readonly model: Model;
  /** The model's tokenizer. */
  readonly tokenizer: BertTokenizer;
  /** Cleans a text as the model's training text was; the identity where the folder does not ask for it. */
  readonly clean: (text: string) => string;
  /** Free the model's tensors. */
  dispose(): void;
}

/** What a pipeline is put together from. */
export interface ModelParts<Model extends BertPreTrainedModel> {
  /** What the pipeline shows of it. */
  readonly loaded: LoadedModel<Model>;
  /** The cleaning with the way back, if the folder asks for one. */
  readonly cleaning: ((text: string) => CleanedText) | undefined;
}

/**
 * Load tokenizer and model of a folder, and see that they fit and that the model is complete: a head that the folder lacks
 * would be made up of random numbers, and so would its answers.
 *
 * @param task What it is for, for messages: `classify text`.
 * @param load Loads the model with the options given.
 */
export async function loadModel<Model extends BertPreTrainedModel>(
  task: string,
  source: PretrainedSource,
  { signal, shared }: LoadModelOptions,
  load: (options: FromPretrainedOptions) => Promise<Model>,
): Promise<ModelParts<Model>> {
  const given = signal === undefined ? {} : { signal };
  const loading = load({
    ...given,
    ...(shared === undefined ? {} : { shared }),
    frozen: true, // nothing is trained here: the word table stays out of the backend's memory
    onReport: ({ missing }) => requireAll(task, missing),
  });
  const [read, made] = await Promise.allSettled([loadTokenizer(source, given), loading]);
  if (read.status === "rejected" && made.status === "fulfilled") made.value.dispose();
  if (read.status === "rejected") throw read.reason;
  if (made.status === "rejected") throw made.reason;
  const [tokenizer, model] = [read.value, made.value];
  try {
    checkFit(task, model, tokenizer);
    const cleaning = cleaningOf(model.config);
    const clean = (text: string): string => (cleaning === undefined ? text : cleaning(text).text);
    return { loaded: { model, tokenizer, clean, dispose: () => model.dispose() }, cleaning };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

// --- internal ---

function requireAll(task: string, missing: readonly string[]): void {
  if (missing.length === 0) return;
  const others = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
  throw new RangeError(
    `Cannot ${task} with this model as it was not trained for that: its folder lacks ${missing[0]}${others}`,
  );
}
