import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { runCli, temporaryFolder } from "../test/run_cli.ts";
import { rankFromEnvironment } from "./launch/rank.ts";

const root = temporaryFolder();
const TRAINING = ["--gpus", "8", "--", "pretrain", "--config", "it's mine.json", "--backend", "xla"];

/** The job that a command line writes. */
async function launch(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(["launch", ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

describe("launch slurm", () => {
  test("writes a training, told of all the machine's devices", async () => {
    const options = ["--partition", "gpu", "--account", "lab", "--hours", "49.5", "--memory", "500G"];
    const script = await launch("slurm", ...options, "--name", "kcbert-base", ...TRAINING);
    await expect(script).toMatchFileSnapshot("../test/launch/training.sbatch");
  });

  test("writes an array of tasks that divide files", async () => {
    const words = ["--tasks", "16", "--split", "comments/*.gz", "--", "corpus", "-o", "corpus/{rank}"];
    await expect(await launch("slurm", ...words)).toMatchFileSnapshot("../test/launch/corpus.sbatch");
  });

  describe("a script, run by a shell", () => {
    const bin = join(root, "bin");
    let script = "";
    beforeAll(async () => {
      mkdirSync(bin);
      // In place of Slurm: `srun` runs what it is given, `scontrol` tells what it was asked.
      const programs = {
        srun: '"$@"',
        scontrol: 'echo "scontrol $*"',
        "kcbert-cli": `printf '<%s>' "$@"; exit "$STATUS"`,
      };
      for (const [name, body] of Object.entries(programs)) {
        writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
        chmodSync(join(bin, name), 0o755);
      }
      script = await launch("slurm", ...TRAINING);
    });
    const words = "<launch><task><--><pretrain><--config><it's mine.json><--backend><xla><--devices><8>";
    test.each([
      ["that ends well", 0, words],
      ["that fails", 1, words],
      ["that is stopped in time goes back into the queue", 143, `${words}scontrol requeue 77\n`],
    ])("of a task %s", (_, status, output) => {
      const env = { PATH: `${bin}:${process.env["PATH"]}`, STATUS: String(status), SLURM_JOB_ID: "77" };
      expect(spawnSync("bash", { input: script, encoding: "utf8", env })).toMatchObject({
        status,
        stdout: output,
        stderr: "",
      });
    });
  });
});

describe("launch k8s", () => {
  const IMAGE = ["--image", "registry.example/kcbert:1.0", "--claim", "comments"];
  const schema = JSON.parse(
    gunzipSync(
      readFileSync(
        new URL("../../../tests/golden/kubernetes/jobset_v1alpha2.schema.json.gz", import.meta.url),
      ),
    ).toString(),
  ) as Schema;

  test.each([
    [
      "training",
      ["--gpus", "8", "--memory", "500G"],
      ["pretrain", "--config", "a b.json", "--backend", "xla"],
    ],
    [
      "seeds",
      [
        "--tasks",
        "5",
        "--tpus",
        "4",
        "--node-labels",
        "cloud.google.com/gke-tpu-topology=2x2",
        "--namespace",
        "lab",
      ],
      ["finetune", "nsmc", "--seed", "{rank}", "--note", "yes: #1"],
    ],
  ])("writes a JobSet that Kubernetes' schema takes: %s", async (name, options, command) => {
    const manifest = await launch("k8s", ...IMAGE, ...options, "--", ...command);
    await expect(manifest).toMatchFileSnapshot(`../test/launch/${name}.yaml`);
    const value = parse(manifest) as Record<string, never>;
    expect(faults(value, schema)).toEqual([]);
    const [{ template }] = value["spec"]!["replicatedJobs"] as { template: PodTemplates }[] as [
      { template: PodTemplates },
    ];
    const [container] = template.spec.template.spec.containers;
    expect(container!.command.slice(0, 4 + command.length)).toEqual([
      "kcbert-cli",
      "launch",
      "task",
      "--",
      ...command,
    ]);
  });

  test("the schema refuses what is not in it", () => {
    const wrong = {
      apiVersion: "jobset.x-k8s.io/v1alpha2",
      kind: "JobSet",
      spec: { replicatedJobs: [{ nme: 1 }] },
    };
    expect(faults(wrong, schema)).toEqual([
      "spec.replicatedJobs.0.name is missing",
      "spec.replicatedJobs.0.template is missing",
      "spec.replicatedJobs.0.nme is unknown",
    ]);
  });

  test("without an image is refused", async () => {
    expect(await runCli(["launch", "k8s", "--", "pretrain"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Missing --image/),
    });
  });
});

describe("launch task", () => {
  test.each<[Record<string, string>, number, number]>([
    [{}, 0, 1],
    [{ SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "16", SLURM_PROCID: "0", SLURM_NTASKS: "1" }, 3, 16],
    [{ SLURM_PROCID: "2", SLURM_NTASKS: "4" }, 2, 4],
    [{ JOB_COMPLETION_INDEX: "1", KCBERT_TASKS: "5" }, 1, 5],
    [{ OMPI_COMM_WORLD_RANK: "7", OMPI_COMM_WORLD_SIZE: "8" }, 7, 8],
    [{ KCBERT_RANK: "1", KCBERT_TASKS: "2", SLURM_PROCID: "0", SLURM_NTASKS: "9" }, 1, 2],
  ])("with %j is task %d of %d", (environment, rank, tasks) => {
    expect(rankFromEnvironment(environment)).toEqual({ rank, tasks });
  });

  test("refuses a rank that cannot be", () => {
    expect(() => rankFromEnvironment({ SLURM_PROCID: "4", SLURM_NTASKS: "4" })).toThrow(
      /^Cannot tell which task this is: SLURM_PROCID is 4, SLURM_NTASKS is 4; /,
    );
  });

  test("the tasks together read every file once, and know their number", async () => {
    const folder = join(root, "files");
    mkdirSync(folder);
    for (let i = 0; i < 5; i++) writeFileSync(join(folder, `${i}.txt`), `파일 ${i}번의 댓글\n`);
    const words = ["launch", "task", "--split", join(folder, "*.txt"), "--", "clean", "-q"];
    const outputs = await Promise.all(
      ["0", "1"].map(async (KCBERT_RANK) =>
        runCli([...words, "-o", join(root, "part-{rank}-of-{tasks}")], {
          env: { KCBERT_RANK, KCBERT_TASKS: "2" },
        }),
      ),
    );
    expect(outputs.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ""],
      [0, ""],
    ]);
    const texts = [0, 1].map((rank) =>
      readFileSync(join(root, `part-${rank}-of-2`), "utf8")
        .trimEnd()
        .split("\n"),
    );
    expect(texts.map(({ length }) => length)).toEqual([3, 2]);
    expect(texts.flat().sort()).toEqual([0, 1, 2, 3, 4].map((i) => `파일 ${i}번의 댓글`));
  });

  test.each([
    [["slurm"], /Missing the command to run: write it behind --/],
    [["lsf", "--", "pretrain"], /lsf: it takes one of slurm, k8s, task/],
    [["slurm", "--name", "Großes", "--", "clean"], /--name Großes: it takes up to 42 lower-case letters/],
    [["slurm", "--memory", "lots", "--", "clean"], /--memory lots: it takes a size such as 64G/],
    [["task", "--split", "nothing/*", "--", "clean"], /nothing\/\* matches 0 files/],
  ])("%j is refused", async (words, says) => {
    const { code, stderr } = await runCli(["launch", ...words]);
    expect(stderr).toMatch(says);
    expect(code).toBeGreaterThan(0);
  });
});

// --- internal ---

interface PodTemplates {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly command: string[] }[] } };
  };
}

/** The part of OpenAPI's schemas that custom resource definitions use. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly "x-kubernetes-int-or-string"?: boolean;
}

/** What a value has that its schema does not take; unknown fields too, as `kubectl apply --validate=strict`. */
function faults(value: unknown, schema: Schema, path = ""): string[] {
  const at = (key: string | number) => (path === "" ? String(key) : `${path}.${key}`);
  if (schema["x-kubernetes-int-or-string"] === true)
    return ["string", "number"].includes(typeof value) ? [] : [`${path} is ${typeof value}`];
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${path} is ${String(value)}`];
  if (schema.type === "array") {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((item, i) => faults(item, schema.items ?? {}, at(i)));
  }
  if (schema.type === "object") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path} is no object`];
    const { properties = {}, additionalProperties, required = [] } = schema;
    const open = additionalProperties !== undefined || schema.properties === undefined;
    const missing = required
      .filter((key) => !Object.hasOwn(value, key))
      .map((key) => `${at(key)} is missing`);
    const wrong = Object.entries(value).flatMap(([key, each]) => {
      const known =
        properties[key] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
      if (known !== undefined) return faults(each, known, at(key));
      return open ? [] : [`${at(key)} is unknown`];
    });
    return [...missing, ...wrong];
  }
  const wanted = schema.type === "integer" ? "number" : schema.type;
  const whole = schema.type !== "integer" || Number.isInteger(value);
  return wanted === undefined || (typeof value === wanted && whole) ? [] : [`${path} is ${typeof value}`];
}
