/** The CPU plugin that the tests run on, where there is one. */
import { findPlugin } from "../../apps/cli/src/plugin/find_plugin.ts";

/** The path of a CPU plugin, found as `kcbert-cli` finds it; or `undefined`. */
export function cpuPluginPath(): string | undefined {
  try {
    return findPlugin("cpu").path;
  } catch {
    return undefined;
  }
}
