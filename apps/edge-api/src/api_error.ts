import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** The kinds of failure that clients of text-embeddings-inference know, spelled as they are on its wire. */
export type ErrorType = "Validation" | "Empty" | "Backend" | "Overloaded";

/** The body of every answer that is not a success, on all routes but those below `/v1`. */
export interface ErrorBody {
  /** What happened, in a sentence. */
  readonly error: string;
  /** Its kind. */
  readonly error_type: ErrorType;
}

/** The body of every answer that is not a success below `/v1`, as OpenAI's clients read it. */
export interface OpenAiErrorBody {
  /** What happened. */
  readonly error: {
    /** In a sentence. */
    readonly message: string;
    /** Its kind: `invalid_request_error`, `rate_limit_error`, `authentication_error`, `server_error`. */
    readonly type: string;
    /** Its kind, narrower, where there is a name for it: `model_not_found`. */
    readonly code: string | null;
    /** The field at fault. */
    readonly param: string | null;
  };
}

/** More about an {@link ApiError}. */
export interface ApiErrorOptions {
  /** Its kind; by default as the status suggests. */
  readonly errorType?: ErrorType;
  /** Seconds to wait, when waiting helps. */
  readonly retryAfter?: number;
  /** OpenAI's name for it. */
  readonly code?: string;
  /** The field at fault. */
  readonly param?: string;
  /** The cause, for the log. */
  readonly cause?: unknown;
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
  /** OpenAI's name for it. */
  readonly code: string | undefined;
  /** The field at fault. */
  readonly param: string | undefined;

  /**
   * A failure to throw.
   *
   * @param status The HTTP status; never 503, which Hugging Face's clients retry without end or pause.
   * @param message What happened, the value, and what would work.
   */
  constructor(status: ContentfulStatusCode, message: string, options: ApiErrorOptions = {}) {
    super(status, { message, cause: options.cause });
    this.errorType = options.errorType ?? typeOfStatus(status);
    this.retryAfter = options.retryAfter;
    this.code = options.code;
    this.param = options.param;
  }

  /** The JSON body that the client gets, in the dialect of the path it asked. */
  body(path: string): ErrorBody | OpenAiErrorBody {
    if (!isOpenAi(path)) return { error: this.message, error_type: this.errorType };
    const { message, status, code = null, param = null } = this;
    return { error: { message, type: openAiType(status), code, param } };
  }
}

// --- internal ---

function typeOfStatus(status: number): ErrorType {
  if (status === 429) return "Overloaded";
  return status === 424 || status >= 500 ? "Backend" : "Validation";
}

function openAiType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 429) return "rate_limit_error";
  return status === 424 || status >= 500 ? "server_error" : "invalid_request_error";
}

/** Whether a path is one that OpenAI's clients ask. */
function isOpenAi(path: string): boolean {
  return path === "/embeddings" || path.startsWith("/v1/");
}
