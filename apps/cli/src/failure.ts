/** The exit status of a command that could not do its work. */
export const EXIT_FAILED = 1;
/** The exit status of a command that was asked wrongly: an unknown flag, a value out of range. */
const EXIT_USAGE = 2;

/**
 * A failure that a person is told in one sentence: what happened, to what, and what would work.
 *
 * Whatever else is thrown is a fault of the program or of a library; `sentence` shortens that to one line too.
 */
export class CliError extends Error {
  override name = "CliError";
  /** The status that the process ends with. */
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT_FAILED;
  }
}

/** A `CliError` for a command line that does not make sense. */
export class UsageError extends CliError {
  override name = "UsageError";

  constructor(message: string) {
    super(message, { exitCode: EXIT_USAGE });
  }
}

/**
 * Say that something could not be done to a file, in the words of the system error behind it.
 *
 * @param action What was tried, as it follows "Cannot": `read a.txt`.
 * @param error What was thrown; its `code` chooses the words.
 */
export function fileError(action: string, error: unknown): CliError {
  if (error instanceof CliError) return error;
  return new CliError(`Cannot ${action}: ${systemReason(error)}`, { cause: error });
}

/** The `code` of a system error (`ENOENT`), or `undefined`. */
export function errorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** One line for whatever was thrown: its message without line breaks and without a final period. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*\n\s*/g, " ").replace(/\.$/, "");
}

// --- internal ---

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission is denied",
  EDQUOT: "the disk quota is used up",
  EEXIST: "it exists already",
  EFBIG: "the file would be larger than the system allows",
  EIO: "the device reports an input/output error",
  EISDIR: "it is a directory, not a file",
  ELOOP: "its symbolic links lead in a circle",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "its name is too long",
  ENOENT: "there is no such file or directory",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is not a directory",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  ETXTBSY: "it is a program that is running",
};

function systemReason(error: unknown): string {
  const code = errorCode(error);
  return (code === undefined ? undefined : REASONS[code]) ?? sentence(error);
}
