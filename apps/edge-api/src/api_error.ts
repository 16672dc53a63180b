import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** The kinds of failure that clients of text-embeddings-inference know, spelled as they are on its wire. */
export type ErrorType = "Validation" | "Empty" | "Backend" | "Overloaded";

/** The body of every answer that is not a success. */
export interface ErrorBody {
  /** What happened, in a sentence. */
  readonly error: string;
  /** Its kind. */
  readonly error_type: ErrorType;
}

/**
 * A failure that a client is told about: a status, a sentence and, for a wait, how long.
 *
 * Anything else that is thrown inside the app becomes a 500 that says nothing of its cause.
 */
export class ApiError extends HTTPException {
  /** Tells it from other errors. */
  override readonly name = "ApiError";
  /** Its kind. */
  readonly errorType: ErrorType;
  /** Seconds for the `Retry-After` header, when waiting helps. */
  readonly retryAfter: number | undefined;

  /**
   * A failure to throw.
   *
   * @param status The HTTP status; never 503, which Hugging Face's clients retry without end or pause.
   * @param message What happened, the value, and what would work.
   * @param options The kind, by default as `status` suggests; seconds to wait; the cause, for the log.
   */
  constructor(
    status: ContentfulStatusCode,
    message: string,
    options: { errorType?: ErrorType; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(status, { message, cause: options.cause });
    this.errorType = options.errorType ?? typeOfStatus(status);
    this.retryAfter = options.retryAfter;
  }

  /** The JSON body that the client gets. */
  body(): ErrorBody {
    return { error: this.message, error_type: this.errorType };
  }
}

// --- internal ---

function typeOfStatus(status: number): ErrorType {
  if (status === 429) return "Overloaded";
  return status === 424 || status >= 500 ? "Backend" : "Validation";
}
