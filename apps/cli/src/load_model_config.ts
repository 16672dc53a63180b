import type { BertConfig } from "@kcbert/bert";
import { CliError, sentence } from "./failure.ts";
import { resolveModel } from "./hub/resolve_model.ts";
import { modelFolder } from "./model_folder.ts";

/**
 * The `config.json` of a model: a folder, or the name of a downloaded model.
 *
 * @throws {CliError} If it cannot be read.
 */
export async function loadModelConfig(model: string): Promise<BertConfig> {
  const { loadConfig } = await import("@kcbert/bert");
  try {
    return await loadConfig(modelFolder(resolveModel(model)));
  } catch (error) {
    throw new CliError(`Cannot load the model ${model}: ${sentence(error)}`, { cause: error });
  }
}
