import { CheckpointError } from "@kcbert/safetensors";
import type { BertConfig } from "./config.ts";
import type { PretrainedSource } from "./pretrained.ts";
import { type Quantization, quantizedStem } from "./quantization.ts";

/** The file that an overlay lies over. */
export interface OverlayBase {
  /** What it is called. */
  readonly name: string;
  /** Of its file of weights, hexadecimal. */
  readonly sha256: string;
}

/**
 * What the weights beside a config lie over; `undefined` if they are whole.
 *
 * @throws {TypeError} If it is said in another form.
 */
export function baseOf({ extra }: BertConfig): OverlayBase | undefined {
  const written = entriesOf(extra?.get("kcbert")).get(ENTRY);
  if (written === undefined) return undefined;
  const [name, hash] = ["name", "sha256"].map((key) => entriesOf(written).get(key));
  if (typeof name === "string" && typeof hash === "string") return { name, sha256: hash };
  throw new TypeError(
    `Cannot use this BERT config as kcbert.${ENTRY} must have a name and a sha256: it is ${JSON.stringify(written).slice(0, 200)}`,
  );
}

/** The config of a model that lies over a base, or is whole. */
export function withBase(config: BertConfig, base: OverlayBase | undefined): BertConfig {
  const kcbert = entriesOf(config.extra?.get("kcbert"));
  if (base === undefined) kcbert.delete(ENTRY);
  else kcbert.set(ENTRY, base);
  const extra = new Map(config.extra);
  if (kcbert.size === 0) extra.delete("kcbert");
  else extra.set("kcbert", Object.fromEntries(kcbert));
  return { ...config, extra };
}

/** What the name of an overlay's file begins with. */
export function overlayStem(quantization: Quantization): string {
  return quantizedStem(quantization).replace(/^model/, "overlay");
}

/**
 * The same folder, but that it gives the base's weights only if they are those that the overlay was made for.
 *
 * @throws While reading, {CheckpointError} if they are not, or there are none.
 */
export function checkedBase(
  source: PretrainedSource,
  base: OverlayBase,
  quantization: Quantization,
): PretrainedSource {
  return async (name, options) => {
    if (name !== weightFile(quantization)) return undefined; // no shards
    const bytes = await readBase(source, quantization, base.name, options?.signal);
    const found = await sha256(bytes);
    if (found === base.sha256) return bytes;
    throw unloadable(
      `they lie over ${base.name}, of which they need the version that they were made for: sha256 of its ${name} must be ${base.sha256}, and is ${found}`,
    );
  };
}

/** The base's file of weights, whole. */
export async function readBase(
  source: PretrainedSource,
  quantization: Quantization,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const content = await source(weightFile(quantization), signal === undefined ? {} : { signal });
  if (content instanceof Uint8Array) return content;
  if (content !== undefined) return new Uint8Array(await new Response(content).arrayBuffer());
  throw unloadable(
    `they are only what differs from ${name}: the source must give ${weightFile(quantization)} of that, too`,
  );
}

/** The SHA-256 of bytes, hexadecimal. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The error of weights that cannot be loaded. */
export function unloadable(problem: string): CheckpointError {
  return new CheckpointError(`Cannot load the weights as ${problem}`);
}

// --- internal ---

const ENTRY = "base";

function weightFile(quantization: Quantization): string {
  return `${quantizedStem(quantization)}.safetensors`;
}

function entriesOf(value: unknown): Map<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}
