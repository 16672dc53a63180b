/** The CPU plugin that the tests run on, where there is one. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** The path of a CPU plugin: `KCBERT_PJRT_PLUGIN`, or that of the Python package `xla-cpu-pjrt`; or `undefined`. */
export function cpuPluginPath(): string | undefined {
  const named = process.env["KCBERT_PJRT_PLUGIN"];
  if (named !== undefined) return named;
  try {
    const script = "import sysconfig; print(sysconfig.get_path('purelib'))";
    const folder = execFileSync("python3", ["-c", script], { encoding: "utf8" }).trim();
    const path = join(folder, "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}
