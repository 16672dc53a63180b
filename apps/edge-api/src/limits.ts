/** What one request may ask for; a limit that is met exactly is still allowed. */
export interface Limits {
  /** Bytes of a request body; more is answered 413 before anything is parsed. */
  readonly bodyBytes: number;
  /** Texts in one request. */
  readonly items: number;
  /** UTF-16 code units of one text; far above what a model reads, so that a long comment is cut and not refused. */
  readonly textLength: number;
  /** Answers for one masked text, `parameters.top_k`. */
  readonly topK: number;
  /** Words of `parameters.targets`. */
  readonly targets: number;
  /** Requests that may be at a model at once; one more is answered 429. */
  readonly concurrentRequests: number;
}

/** The limits in use unless others are given. */
export const defaultLimits: Limits = {
  bodyBytes: 2 * 1024 * 1024,
  items: 32,
  textLength: 100_000,
  topK: 1_000,
  targets: 1_000,
  concurrentRequests: 64,
};
