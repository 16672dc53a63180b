/** One folder of several models that share an encoder. */
import type { PretrainedSink } from "@kcbert/bert";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "@kcbert/safetensors";

/** A model, as far as it is saved. */
interface Saved {
  save(sink: PretrainedSink): Promise<void>;
}

/**
 * The files of a folder that holds the parameters of all models, each once. Whoever loads one of them from it takes what
 * it needs, as Hugging Face does.
 *
 * @param models Of one size and form; a parameter that two of them have is the same. `config.json` is the first one's,
 * with all `architectures`.
 * @returns The files by name.
 */
export async function joinedFolder(models: readonly Saved[]): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  if (models.length === 1) {
    await models[0]!.save(async (name, bytes) => void files.set(name, bytes)); // nothing to join: its files are the folder's
    return files;
  }
  const tensors = new Map<string, SafetensorsTensor>();
  const architectures: string[] = [];
  let config: Record<string, unknown> | undefined;
  let weights = "";
  for (const model of models) {
    await model.save(async (name, bytes) => {
      if (name === "config.json") {
        const own = JSON.parse(new TextDecoder().decode(bytes)) as { architectures: string[] };
        config ??= own as unknown as Record<string, unknown>;
        architectures.push(...own.architectures);
      } else {
        weights = name;
        for (const [key, tensor] of readSafetensors(bytes).tensors) tensors.set(key, tensor);
      }
    });
  }
  files.set(weights, writeSafetensors([...tensors], { format: "pt" }));
  files.set(
    "config.json",
    new TextEncoder().encode(`${JSON.stringify({ ...config, architectures }, null, 2)}\n`),
  );
  return files;
}
