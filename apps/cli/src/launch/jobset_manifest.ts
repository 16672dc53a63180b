import { type Job, taskWords } from "./job.ts";

/** What a job on Kubernetes has besides. */
export interface JobSetOptions {
  /** An image in which `kcbert-cli` is on the path. */
  readonly image: string;
  readonly namespace?: string | undefined;
  /** A PersistentVolumeClaim that holds data and results. */
  readonly claim?: string | undefined;
  /** Where it appears. */
  readonly mount: string;
  /** Labels of the nodes wanted, such as `cloud.google.com/gke-tpu-topology=2x4`. */
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** How often the whole is begun again after a failure. */
  readonly restarts: number;
}

/**
 * Write a manifest for `kubectl apply`: a JobSet (https://jobset.sigs.k8s.io) of one indexed Job.
 *
 * A pod that is evicted gets SIGTERM and two minutes, keeps a checkpoint, and its successor goes on where it stopped.
 */
export function jobSetManifest(job: Job, options: JobSetOptions): string {
  const { name, tasks } = job;
  const { image, namespace, claim, mount, nodeLabels, restarts } = options;
  const labels = Object.entries(nodeLabels);
  return lines(0, [
    "apiVersion: jobset.x-k8s.io/v1alpha2",
    "kind: JobSet",
    "metadata:",
    `  name: ${text(name)}`,
    ...(namespace === undefined ? [] : [`  namespace: ${text(namespace)}`]),
    "spec:",
    "  failurePolicy:",
    `    maxRestarts: ${restarts}`,
    "  replicatedJobs:",
    "    - name: task",
    "      replicas: 1",
    "      template:",
    "        spec:",
    "          completionMode: Indexed # tells each pod its JOB_COMPLETION_INDEX",
    `          completions: ${tasks}`,
    `          parallelism: ${tasks}`,
    `          backoffLimit: ${4 * tasks}`,
    `          activeDeadlineSeconds: ${Math.ceil(job.minutes * 60)}`,
    "          template:",
    "            spec:",
    "              restartPolicy: OnFailure",
    "              terminationGracePeriodSeconds: 120",
    ...(labels.length === 0 ? [] : ["              nodeSelector:"]),
    ...labels.map(([key, value]) => `                ${text(key)}: ${text(value)}`),
    "              containers:",
    "                - name: kcbert",
    `                  image: ${text(image)}`,
    `                  workingDir: ${text(mount)}`,
    "                  command:",
    ...taskWords(job).map((word) => `                    - ${text(word)}`),
    "                  env:",
    "                    - name: KCBERT_TASKS",
    `                      value: ${text(String(tasks))}`,
    "                  resources:",
    ...resources(job),
    ...(claim === undefined
      ? []
      : [
          "                  volumeMounts:",
          "                    - name: data",
          `                      mountPath: ${text(mount)}`,
          "              volumes:",
          "                - name: data",
          "                  persistentVolumeClaim:",
          `                    claimName: ${text(claim)}`,
        ]),
  ]);
}

// --- internal ---

function resources({ cpus, memory, gpus, tpus }: Job): string[] {
  const of = (names: readonly (readonly [string, string])[]) =>
    names.map(([name, amount]) => `                      ${text(name)}: ${text(amount)}`);
  const devices: (readonly [string, string])[] = [
    ...(gpus > 0 ? ([["nvidia.com/gpu", String(gpus)]] as const) : []),
    ...(tpus > 0 ? ([["google.com/tpu", String(tpus)]] as const) : []),
  ];
  return [
    "                    requests:",
    ...of([
      ["cpu", String(cpus)],
      ["memory", quantity(memory)],
    ]),
    "                    limits:",
    ...of([["memory", quantity(memory)], ...devices]),
  ];
}

/** Slurm's `64G` is 64 · 2³⁰ bytes, Kubernetes' is 64 · 10⁹; its `64Gi` is the same. */
function quantity(memory: string): string {
  return memory.replace(/[KMGT]$/, (unit) => `${unit}i`);
}

/** A string in YAML: JSON's strings are a part of it. */
function text(value: string): string {
  return /^[A-Za-z][\w./-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value)
    ? value
    : JSON.stringify(value);
}

function lines(indent: number, all: readonly string[]): string {
  return `${all.map((line) => " ".repeat(indent) + line).join("\n")}\n`;
}
