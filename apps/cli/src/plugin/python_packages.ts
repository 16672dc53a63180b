import { spawnSync } from "node:child_process";
import process from "node:process";

/**
 * The folders in which Python looks for packages: of `KCBERT_PYTHON`, or of the `python3` that the shell would start.
 *
 * @returns None where there is no Python.
 */
export function pythonPackageFolders(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const python = environment["KCBERT_PYTHON"] || "python3";
  const script = "import json, sys; print(json.dumps(sys.path))";
  const { status, stdout } = spawnSync(python, ["-c", script], {
    encoding: "utf8",
    env: { ...environment, PYTHONWARNINGS: "ignore" },
    timeout: 10_000,
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (status !== 0) return [];
  const folders = JSON.parse(stdout) as string[];
  return folders.filter((folder) => /[/\\](?:site|dist)-packages$/.test(folder));
}
