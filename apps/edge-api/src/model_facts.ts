import type { PretrainedSource } from "@kcbert/bert";
import { type ModelTask, taskOf } from "./task.ts";

/** What a model's `config.json` says about it, as far as that is asked for before it is loaded. */
export interface ModelFacts {
  /** What it is for. */
  readonly task: ModelTask;
  /** The names of a classifier's labels, in order; empty for other models. */
  readonly labels: readonly string[];
  /** Bytes of its weights as they will be in memory, about. */
  readonly bytes: number;
  /** The longest text, in tokens. */
  readonly maxInputLength: number;
  /** What its weights are: `float32`, `int8`, `int4`. */
  readonly dtype: string;
}

/**
 * Read the facts of a model's folder, without loading it.
 *
 * @throws {SyntaxError} If its `config.json` is missing or does not parse.
 */
export async function readModelFacts(source: PretrainedSource): Promise<ModelFacts> {
  const found = await source("config.json");
  if (found === undefined) throw new SyntaxError("The folder has no config.json");
  const config: unknown = JSON.parse(await new Response(found as Uint8Array<ArrayBuffer>).text());
  if (typeof config !== "object" || config === null) throw new SyntaxError("Its config.json is no object");
  const entries = new Map<string, unknown>(Object.entries(config));
  const architectures = Array.isArray(entries.get("architectures"))
    ? (entries.get("architectures") as unknown[]).map(String)
    : undefined;
  const bits = Number(new Map(Object.entries(entries.get("quantization_config") ?? {})).get("bits") ?? 32);
  const task = taskOf({ architectures });
  return {
    task,
    labels: task.endsWith("-classification") ? labelsOf(entries.get("id2label")) : [],
    bytes: Math.round((weightsOf(entries) * bits) / 8),
    maxInputLength: count(entries, "max_position_embeddings"),
    dtype: bits === 32 ? "float32" : `int${bits}`,
  };
}

// --- internal ---

function labelsOf(id2label: unknown): string[] {
  if (typeof id2label !== "object" || id2label === null) return [];
  return Object.entries(id2label)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => String(label));
}

function count(entries: ReadonlyMap<string, unknown>, name: string): number {
  const value = Number(entries.get(name));
  return Number.isFinite(value) && value > 0 ? value : 0;
}

/** Word and position tables, and the dense layers of the encoder: four of attention, two of the feed-forward. */
function weightsOf(entries: ReadonlyMap<string, unknown>): number {
  const [hidden, layers] = [count(entries, "hidden_size"), count(entries, "num_hidden_layers")];
  const tables = count(entries, "vocab_size") + count(entries, "max_position_embeddings");
  return hidden * (tables + layers * (4 * hidden + 2 * count(entries, "intermediate_size")));
}
