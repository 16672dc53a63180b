import { readFileSync, statSync } from "node:fs";
import type { BertTokenizer } from "@kcbert/tokenizer";
import { loadTokenizer } from "@kcbert/pipelines/load_tokenizer";
import { CliError, fileError, sentence } from "./failure.ts";
import { resolveModel } from "./hub/resolve_model.ts";
import { modelFolder } from "./model_folder.ts";

/**
 * Load a tokenizer from where a flag says it is: a model folder, the name of a downloaded model, a `tokenizer.json`, or a
 * vocabulary with one token a line.
 *
 * @throws {CliError} If it cannot be read, or is no tokenizer of BERT's kind.
 */
export async function loadTokenizerPath(name: string): Promise<BertTokenizer> {
  const path = resolveModel(name);
  const folder = isFolder(path);
  const source = folder ? modelFolder(path) : singleFile(path);
  try {
    return await loadTokenizer(source);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`Cannot load the tokenizer ${path}: ${sentence(error)}`, { cause: error });
  }
}

// --- internal ---

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw fileError(`load the tokenizer ${path}`, error);
  }
}

/** A file alone, as if it were a folder with only this file in it. */
function singleFile(path: string): (name: string) => Promise<Uint8Array | undefined> {
  const only = path.endsWith(".json") ? "tokenizer.json" : "vocab.txt";
  return async (name) => {
    if (name !== only) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      throw fileError(`load the tokenizer ${path}`, error);
    }
  };
}
