import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { etag } from "hono/etag";
import { requestId } from "hono/request-id";
import { ApiError } from "./api_error.ts";
import { systemClock, type Clock } from "./clock.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import { Models, type ServedModel } from "./models.ts";
import { cleanRoute } from "./routes/clean.ts";
import { defaultModelRoute, fillMaskRoute } from "./routes/fill_mask.ts";
import { healthRoute } from "./routes/health.ts";
import { pageRoute, type PageSource } from "./routes/page.ts";
import { trainingEventsRoute } from "./routes/training_events.ts";
import { requestSchemas } from "./schemas.ts";
import { openCors, strictHeaders } from "./security.ts";
import type { TrainingRun } from "./training_run.ts";

/** What the app is made of. */
export interface AppOptions {
  /** The models it answers with; the first one also answers `POST /`. */
  readonly models: readonly ServedModel[];
  /** Makes a tfjs backend ready; called once, before the first model is loaded. */
  readonly backend: () => Promise<void>;
  /** The run that the page follows. */
  readonly training?: TrainingRun;
  /** The page's files; without them there is only the API. */
  readonly page?: PageSource;
  /** Limits that differ from {@link defaultLimits}. */
  readonly limits?: Partial<Limits>;
  /** Times the requests; by default the machine's. */
  readonly clock?: Clock;
  /** Takes the log; by default nobody does. */
  readonly log?: Log;
  /** Aborts when the server stops: streams end, requests at work are finished. */
  readonly shutdown?: AbortSignal;
}

/** What a request carries through the app. */
export interface AppEnv {
  /** What the middleware sets. */
  Variables: { requestId: string };
}

/**
 * The whole server as a function of `Request`: routes, limits, errors; no file, no socket, no runtime.
 *
 * @example
 * ```ts
 * import { createApp } from "@kcbert/edge-api";
 * import assert from "node:assert/strict";
 *
 * const app = createApp({ models: [], backend: async () => {} });
 * const response = await app.request("/clean", {
 *   method: "POST",
 *   headers: { "content-type": "application/json" },
 *   body: JSON.stringify({ inputs: "ㅋㅋㅋㅋㅋㅋ♡" }),
 * });
 * assert.equal((await response.json()).text, "ㅋㅋ");
 * ```
 */
export function createApp(options: AppOptions): Hono<AppEnv> {
  const { training, page, clock = systemClock, log = () => {} } = options;
  const shutdown = options.shutdown ?? new AbortController().signal;
  const limits = { ...defaultLimits, ...options.limits };
  const schemas = requestSchemas(limits);
  const models = new Models(options.models, {
    load: loaderOn(options.backend),
    log,
    concurrentRequests: limits.concurrentRequests,
  });

  const app = new Hono<AppEnv>();
  app.use(requestId(), logged(log, clock), openCors(), strictHeaders());
  app.use(bodyLimit({ maxSize: limits.bodyBytes, onError: () => refuse(limits.bodyBytes) }));
  app.get("/health", healthRoute(models, training));
  app.get("/training/events", trainingEventsRoute(training, shutdown));
  app.post("/clean", cleanRoute(schemas));
  app.post("/models/*", fillMaskRoute(models, schemas));
  app.post("/", defaultModelRoute(models, schemas));
  if (page !== undefined) app.on("GET", ["/", "/page/:name"], etag(), pageRoute(page));
  app.notFound((c) => c.json(missing(c.req.method, c.req.path).body(), 404));
  app.onError((error, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: 499 }); // the client has left; nobody reads this
    const known = error instanceof ApiError ? error : hidden(error, c.var.requestId, log);
    if (known.retryAfter !== undefined) c.header("Retry-After", String(known.retryAfter));
    if (known.status === 413) c.header("Connection", "close"); // the rest of the body is still on its way there
    return c.json(known.body(), known.status);
  });
  return app;
}

// --- internal ---

/** Load pipelines on a backend that is made ready once; a failure may be tried again. */
function loaderOn(backend: () => Promise<void>): ConstructorParameters<typeof Models>[1]["load"] {
  let ready: Promise<void> | undefined;
  return async ({ source }) => {
    ready ??= backend();
    try {
      await ready;
    } catch (error) {
      ready = undefined;
      throw error;
    }
    const { loadFillMask } = await import("@kcbert/pipelines"); // not before a model is asked: the page opens at once
    return loadFillMask(source);
  };
}

/** Log each request once its headers are ready. */
function logged(log: Log, clock: Clock): import("hono").MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const start = clock.now();
    await next();
    const { method, path } = c.req;
    const { status } = c.res;
    const milliseconds = Math.round(clock.now() - start);
    log({
      level: "info",
      message: "request",
      requestId: c.var.requestId,
      method,
      path,
      status,
      milliseconds,
    });
  };
}

function refuse(bodyBytes: number): never {
  throw new ApiError(413, `Cannot read the body as it is too large: the limit is ${bodyBytes} bytes`);
}

function missing(method: string, path: string): ApiError {
  return new ApiError(
    404,
    `There is nothing at ${method} ${path.slice(0, 200)}: see GET /health, POST /models/{id}`,
  );
}

/** An error that was not meant for a client: its story goes to the log, its number to the client. */
function hidden(error: Error, requestId: string, log: Log): ApiError {
  log({ level: "error", message: error.message, requestId, ...(error.stack ? { stack: error.stack } : {}) });
  return new ApiError(500, `The server failed to answer; its log tells more under request ${requestId}`);
}
