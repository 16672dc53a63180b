/** One line of the app's log. It never holds the text of a comment, unless that was asked for. */
export interface LogRecord {
  /** How bad it is. */
  readonly level: "info" | "warning" | "error";
  /** What happened. */
  readonly message: string;
  /** The request it belongs to, as in the `X-Request-Id` header. */
  readonly requestId?: string;
  /** The request's method. */
  readonly method?: string;
  /** The request's path. */
  readonly path?: string;
  /** The answer's status. */
  readonly status?: number;
  /** Milliseconds from the request's first byte to the response's headers. */
  readonly milliseconds?: number;
  /** Texts that a model was asked about. */
  readonly texts?: number;
  /** Their tokens. */
  readonly tokens?: number;
  /** Milliseconds that they waited. */
  readonly queueMs?: number;
  /** Milliseconds that the model computed. */
  readonly inferenceMs?: number;
  /** The request's body as it came: only where the app was told to log it. */
  readonly body?: string;
  /** The stack of an unexpected error: for the log alone, never for a client. */
  readonly stack?: string;
}

/** Where the app's log goes; it must not throw. */
export type Log = (record: LogRecord) => void;
