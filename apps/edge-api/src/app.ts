import type { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { etag } from "hono/etag";
import { requestId } from "hono/request-id";
import { Hono as TinyHono } from "hono/tiny"; // its router is small, and the routes are few
import { ApiError } from "./api_error.ts";
import { bearerAuth, type Auth } from "./auth.ts";
import { Batcher } from "./batcher.ts";
import { systemClock, type Clock } from "./clock.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import { measured } from "./measured.ts";
import { Metrics } from "./metrics.ts";
import { Models, type ServedModel } from "./models.ts";
import { openApiDocument } from "./openapi.ts";
import { rateLimit, type ClientOf } from "./rate_limit.ts";
import { analyzeRoute } from "./routes/analyze.ts";
import { cleanRoute } from "./routes/clean.ts";
import { docsRoute, openApiRoute } from "./routes/docs.ts";
import { healthRoute, liveRoute, readyRoute } from "./routes/health.ts";
import { huggingFaceRoutes } from "./routes/hugging_face.ts";
import { modelFileRoute } from "./routes/model_file.ts";
import { embeddingsRoute, moderationsRoute, modelsRoute } from "./routes/openai.ts";
import { pageRoute, type PageSource } from "./routes/page.ts";
import { infoRoute, teiRoutes } from "./routes/tei.ts";
import { trainingEventsRoute } from "./routes/training_events.ts";
import { openCors, strictHeaders } from "./security.ts";
import type { AppEnv, Service } from "./service.ts";
import type { TrainingRun } from "./training_run.ts";
import { version } from "./version.ts";

export type { AppEnv } from "./service.ts";

/** What the app is made of. */
export interface AppOptions {
  /** The models it answers with; the first one for a task answers where a request names none. */
  readonly models: readonly ServedModel[];
  /** Makes a tfjs backend ready; called once, before the first model is loaded. */
  readonly backend: () => Promise<void>;
  /** Load the first model at once, and not when it is first asked; default false. */
  readonly preload?: boolean;
  /** The run that the page follows. */
  readonly training?: TrainingRun;
  /** The page's files; without them there is only the API. */
  readonly page?: PageSource;
  /** Let the page fetch the models' files, to run them in the browser; by default it may not. */
  readonly shareModels?: boolean;
  /** Gives the OpenAPI document, where it was made before; by default it is made of the schemas when it is asked for. */
  readonly openApi?: () => Promise<object>;
  /** Who may ask; by default everybody. */
  readonly auth?: Auth;
  /** Limits that differ from {@link defaultLimits}. */
  readonly limits?: Partial<Limits>;
  /** Names the client of a request, for `limits.requestsPerMinute`; by default its key, if it has one. */
  readonly clientOf?: ClientOf;
  /** Whether requests may share batches; default true. See `Batcher`. */
  readonly mixesRequests?: boolean;
  /** Tells the metrics of all processes where several serve together, given its own; by default only those. */
  readonly metrics?: (own: () => string) => () => Promise<string>;
  /** Times the requests; by default the machine's. */
  readonly clock?: Clock;
  /** Takes the log; by default nobody does. */
  readonly log?: Log;
  /** Whether the log gets the bodies of requests, comments and all; by default it does not. */
  readonly logBodies?: boolean;
  /** Aborts when the server stops: it is not ready any more, streams end, requests at work are finished. */
  readonly shutdown?: AbortSignal;
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
  const { training, page, auth = { keys: [] }, clock = systemClock, log = () => {} } = options;
  const { shutdown } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const { concurrentRequests, modelBytes } = limits;
  const load = loaderOn(options.backend);
  const models = new Models(options.models, { load, log, concurrentRequests, modelBytes });
  const [first] = options.models;
  if (options.preload === true && first !== undefined) {
    models.use(first.id, undefined, async () => {}).catch(() => {}); // whoever asks for it is told why
  }
  const metrics: Metrics = new Metrics({
    te_queue_size: () => batcher.queued,
    kcbert_models_loaded: () => models.loadedCount,
    kcbert_model_bytes: () => models.loadedBytes,
  });
  const batcher = new Batcher({
    limits,
    clock,
    mixes: options.mixesRequests ?? true,
    onBatch: ({ items, tokens }) => {
      metrics.observe("te_batch_next_size", items);
      metrics.observe("te_batch_next_tokens", tokens);
    },
  });
  const service: Service = { models, limits, batcher, metrics, clock };
  const huggingFace = huggingFaceRoutes(service);

  const app: Hono<AppEnv> = new TinyHono<AppEnv>();
  app.use(requestId(), measured({ clock, log, metrics, limits, logBodies: options.logBodies ?? false }));
  app.use(openCors(), strictHeaders());
  app.use(bearerAuth(auth));
  app.use(rateLimit(limits.requestsPerMinute, options.clientOf ?? keyOf, clock));
  app.use(bodyLimit({ maxSize: limits.bodyBytes, onError: () => refuse(limits.bodyBytes) }));

  app.get("/health", healthRoute(models, training, options.shareModels ?? false));
  for (const path of ["/livez", "/ping", "/v2/health/live"]) app.get(path, liveRoute);
  for (const path of ["/readyz", "/v2/health/ready"]) app.get(path, readyRoute(service, shutdown));
  const own = (): string => metrics.text();
  const tell = options.metrics?.(own) ?? (async () => own());
  app.get("/metrics", async (c) =>
    c.text(await tell(), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
  app.get(
    "/openapi.json",
    openApiRoute(options.openApi ?? (async () => openApiDocument(limits, auth.keys.length > 0))),
  );
  app.get("/docs", docsRoute(limits));
  app.get("/training/events", trainingEventsRoute(training, shutdown));

  app.post("/clean", cleanRoute(limits));
  app.post("/v1/analyze", analyzeRoute(service));
  for (const path of ["/v1/embeddings", "/embeddings"]) app.post(path, embeddingsRoute(service));
  app.post("/v1/moderations", moderationsRoute(service));
  app.get("/v1/models", modelsRoute(service));
  app.get("/v1/models/*", modelsRoute(service));
  for (const [path, handler] of Object.entries(teiRoutes(service))) app.post(path, handler);
  app.get("/info", infoRoute(service, version));
  if (options.shareModels === true) app.get("/models/*", modelFileRoute(models));
  app.post("/models/*", huggingFace.model);
  app.post("/pipeline/:task", huggingFace.pipeline);
  app.post("/", huggingFace.root);
  if (page !== undefined) app.on("GET", ["/", "/page/:name"], etag(), pageRoute(page));

  app.notFound((c) => {
    const error = missing(c.req.method, c.req.path);
    return withReason(c.json(error.body(c.req.path), 404), error.message);
  });
  app.onError((error, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: 499 }); // the client has left; nobody reads this
    const known = error instanceof ApiError ? error : hidden(error, c.var.requestId, log);
    if (known.retryAfter !== undefined) {
      c.header("Retry-After", String(known.retryAfter));
      c.header("Retry-After-Ms", String(known.retryAfter * 1_000));
    }
    if (known.status === 401) c.header("WWW-Authenticate", "Bearer");
    if (known.status === 413) c.header("Connection", "close"); // the rest of the body is still on its way there
    return withReason(c.json(known.body(c.req.path), known.status), known.message);
  });
  return app;
}

// --- internal ---

/** Load models on a backend that is made ready once; a failure may be tried again. */
function loaderOn(backend: () => Promise<void>): ConstructorParameters<typeof Models>[1]["load"] {
  let ready: Promise<void> | undefined;
  return async (task, { source }, shared) => {
    ready ??= backend();
    try {
      await ready;
    } catch (error) {
      ready = undefined;
      throw error;
    }
    const { loadModel } = await import("./loaded_model.ts"); // not before a model is asked: the page opens at once
    return loadModel(task, source, shared);
  };
}

/** The sentence also as the status's reason, where HTTP has one: Chroma's client shows nothing else. */
function withReason({ body, status, headers }: Response, sentence: string): Response {
  const statusText = sentence.slice(0, 300).replaceAll(/[^\x20-\x7e]+/g, "?");
  return new Response(body, { status, statusText, headers });
}

const keyOf: ClientOf = (c) => c.req.header("authorization");

function refuse(bodyBytes: number): never {
  throw new ApiError(413, `Cannot read the body as it is too large: the limit is ${bodyBytes} bytes`);
}

function missing(method: string, path: string): ApiError {
  return new ApiError(
    404,
    `There is nothing at ${method} ${path.slice(0, 200)}: GET /docs shows what there is`,
  );
}

/** An error that was not meant for a client: its story goes to the log, its number to the client. */
function hidden(error: Error, requestId: string, log: Log): ApiError {
  log({ level: "error", message: error.message, requestId, ...(error.stack ? { stack: error.stack } : {}) });
  return new ApiError(500, `The server failed to answer; its log tells more under request ${requestId}`);
}
