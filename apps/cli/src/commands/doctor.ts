import { readdirSync, statSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ArgsDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { openOutput } from "../io/output.ts";
import { findPlugins, type FoundPlugin } from "../plugin/find_plugin.ts";
import { xlaCacheFolder } from "../plugin/plugin_cache.ts";
import { PLUGIN_SOURCES, type PluginSource } from "../plugin/plugin_sources.ts";
import { type Probe, probePlugin } from "../plugin/probe.ts";
import { formatBytes } from "../progress.ts";
import { version } from "../version.ts";

const args = { ...commonArgs } as const satisfies ArgsDef;

/** `kcbert-cli doctor`. */
export const doctorCommand: Command = defineExampledCommand(
  {
    meta: {
      description: "Say which accelerators this machine has, and what to do about those that do not work",
    },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const findings = await examine(signal);
      const text = args.json ? `${JSON.stringify(findings)}\n` : describe(findings);
      await openOutput(undefined).write(text);
    },
  },
  [
    ["kcbert-cli doctor", "What there is, and what to do about the rest"],
    ["kcbert-cli doctor --json", "The same for scripts"],
  ],
);

// --- internal ---

interface Findings {
  readonly program: string;
  readonly machine: {
    readonly runtime: string;
    readonly platform: string;
    readonly processor: string;
    readonly cores: number;
    readonly memory: number;
  };
  readonly plugins: readonly PluginFindings[];
  readonly cache: { readonly folder: string; readonly programs: number; readonly bytes: number };
}

interface PluginFindings {
  readonly name: string;
  readonly drives: string;
  readonly found: readonly FoundPlugin[];
  /** How the first one found does. */
  readonly probe?: Probe;
  /** What to do, where something can be done. */
  readonly advice?: string;
}

async function examine(signal: AbortSignal): Promise<Findings> {
  const all = findPlugins();
  const known: readonly (PluginSource | undefined)[] = [...PLUGIN_SOURCES, undefined];
  const groups = known.map((source) => ({ source, found: all.filter(({ name }) => name === source?.name) }));
  const plugins = await Promise.all(
    groups
      .filter(({ source, found }) => source !== undefined || found.length > 0)
      .map(async ({ source, found }): Promise<PluginFindings> => {
        const probe = found[0] === undefined ? undefined : await probePlugin(found[0], { signal });
        const advice = adviceOn(source, probe);
        return {
          name: source?.name ?? "other",
          drives: source?.drives ?? "other devices",
          found,
          ...(probe !== undefined && { probe }),
          ...(advice !== undefined && { advice }),
        };
      }),
  );
  return { program: `kcbert-cli ${version()}`, machine: machine(), plugins, cache: programCache() };
}

function machine(): Findings["machine"] {
  const { deno, bun, node } = process.versions as Readonly<Record<string, string | undefined>>;
  const runtime = deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
  const all = cpus();
  return {
    runtime,
    platform: `${process.platform} ${process.arch}`,
    processor: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memory: totalmem(),
  };
}

/** What the cache of compiled programs holds. */
function programCache(): Findings["cache"] {
  const folder = join(xlaCacheFolder(), "programs");
  let sizes: number[] = [];
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".xla"));
    sizes = names.map((name) => statSync(join(folder, name)).size);
  } catch {
    // Nothing was compiled yet, or another process removes old programs at this moment.
  }
  return { folder, programs: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function adviceOn(source: PluginSource | undefined, probe: Probe | undefined): string | undefined {
  if (source === undefined || probe?.works === true) return undefined;
  if (probe === undefined) return `kcbert-cli plugin install ${source.name} brings the plugin`;
  if (/koffi/.test(probe.reason)) return undefined; // the reason says what to do
  if (source.name === "cuda" && !/pip install/.test(probe.reason)) {
    return "nvidia-smi must list a GPU: is the driver installed, does CUDA_VISIBLE_DEVICES hide it, is the container started with it?";
  }
  if (source.name === "tpu") {
    return "a TPU is in a Cloud TPU VM only; without one, programs can be compiled for it ahead of time";
  }
  return undefined;
}

function describe({ program, machine, plugins, cache }: Findings): string {
  const { runtime, platform, processor, cores, memory } = machine;
  return [
    `${program}, ${runtime}, ${platform}: ${processor}, ${cores === 1 ? "1 core" : `${cores} cores`}, ${formatBytes(memory)}`,
    "",
    "XLA, by the kind of device:",
    ...plugins.flatMap(describePlugin),
    "",
    `compiled programs: ${cache.programs}, ${formatBytes(cache.bytes)}, in ${cache.folder}`,
    "",
  ].join("\n");
}

function describePlugin({ name, drives, found, probe, advice }: PluginFindings): string[] {
  const line = (mark: string, text: string): string => `${mark} ${name.padEnd(5)} ${text}`;
  const detail = (text: string): string => `        ${text}`;
  const [first, ...others] = found;
  const places = [
    ...(first === undefined ? [] : [detail(`${first.path} (${placeOf(first)})`)]),
    ...others.map((each) => detail(`also: ${each.path} (${placeOf(each)})`)),
  ];
  const todo = advice === undefined ? [] : [detail(`→ ${advice}`)];
  if (probe === undefined) return [line("–", `no plugin for ${drives}`), ...todo];
  if (!probe.works) return [line("✗", `does not work: ${probe.reason}`), ...places, ...todo];
  const devices = probe.devices.map(({ kind, memory }) =>
    memory === undefined ? kind : `${kind}, ${formatBytes(memory)}`,
  );
  const counted = [...new Set(devices)].map((device) => {
    const count = devices.filter((each) => each === device).length;
    return count === 1 ? device : `${count} × ${device}`;
  });
  const versions = `PJRT ${probe.api}${probe.stablehlo && `, StableHLO ${probe.stablehlo}`}`;
  return [line("✓", `works: ${counted.join("; ")} (${versions})`), ...places];
}

function placeOf({ from, version }: FoundPlugin): string {
  return version === undefined ? from : `${from}, version ${version}`;
}
