/**
 * A checkpoint file is broken, hostile, or of a kind that is not read here: the file is at fault, not the call.
 *
 * All readers of this package throw it, and nothing else, for whatever bytes they are given, so that a caller can tell
 * a bad file from a failed download or a mistake in the program.
 *
 * @example
 * ```ts
 * import { CheckpointError, readSafetensors } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * assert.throws(() => readSafetensors(new Uint8Array(3)), CheckpointError);
 * ```
 */
export class CheckpointError extends SyntaxError {
  /** Where in the file, in bytes from its start; `undefined` where no one place is at fault. */
  readonly offset: number | undefined;

  /**
   * An error about a file.
   *
   * @param message What is wrong.
   * @param offset Where in the file, in bytes.
   * @param options The cause, if any.
   */
  constructor(message: string, offset?: number, options?: ErrorOptions) {
    super(message, options);
    this.offset = offset;
  }

  /** The name of the class. */
  override get name(): string {
    return "CheckpointError";
  }
}
