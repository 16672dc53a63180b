import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";

/** Headers that a script of another origin may read from an answer. */
const exposedHeaders = [
  "X-Request-Id",
  "Retry-After",
  "X-Model-Id",
  "X-Model-Revision",
  "X-Model-State",
  "X-Truncated",
  "X-Compute-Type",
  "X-Compute-Time",
  "X-Compute-Characters",
  "X-Compute-Tokens",
  "X-Total-Time",
  "X-Tokenization-Time",
  "X-Queue-Time",
  "X-Inference-Time",
];

/** Headers that clients send: OpenAI's name themselves and their runtime in many. */
const allowedHeaders = [
  "Authorization",
  "Content-Type",
  "Accept",
  "X-Request-Id",
  "Last-Event-ID",
  "X-Wait-For-Model",
  "X-Use-Cache",
  "OpenAI-Organization",
  "OpenAI-Project",
  "OpenAI-Beta",
  "Idempotency-Key",
  ...[
    "Arch",
    "Async",
    "Lang",
    "OS",
    "Package-Version",
    "Retry-Count",
    "Runtime",
    "Runtime-Version",
    "Timeout",
  ].map((name) => `X-Stainless-${name}`),
];

/** Let pages of any origin call the API: it knows no cookies, so nothing is theirs to take. */
export function openCors(): MiddlewareHandler {
  return cors({
    origin: "*",
    allowMethods: ["GET", "HEAD", "POST", "OPTIONS"],
    allowHeaders: allowedHeaders,
    exposeHeaders: exposedHeaders,
    maxAge: 86_400,
  });
}

/**
 * Headers that keep the page to what it is: scripts, styles, workers and connections of its own origin, WebAssembly for the
 * models that it runs itself, no inline code, no frame around it. No `Strict-Transport-Security`, which is for whoever
 * terminates TLS to say.
 */
export function strictHeaders(): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      workerSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
    },
    crossOriginResourcePolicy: "cross-origin",
    strictTransportSecurity: false,
    referrerPolicy: "no-referrer",
    permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
  });
}
