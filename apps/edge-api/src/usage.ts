/** What a request took, for the headers of its answer, the metrics and the log. */
export interface Usage {
  /** Texts that were asked about; 0 as long as no model was. */
  texts: number;
  /** Their characters, in Unicode code points. */
  characters: number;
  /** Their tokens, special ones included, as far as the model reads them. */
  tokens: number;
  /** Whether a text was longer than the model reads. */
  truncated: boolean;
  /** Milliseconds of cleaning and tokenizing. */
  tokenizationMs: number;
  /** Batches that its texts went through a model in. */
  batches: number;
  /** Milliseconds that it waited for its first batch. */
  queueMs: number;
  /** Milliseconds that its batches were computed. */
  inferenceMs: number;
}

/** Nothing yet. */
export function noUsage(): Usage {
  return {
    texts: 0,
    characters: 0,
    tokens: 0,
    truncated: false,
    tokenizationMs: 0,
    batches: 0,
    queueMs: 0,
    inferenceMs: 0,
  };
}
