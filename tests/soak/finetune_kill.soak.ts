/** Fine-tuning that is killed again and again ends with the very weights and scores of a run that nothing disturbs. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { report, soakMs } from "./_duration.ts";
import { checkpoints, digest, killLater, latestStep, wholeEvents } from "./_kills.ts";
import { cli, ended, pause, startCli, temporaryFolder } from "./_processes.ts";
import { sample } from "./_real_comments.ts";
import { pretrainWords, tinyTraining } from "./_tiny_training.ts";

const KILLS = 10; // at least; as many more as there is time for
const MOST_RUNS = 200;
const repository = join(import.meta.dirname, "../..");
const root = temporaryFolder();
const model = join(root, "model");
const whole = join(root, "undisturbed");
let wholeMs = 0;

/** The words of a run: 300 steps, scored six times, with as many checkpoints as there is time for. */
function words(output: string): string[] {
  const files = ["--train", join(root, "train.tsv"), "--dev", join(root, "dev.tsv"), "-o", output];
  const recipe = "--epochs 2 --batch-size 4 --evaluate-every 50 --dropout 0.1 --checkpoint-minutes 0.001";
  return ["finetune", "custom", "-m", model, ...files, ...recipe.split(" ")];
}

/** All that must be the same. */
function outcome(folder: string): object {
  const { seconds: _, ...results } = JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as {
    seconds: number;
  };
  return { weights: digest(folder), results };
}

beforeAll(async () => {
  const training = await tinyTraining(root, 2000);
  await cli(...pretrainWords(training, model, "--steps", "20"));
  const rows = gunzipSync(readFileSync(sample)).toString("utf8").split("\n", 760);
  const lines = rows
    .map((row) => row.split("\t"))
    .map(([, rating, text]) => `${text}\t${Number(rating) > 5}`);
  writeFileSync(join(root, "train.tsv"), ["text\tlabel", ...lines.slice(0, 600)].join("\n"));
  writeFileSync(join(root, "dev.tsv"), ["text\tlabel", ...lines.slice(600)].join("\n"));
  const begun = performance.now();
  await cli(...words(whole));
  wholeMs = performance.now() - begun;
});

test("SIGKILL at random moments: whole checkpoints, whole lines, the same weights and scores", async () => {
  const expected = outcome(whole);
  const begun = performance.now();
  let [kills, halfway, runs, resumed] = [0, 0, 0, 0];
  for (let run = 0; run < MOST_RUNS; runs++) {
    if (kills >= KILLS && performance.now() - begun > soakMs) break;
    const output = join(root, `killed-${runs}`);
    mkdirSync(output);
    let [before, stuck] = [-1, 0];
    for (; ; run++) {
      if (run >= MOST_RUNS) throw new Error(`no end after ${run} starts`);
      const from = latestStep(output);
      stuck = from === before ? stuck + 1 : 0; // on a machine that others use, too, it gets more and more time
      before = from;
      const child = startCli(words(output));
      child.stdin!.end();
      const end = ended(child);
      const cancel = killLater(child, output, Math.random() * wholeMs * (0.5 + stuck / 4), kills % 2 === 1);
      const { code, signal, stderr } = await end;
      cancel();
      const gone = /going on after step ([\d,]+)/.exec(stderr);
      if (gone !== null) {
        resumed++;
        expect(Number(gone[1]!.replaceAll(",", ""))).toBe(from);
      }
      for (const event of wholeEvents(output)) expect(event).toHaveProperty("event");
      if (signal !== "SIGKILL") {
        expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/Learnt custom/) });
        break;
      }
      kills++;
      if (readdirSync(output).some((name) => name.endsWith(".tmp"))) halfway++;
      await pause(10);
    }
    expect(outcome(output)).toEqual(expected);
    expect(checkpoints(output)).toEqual([]);
  }
  expect(kills).toBeGreaterThanOrEqual(KILLS);
  expect(resumed).toBeGreaterThan(0);
  report(
    `finetune: ${kills} kills (${halfway} while a checkpoint was written) in ${runs} runs, ${resumed} went on from a checkpoint; the same weights and scores each time`,
  );
});

test("where files can grow no further it stops with the last whole checkpoint, and goes on once they can", async () => {
  const output = join(root, "limited");
  const first = startCli(words(output));
  first.stdin!.end();
  const stopped = ended(first);
  while (latestStep(output) < 20) await pause(5);
  first.kill("SIGINT");
  expect((await stopped).code).toBe(130);
  const from = latestStep(output);
  const moments = readFileSync(join(output, `checkpoint-${from}`, "optimizer.safetensors"));

  const kibibytes = Math.floor(moments.length / 1024) - 8;
  const program = [process.execPath, "--conditions=@kcbert/source", "apps/cli/src/main.ts", ...words(output)];
  const script = `ulimit -f ${kibibytes}; exec "$@"`;
  const limited = spawnSync("bash", ["-c", script, "bash", ...program], {
    encoding: "utf8",
    cwd: repository,
  });
  expect(limited.stderr).toMatch(/Cannot write the checkpoint .*: the file would be larger than/);
  expect(limited.status).toBe(1);
  expect(checkpoints(output)).toEqual([`checkpoint-${from}`]);
  expect(readFileSync(join(output, `checkpoint-${from}`, "optimizer.safetensors"))).toEqual(moments);

  const { stderr } = await cli(...words(output));
  expect(stderr).toContain(`going on after step ${from}`);
  expect(outcome(output)).toEqual(outcome(whole));
  report(`finetune: stopped at a full disk after step ${from}, then went on to the same weights and scores`);
});
