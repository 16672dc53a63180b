import * as http from "node:http";

/**
 * Let `fetch` go through the proxy that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name. Deno and Bun do that by
 * themselves; Node does it when it is told, from 24 on, and before that with `NODE_USE_ENV_PROXY=1`.
 */
export function useProxyFromEnvironment(): void {
  const { setGlobalProxyFromEnv } = http as { setGlobalProxyFromEnv?: () => void };
  if ("Deno" in globalThis || "Bun" in globalThis) return;
  setGlobalProxyFromEnv?.();
}
