import type { Context, MiddlewareHandler } from "hono";
import { ApiError } from "./api_error.ts";
import type { Clock } from "./clock.ts";

/** Names the client of a request: an address, or an account. Undefined for one that is not counted. */
export type ClientOf = (c: Context) => string | undefined;

/** How many clients are remembered; beyond it those are forgotten that have not asked for longest. */
const rememberedClients = 10_000;

/**
 * Let each client ask so many times a minute, evenly or all at once. For one process; where several serve together, whatever
 * stands before them should count.
 */
export function rateLimit(requestsPerMinute: number, clientOf: ClientOf, clock: Clock): MiddlewareHandler {
  if (requestsPerMinute === Infinity) return (_, next) => next();
  const buckets = new Map<string, { left: number; at: number }>();
  const perMs = requestsPerMinute / 60_000;
  return async (c, next) => {
    const client = c.req.method === "POST" ? clientOf(c) : undefined;
    if (client !== undefined) {
      const now = clock.now();
      const known = buckets.get(client) ?? { left: requestsPerMinute, at: now };
      const left = Math.min(requestsPerMinute, known.left + (now - known.at) * perMs);
      buckets.delete(client);
      buckets.set(client, { left: Math.max(0, left - 1), at: now });
      if (buckets.size > rememberedClients) buckets.delete(buckets.keys().next().value!);
      if (left < 1) {
        const retryAfter = Math.ceil((1 - left) / perMs / 1_000);
        throw new ApiError(
          429,
          `This client has asked more than ${requestsPerMinute} times a minute: try again in ${retryAfter} s`,
          { retryAfter, code: "rate_limit_exceeded" },
        );
      }
    }
    await next();
  };
}
