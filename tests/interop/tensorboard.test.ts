/**
 * Our event files in the real TensorBoard. Optional: needs tensorboard in the python that `KCBERT_PYTHON` names (or python3).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensorBoardEvents, tensorBoardHeader } from "@kcbert/trainer";
import { expect, test } from "vitest";

const python = process.env["KCBERT_PYTHON"] ?? "python3";
const present = spawnSync(python, ["-c", "import tensorboard"]).status === 0;

const READ = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
print(json.dumps({tag: [[e.step, e.wall_time, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
`;

test.skipIf(!present)(
  "TensorBoard reads every value of an event file",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "kcbert-tensorboard-"));
    try {
      const steps = Array.from({ length: 2000 }, (_, i) => 1 + i * 70_001);
      const events = steps.map((step, i) => ({
        time: 1_600_000_000_000 + 1000 * i,
        step,
        scalars: { "train/loss": Math.fround(10 / (1 + i)), "평가/정확도": Math.fround(i / 2000) },
      }));
      const bytes = [tensorBoardHeader(1_600_000_000_000), tensorBoardEvents(events)];
      writeFileSync(join(folder, "events.out.tfevents.1600000000.host.1"), Buffer.concat(bytes));
      const read = JSON.parse(execFileSync(python, ["-c", READ, folder], { encoding: "utf8" })) as object;
      const of = (tag: "train/loss" | "평가/정확도") =>
        events.map(({ time, step, scalars }) => [step, time / 1000, scalars[tag]]);
      expect(read).toEqual({ "train/loss": of("train/loss"), "평가/정확도": of("평가/정확도") });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
