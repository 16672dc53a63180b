/** The code of a {@link PjrtError}: the name of an Abseil status. */
export type PjrtErrorCode =
  | "OK"
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

/** What kind of mistake XLA reports: the names of Abseil's status codes, by number. */
const CODES: readonly PjrtErrorCode[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/**
 * An error that a PJRT plugin reported: what was being done, XLA's code and XLA's own words.
 *
 * @example
 * ```ts
 * import { PjrtError } from "@kcbert/xla";
 * import assert from "node:assert/strict";
 *
 * const error = new PjrtError("Cannot compile the program", 3, "unknown dialect 'stablehl'");
 * assert.equal(error.code, "INVALID_ARGUMENT");
 * assert.equal(error.message, "Cannot compile the program: unknown dialect 'stablehl' (INVALID_ARGUMENT)");
 * ```
 */
export class PjrtError extends Error {
  /** `PjrtError`. */
  override readonly name: string = "PjrtError";
  /** XLA's code. */
  readonly code: PjrtErrorCode;
  /** XLA's message, as it came. */
  readonly reason: string;

  /**
   * Made by whoever calls a plugin.
   *
   * @param doing What could not be done, as a sentence without its end.
   * @param code XLA's code, 1 to 16; another number counts as `UNKNOWN`.
   * @param reason XLA's message.
   */
  constructor(doing: string, code: number, reason: string) {
    const name = CODES[code] ?? "UNKNOWN";
    super(`${doing}: ${reason.trim() || "no reason given"} (${name})`);
    this.code = name;
    this.reason = reason;
  }
}

/**
 * The device's memory does not suffice: how much was asked for and how much there is, as far as the plugin tells.
 *
 * @example
 * ```ts
 * import { PjrtOutOfMemoryError } from "@kcbert/xla";
 * import assert from "node:assert/strict";
 *
 * const reason = "Out of memory while trying to allocate 12000000000 bytes.";
 * const error = new PjrtOutOfMemoryError("Cannot run the program", reason, { inUse: 4e9, limit: 10e9 });
 * assert.equal(error.requested, 12e9);
 * assert.equal(error.available, 6e9);
 * assert.equal(error.fittingBatch(256), 128);
 * ```
 */
export class PjrtOutOfMemoryError extends PjrtError {
  /** `PjrtOutOfMemoryError`. */
  override readonly name: string = "PjrtOutOfMemoryError";
  /** The bytes that were asked for; `undefined` if the plugin does not tell. */
  readonly requested: number | undefined;
  /** The bytes that there are for it; `undefined` if the plugin does not tell. */
  readonly available: number | undefined;

  /**
   * Made by whoever calls a plugin.
   *
   * @param doing What could not be done, as a sentence without its end.
   * @param reason XLA's message, which is searched for the figures.
   * @param memory What the device's memory holds.
   */
  constructor(doing: string, reason: string, memory?: { inUse: number; limit?: number }) {
    const { requested, available } = readFigures(reason, memory);
    const told = [
      requested === undefined ? [] : [`it asks for ${gibibytes(requested)}`],
      available === undefined ? [] : [`the device has ${gibibytes(available)} for it`],
    ].flat();
    super(told.length === 0 ? doing : `${doing} as ${told.join(", and ")}`, RESOURCE_EXHAUSTED, reason);
    this.requested = requested;
    this.available = available;
  }

  /**
   * The largest batch that would fit, on the assumption that what was asked for grows with the batch; what does not
   * grow makes the answer too small, never too large.
   *
   * @param batch The batch that did not fit.
   * @returns The batch, at least 1; or `undefined` if the plugin told no figures.
   */
  fittingBatch(batch: number): number | undefined {
    if (this.requested === undefined || this.available === undefined) return undefined;
    return Math.max(1, Math.floor((batch * this.available) / this.requested));
  }
}

// --- internal ---

const RESOURCE_EXHAUSTED = 8;

/** The figures that XLA's allocators and its TPU compiler put into their messages. */
function readFigures(
  reason: string,
  memory: { inUse: number; limit?: number } | undefined,
): { requested: number | undefined; available: number | undefined } {
  const compiler = /Used ([\d.]+[KMGT]?) of ([\d.]+[KMGT]?) (?:hbm|vmem|smem)/i.exec(reason);
  if (compiler !== null) return { requested: bytes(compiler[1]!), available: bytes(compiler[2]!) };
  const allocator = /allocat(?:e|ing)\s+([\d.]+)\s*([KMGT]?)(?:i?B|\s*bytes)?/i.exec(reason);
  const limit = memory?.limit;
  return {
    requested: allocator === null ? undefined : bytes(`${allocator[1]}${allocator[2]}`),
    available: limit === undefined ? undefined : Math.max(0, limit - memory!.inUse),
  };
}

/** `35.3G` in bytes; the letters stand for powers of 1024. */
function bytes(text: string): number {
  const power = " KMGT".indexOf(text.at(-1)!.toUpperCase());
  return Math.round(Number.parseFloat(text) * 1024 ** Math.max(0, power));
}

function gibibytes(bytes: number): string {
  return bytes < 2 ** 27 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
