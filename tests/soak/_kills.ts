import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";

/** Kill a training after some time; or, `halfway`, while it writes the next checkpoint after that. */
export function killLater(
  child: ChildProcess,
  output: string,
  milliseconds: number,
  halfway: boolean,
): () => void {
  const begun = performance.now();
  const kill = (): boolean => child.kill("SIGKILL");
  if (!halfway) {
    const timer = setTimeout(kill, milliseconds);
    return () => clearTimeout(timer);
  }
  const watcher = watch(output, (_, name) => {
    if (
      name?.startsWith(".checkpoint-") === true &&
      name.endsWith(".tmp") &&
      performance.now() - begun > milliseconds
    )
      kill();
  });
  return () => watcher.close();
}

/** The checksum of a run's model. */
export function digest(folder: string): string {
  return createHash("sha256")
    .update(readFileSync(join(folder, "model.safetensors")))
    .digest("hex");
}

/** The names of a run's checkpoints. */
export function checkpoints(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^checkpoint-\d+$/.test(name)) : [];
}

/** The step of the latest checkpoint; 0 if there is none. */
export function latestStep(folder: string): number {
  return Math.max(0, ...checkpoints(folder).map((name) => Number(name.slice("checkpoint-".length))));
}

/** The events of a run's metrics, each line of which must be whole. */
export function wholeEvents(folder: string): { readonly event: string }[] {
  const path = join(folder, "metrics.jsonl");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (text !== "" && !text.endsWith("\n")) throw new Error(`The last line of ${path} is cut`);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { event: string });
}
