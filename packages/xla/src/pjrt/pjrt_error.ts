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
