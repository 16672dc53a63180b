/** A training that is killed again and again, at any moment, ends with the very weights of one that nothing disturbs. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@kcbert/safetensors";
import { expect, test } from "vitest";
import { report, soakMs } from "./_duration.ts";
import { checkpoints, digest, killLater, latestStep, wholeEvents } from "./_kills.ts";
import { cli, ended, pause, startCli, temporaryFolder } from "./_processes.ts";
import { pretrainWords, tinyTraining } from "./_tiny_training.ts";

const KILLS = 20; // at least; as many more as there is time for
const MOST_RUNS = 400;

test("SIGKILL at random moments: whole checkpoints, whole lines, the same weights", async () => {
  const root = temporaryFolder();
  const training = await tinyTraining(root, 2000);
  const options = ["--steps", "400", "--evaluations", "4", "--checkpoints", "40"];
  const undisturbed = join(root, "undisturbed");
  let begun = performance.now();
  await cli(...pretrainWords(training, undisturbed, ...options));
  const wholeMs = performance.now() - begun;
  const expected = digest(undisturbed);

  begun = performance.now();
  let [kills, halfway, trainings, resumed] = [0, 0, 0, 0];
  for (let run = 0; run < MOST_RUNS; trainings++) {
    if (kills >= KILLS && performance.now() - begun > soakMs) break;
    const output = join(root, `killed-${trainings}`);
    mkdirSync(output);
    const words = pretrainWords(training, output, ...options);
    let [before, stuck] = [-1, 0];
    for (; ; run++) {
      if (run >= MOST_RUNS) throw new Error(`no end after ${run} runs`);
      const from = latestStep(output);
      stuck = from === before ? stuck + 1 : 0; // on a machine that others use, too, it gets more and more time
      before = from;
      const child = startCli(words);
      child.stdin!.end();
      const end = ended(child);
      const cancel = killLater(child, output, Math.random() * wholeMs * (0.5 + stuck / 4), kills % 2 === 1);
      const { code, signal, stderr } = await end;
      cancel();
      if (from > 0 && /Going on after step/.test(stderr)) {
        resumed++;
        expect(Number(/Going on after step (\d+)/.exec(stderr)![1])).toBe(from);
      }
      checkFolder(output);
      if (signal !== "SIGKILL") {
        expect({ code, stderr }).toMatchObject({
          code: 0,
          stderr: expect.stringMatching(/Trained 400 steps/),
        });
        break;
      }
      kills++;
      if (readdirSync(output).some((name) => name.endsWith(".tmp"))) halfway++;
      await pause(10);
    }
    expect(digest(output)).toEqual(expected);
    expect(readdirSync(output).filter((name) => name.includes("checkpoint"))).toEqual(["checkpoint-400"]);
  }
  expect(kills).toBeGreaterThanOrEqual(KILLS);
  expect(resumed).toBeGreaterThan(0);
  expect(halfway).toBeGreaterThan(0);
  report(
    `pretrain: ${kills} kills (${halfway} while a checkpoint was written) in ${trainings} trainings, ${resumed} went on from a checkpoint; weights ${expected.slice(0, 12)} each time`,
  );
});

// --- internal ---

/** After a kill, too: each line of the metrics is JSON and whole, each checkpoint complete and readable. */
function checkFolder(folder: string): void {
  if (!existsSync(folder)) return;
  for (const event of wholeEvents(folder)) expect(event).toHaveProperty("event");
  const latest = `checkpoint-${latestStep(folder)}`;
  for (const name of checkpoints(folder)) {
    const files = readdirSync(join(folder, name));
    for (const file of [
      "config.json",
      "model.safetensors",
      "optimizer.safetensors",
      "tokenizer.json",
      "trainer_state.json",
      "vocab.txt",
    ]) {
      // one that a newer one replaces may be half removed already
      if (name === latest) expect(files).toContain(file);
    }
    if (name !== latest) continue;
    for (const file of ["model.safetensors", "optimizer.safetensors"]) {
      expect(readSafetensors(readFileSync(join(folder, name, file))).tensors.size).toBeGreaterThan(10);
    }
    expect(JSON.parse(readFileSync(join(folder, name, "trainer_state.json"), "utf8"))).toBeTypeOf("object");
  }
}
