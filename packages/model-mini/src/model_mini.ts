import { folderFiles, type ModelSource } from "./folder_files.ts";

/** Where the files are. */
export interface ModelMiniOptions {
  /**
   * The address of the folder that holds them, for a bundle beside which they were copied: `https:`, `http:`, or `file:`
   * where the runtime reads files. By default the package itself, which is right wherever it is installed and not
   * bundled.
   */
  base?: URL | string;
}

/**
 * The folder of the model.
 *
 * @returns A source: bytes of a file, or `undefined` for a file that the folder does not have. It rejects if the files cannot
 * be reached.
 * @throws {TypeError} If `base` is no address.
 *
 * @example
 * ```ts
 * import { modelMini } from "@kcbert/model-mini";
 * import assert from "node:assert/strict";
 *
 * const source = modelMini();
 * const config = JSON.parse(new TextDecoder().decode(await source("config.json")));
 * assert.equal(config.model_type, "bert");
 * assert.equal(await source("pytorch_model.bin"), undefined);
 * ```
 */
export function modelMini({ base }: ModelMiniOptions = {}): ModelSource {
  return folderFiles(base ?? new URL("../", import.meta.url), { names: FILES, of: "@kcbert/model-mini" });
}

// --- internal ---

const FILES: readonly string[] = [
  "config.json",
  "model.int8.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
];
