import type { BertConfig } from "./config.ts";

/** How the dense layers of a model are quantised; its tables are int8 by row either way. */
export interface Quantization {
  /** Bits of a weight. */
  readonly bits: 8 | 4;
  /** Weights of a row that share a scale, with 4 bits; absent with 8, where all of them do. */
  readonly groupSize?: 32 | 64 | undefined;
}

/**
 * How the weights beside a config are quantised, by its `quantization_config`; `undefined` if they are not.
 *
 * @throws {RangeError} If they are, but by another tool or in another way.
 */
export function quantizationOf({ extra }: BertConfig): Quantization | undefined {
  const written = extra?.get(ENTRY) ?? undefined;
  if (written === undefined) return undefined;
  const entries = new Map<string, unknown>(Object.entries(written));
  const known = KNOWN.find((kind) =>
    Object.entries(entriesOf(kind)).every(([key, value]) => (entries.get(key) ?? null) === value),
  );
  if (known !== undefined) return known;
  throw new RangeError(
    `Cannot load the model as ${ENTRY} must be ${KNOWN.map((kind) => JSON.stringify(entriesOf(kind))).join(" or ")}: it is ${JSON.stringify(written).slice(0, 200)}`,
  );
}

/** The config of a model that is quantised so, or not. */
export function withQuantization(config: BertConfig, quantization: Quantization | undefined): BertConfig {
  const extra = new Map(config.extra);
  if (quantization === undefined && !extra.delete(ENTRY)) return config;
  if (quantization !== undefined) extra.set(ENTRY, entriesOf(quantization));
  return { ...config, extra };
}

/** What the names of the weight files begin with. */
export function quantizedStem({ bits }: Quantization): string {
  return `model.int${bits}`;
}

// --- internal ---

const ENTRY = "quantization_config";

const KNOWN: readonly Quantization[] = [{ bits: 8 }, { bits: 4, groupSize: 32 }, { bits: 4, groupSize: 64 }];

/** The entry in `config.json`. Transformers does not know the method, and so refuses the folder, as it should. */
function entriesOf({
  bits,
  groupSize = null,
}: {
  bits: number;
  groupSize?: number | null | undefined;
}): object {
  return { quant_method: "kcbert", bits, group_size: groupSize };
}
