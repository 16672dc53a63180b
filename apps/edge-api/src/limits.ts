/** What one request may ask for, and what all of them together; a limit that is met exactly is still allowed. */
export interface Limits {
  /** Bytes of a request body; more is answered 413 before anything is parsed. */
  readonly bodyBytes: number;
  /** How deep a body's lists and objects may be nested; deeper ones are answered 422 before anything is parsed. */
  readonly bodyDepth: number;
  /** Texts in one request. */
  readonly items: number;
  /** Texts in one request that is answered line by line, as NDJSON. */
  readonly streamedItems: number;
  /** UTF-16 code units of one text; far above what a model reads, so that a long comment is cut and not refused. */
  readonly textLength: number;
  /** Answers for one masked text, `parameters.top_k`. */
  readonly topK: number;
  /** Words of `parameters.targets`. */
  readonly targets: number;
  /** Requests that may be at a model at once; one more is answered 429. */
  readonly concurrentRequests: number;
  /** Tokens that go through a model together, padding included. */
  readonly batchTokens: number;
  /** Texts that go through a model together. */
  readonly batchItems: number;
  /** Tokens that may wait for a model; a request that would go beyond is answered 429. */
  readonly queuedTokens: number;
  /** Milliseconds that a request may take: one that waited so long is answered 429, one that computed so long 424. */
  readonly deadlineMs: number;
  /** Bytes of weights in memory; beyond it the model that was used least recently goes. */
  readonly modelBytes: number;
  /** Requests of one client a minute, where the app is told who asks; no limit by default. */
  readonly requestsPerMinute: number;
}

/** The limits in use unless others are given: text-embeddings-inference's where it has the same. */
export const defaultLimits: Limits = {
  bodyBytes: 2 * 1024 * 1024,
  bodyDepth: 32,
  items: 32,
  streamedItems: 10_000,
  textLength: 100_000,
  topK: 1_000,
  targets: 1_000,
  concurrentRequests: 512,
  batchTokens: 2_048,
  batchItems: 32,
  queuedTokens: 131_072,
  deadlineMs: 30_000,
  modelBytes: 2 * 1024 ** 3,
  requestsPerMinute: Infinity,
};
