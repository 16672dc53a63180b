import type { Context, Handler } from "hono";
import type { Asking } from "./ask.ts";
import type { Batcher } from "./batcher.ts";
import type { Clock } from "./clock.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import type { Models, ModelInUse } from "./models.ts";
import type { Usage } from "./usage.ts";

/** What a request carries through the app. */
export interface AppEnv {
  /** What the middleware sets. */
  Variables: {
    /** Its number, as in the `X-Request-Id` header. */
    requestId: string;
    /** What it took so far. */
    usage: Usage;
    /** Aborts when the client leaves, or the request takes too long. */
    signal: AbortSignal;
    /** The app's limits. */
    limits: Limits;
    /** The body as it came, once it was read. */
    body?: string;
  };
}

/** A handler of the app. */
export type AppHandler = Handler<AppEnv>;

/** What the routes work with. */
export interface Service {
  /** The models. */
  readonly models: Models;
  /** What requests may ask for. */
  readonly limits: Limits;
  /** Where they wait. */
  readonly batcher: Batcher;
  /** What is counted. */
  readonly metrics: Metrics;
  /** Times them. */
  readonly clock: Clock;
}

/** The questions that can be asked of a model; loaded with the first one, so that the page opens at once. */
export type Questions = typeof import("./ask.ts").questions;

/** On whose behalf a model is asked, for `ask.ts`. */
export function askingFor({ batcher, metrics, clock }: Service, c: Context<AppEnv>): Asking {
  return { batcher, metrics, clock, signal: c.var.signal, usage: c.var.usage };
}

/** Say who answers. */
export function nameModel(c: Context, { id, version }: ModelInUse): void {
  c.header("X-Model-Id", encodeURI(id));
  c.header("X-Model-Revision", version.revision);
  c.header("X-Model-State", version.step === null ? version.state : `${version.state}; step=${version.step}`);
}
