import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";

/** Headers that a script of another origin may read from an answer. */
const exposedHeaders = ["X-Request-Id", "Retry-After", "X-Model-Revision", "X-Model-State"];

/** Let pages of any origin call the API: it knows no cookies, so nothing is theirs to take. */
export function openCors(): MiddlewareHandler {
  return cors({
    origin: "*",
    allowMethods: ["GET", "HEAD", "POST", "OPTIONS"],
    allowHeaders: ["Authorization", "Content-Type", "X-Request-Id", "Last-Event-ID"],
    exposeHeaders: exposedHeaders,
    maxAge: 86_400,
  });
}

/**
 * Headers that keep the page to what it is: scripts, styles and connections of its own origin, no inline code, no frame
 * around it. No `Strict-Transport-Security`, which is for whoever terminates TLS to say.
 */
export function strictHeaders(): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
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
