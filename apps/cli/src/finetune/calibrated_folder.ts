/** A classifier's folder with its temperature in its last layer, so that whoever runs it gets calibrated probabilities. */
import { formatBertConfig, loadConfig, type PretrainedSource } from "@kcbert/bert";
import { fromFloat32, readSafetensors, toFloat32, writeSafetensors } from "@kcbert/safetensors";
import { CliError } from "../failure.ts";

/** What a calibration changes. */
export interface CalibrationChange {
  /** By which logits are divided. */
  readonly temperature: number;
  /** The probability below which an answer is unsure, of the divided logits. */
  readonly unsureBelow: number;
}

/**
 * The files of `source` that change: `config.json`, and the weights with `classifier.weight` and `classifier.bias` divided by the
 * temperature.
 *
 * @throws {CliError} If the weights are not in one safetensors file, or hold no classifier.
 */
export async function calibratedFiles(
  source: PretrainedSource,
  { temperature, unsureBelow }: CalibrationChange,
): Promise<Map<string, Uint8Array>> {
  const [name, bytes] = await weightFile(source);
  const { metadata, tensors } = readSafetensors(bytes);
  const changed = new Map(tensors);
  for (const key of ["classifier.weight", "classifier.bias"]) {
    const tensor = tensors.get(key);
    if (tensor === undefined) throw uncalibrated(`${name} has no ${key}`);
    const values = toFloat32(tensor).map((value) => value / temperature);
    changed.set(key, fromFloat32(values, tensor.shape, tensor.dtype as "F32" | "F16" | "BF16"));
  }
  const config = formatBertConfig({ ...(await loadConfig(source)), unsureBelow });
  return new Map([
    [name, writeSafetensors(changed, metadata)],
    ["config.json", new TextEncoder().encode(config)],
  ]);
}

// --- internal ---

const WEIGHTS: readonly string[] = ["model.safetensors", "model.int8.safetensors", "model.int4.safetensors"];

const OVERLAYS: readonly string[] = ["overlay.int8.safetensors", "overlay.int4.safetensors"];

async function weightFile(source: PretrainedSource): Promise<[name: string, bytes: Uint8Array]> {
  for (const name of OVERLAYS) {
    if ((await source(name)) === undefined) continue;
    throw uncalibrated(`${name} lies over another model's weights: do so before quantize --base`);
  }
  for (const name of WEIGHTS) {
    const found = await source(name);
    if (found instanceof Uint8Array) return [name, found];
  }
  throw uncalibrated(`its folder has none of ${WEIGHTS.join(", ")}, of less than 2 GiB`);
}

function uncalibrated(why: string): CliError {
  return new CliError(`Cannot calibrate the model as ${why}`);
}
