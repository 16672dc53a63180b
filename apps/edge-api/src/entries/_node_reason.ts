import type { HttpBindings } from "@hono/node-server";

type Fetch = (request: Request, env: HttpBindings) => Response | Promise<Response>;

/** Send the reason of a failure behind its status, which is all that some clients show their users. */
export function withReason(fetch: Fetch): Fetch {
  return async (request, env) => {
    const response = await fetch(request, env);
    if (response.status >= 400 && response.statusText !== "")
      env.outgoing.statusMessage = response.statusText;
    return response;
  };
}
