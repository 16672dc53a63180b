import type { MiddlewareHandler } from "hono";
import { ApiError } from "./api_error.ts";
import type { Clock } from "./clock.ts";
import type { Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { AppEnv } from "./service.ts";
import { noUsage, type Usage } from "./usage.ts";

/** What {@link measured} needs. */
export interface MeasuredOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: Limits;
  /** Whether the log gets the bodies of requests. */
  readonly logBodies: boolean;
}

/**
 * Time each request, tell its answer's headers, the metrics and the log what it took, and give it a signal that aborts when its
 * client leaves or its time is up.
 */
export function measured(options: MeasuredOptions): MiddlewareHandler<AppEnv> {
  const { clock, log, metrics, limits, logBodies } = options;
  return async (c, next) => {
    const start = clock.now();
    const usage = noUsage();
    const over = new AbortController();
    c.set("usage", usage);
    c.set("limits", limits);
    c.set(
      "signal",
      AbortSignal.any([c.req.raw.signal, deadline(usage, over.signal, clock, limits.deadlineMs)]),
    );
    await next();
    const milliseconds = clock.now() - start;
    if (!isStreamed(c.res)) over.abort("answered"); // a reason, so that none is made up with a stack
    const { status } = c.res;
    if (usage.texts > 0) {
      for (const [name, value] of timingHeaders(usage, milliseconds)) c.res.headers.set(name, value);
      measure(metrics, usage, milliseconds);
    }
    if (c.req.method === "POST") countRequest(metrics, usage, status, c.error);
    const { body } = c.var;
    log({
      level: "info",
      message: "request",
      requestId: c.var.requestId,
      method: c.req.method,
      path: c.req.path,
      status,
      milliseconds: Math.round(milliseconds),
      ...(usage.texts === 0 ? {} : logged(usage)),
      ...(logBodies && body !== undefined ? { body } : {}),
    });
  };
}

// --- internal ---

/** Aborts when the time is up: what still waits may try again, what was computed that long may not. */
function deadline(usage: Usage, over: AbortSignal, clock: Clock, deadlineMs: number): AbortSignal {
  if (deadlineMs === Infinity) return over;
  const late = new AbortController();
  const watch = async (): Promise<void> => {
    await clock.wait(deadlineMs, over);
    if (over.aborted) return;
    const seconds = Math.round(deadlineMs / 1_000);
    late.abort(
      usage.batches > 0
        ? new ApiError(424, `The answer takes longer than ${seconds} s: send fewer or shorter texts`)
        : new ApiError(429, `The server is busy as the request waited ${seconds} s: try again`, {
            retryAfter: 1,
          }),
    );
  };
  void watch();
  return late.signal;
}

function isStreamed({ headers }: Response): boolean {
  return /event-stream|ndjson/.test(headers.get("content-type") ?? "");
}

/** The headers of text-embeddings-inference; milliseconds. */
function timingHeaders(usage: Usage, milliseconds: number): [string, string][] {
  const rounded = (value: number): string => String(Math.round(value));
  return [
    ["X-Compute-Type", "cpu"],
    ["X-Compute-Time", rounded(milliseconds)],
    ["X-Compute-Characters", String(usage.characters)],
    ["X-Compute-Tokens", String(usage.tokens)],
    ["X-Total-Time", rounded(milliseconds)],
    ["X-Tokenization-Time", rounded(usage.tokenizationMs)],
    ["X-Queue-Time", rounded(usage.queueMs)],
    ["X-Inference-Time", rounded(usage.inferenceMs)],
    ["X-Truncated", String(usage.truncated)],
  ];
}

function measure(metrics: Metrics, usage: Usage, milliseconds: number): void {
  metrics.observe("te_request_duration", milliseconds / 1_000);
  metrics.observe("te_request_tokenization_duration", usage.tokenizationMs / 1_000);
  metrics.observe("te_request_queue_duration", usage.queueMs / 1_000);
  metrics.observe("te_request_inference_duration", usage.inferenceMs / 1_000);
}

function countRequest(metrics: Metrics, { texts }: Usage, status: number, error: Error | undefined): void {
  const method = texts > 1 ? "batch" : "single";
  metrics.count("te_request_count", { method });
  if (status < 400) metrics.count("te_request_success", { method });
  else {
    const kind = error instanceof ApiError ? error.errorType : "Backend";
    metrics.count("te_request_failure", { err: kind.toLowerCase() });
  }
}

function logged({ texts, tokens, queueMs, inferenceMs }: Usage): object {
  return { texts, tokens, queueMs: Math.round(queueMs), inferenceMs: Math.round(inferenceMs) };
}
