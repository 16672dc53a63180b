/** A model folder, a backend, and the session of fine-tuning on them. */
import { dequantized, loadConfig, type PretrainedSource } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { Jit } from "@kcbert/trainer";
import { startBackend } from "../backend.ts";
import { CliError, sentence } from "../failure.ts";
import { loadTokenizerPath } from "../load_tokenizer_path.ts";
import { modelFolder } from "../model_folder.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import type { ChosenBackend } from "./finetune_flags.ts";
import { FinetuneSession } from "./finetune_session.ts";

/** A model that can be fine-tuned or scored. */
export interface OpenedModel {
  readonly source: PretrainedSource;
  readonly tokenizer: BertTokenizer;
  readonly clean: (text: string) => string;
  /** Compiles, on a backend that does. */
  readonly jit: Jit | undefined;
  readonly session: FinetuneSession;
}

/**
 * Open a model.
 *
 * @param name A folder, or the name of a downloaded model.
 * @param options `floats`: a quantised model is opened as one of floats, which can learn.
 * @throws {CliError} If there is none, or the backend cannot start.
 */
export async function openSession(
  name: string,
  { backend, floats = false, signal }: { backend: ChosenBackend; floats?: boolean; signal: AbortSignal },
): Promise<OpenedModel> {
  const folder = modelFolder(resolveModel(name));
  const source = floats ? dequantized(folder) : folder;
  const tokenizer = await loadTokenizerPath(name);
  const { jit, device } = await startBackend(backend.name, backend.options);
  try {
    const { loadClean } = await import("@kcbert/pipelines");
    const [config, clean] = [await loadConfig(source, { signal }), await loadClean(source, { signal })];
    const options = {
      name,
      source,
      config,
      tokenizer,
      clean,
      backend: describe(backend, device),
      jit,
      signal,
    };
    return { source, tokenizer, clean, jit, session: new FinetuneSession(options) };
  } catch (error) {
    throw new CliError(`Cannot load the model ${name}: ${sentence(error)}`, { cause: error });
  }
}

/** The files of a tokenizer, so that a folder with a model is whole. */
export async function tokenizerFiles(
  source: PretrainedSource,
  tokenizer: BertTokenizer,
  maxLength: number,
): Promise<Map<string, Uint8Array>> {
  const { formatTokenizerConfig } = await import("@kcbert/tokenizer");
  const encoder = new TextEncoder();
  const files = new Map<string, Uint8Array>([
    ["vocab.txt", encoder.encode(tokenizer.vocabText())],
    ["tokenizer.json", encoder.encode(tokenizer.toJson())],
    ["tokenizer_config.json", encoder.encode(formatTokenizerConfig(tokenizer, maxLength))],
  ]);
  for (const name of files.keys()) {
    const own = await source(name);
    if (own instanceof Uint8Array) files.set(name, own);
  }
  return files;
}

// --- internal ---

/** `xla:cuda, bf16, NVIDIA H100 80GB HBM3`. */
function describe({ name, options }: ChosenBackend, device: string | undefined): string {
  const { precision = "fp32" } = options;
  return [name, ...(precision === "fp32" ? [] : [precision]), ...(device === undefined ? [] : [device])].join(
    ", ",
  );
}
