import { resolve } from "node:path";
import process from "node:process";
import type { ArgsDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { UsageError } from "../failure.ts";
import { openOutput } from "../io/output.ts";
import { findPlugins, type FoundPlugin } from "../plugin/find_plugin.ts";
import { installPlugin } from "../plugin/install_plugin.ts";
import { indexSettings } from "../plugin/package_index.ts";
import { xlaCacheFolder } from "../plugin/plugin_cache.ts";
import { PLUGIN_SOURCES, pluginSource, type PluginSource } from "../plugin/plugin_sources.ts";
import { formatDuration, startProgress } from "../progress.ts";
import { useProxyFromEnvironment } from "../proxy.ts";
import { tell, writeReport } from "../report.ts";

const args = {
  action: { type: "positional", required: true, description: "install or list" },
  name: { type: "positional", required: false, description: "What to install: cpu, cuda or tpu" },
  version: {
    type: "string",
    valueHint: "version",
    description: "The version of the Python package; the one that was tried by default",
  },
  wheel: {
    type: "string",
    valueHint: "file",
    description: "A wheel that is there already, instead of asking the package index",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli plugin`. */
export const pluginCommand: Command = defineExampledCommand(
  {
    meta: { description: "Install and list the XLA plugins that drive accelerators" },
    args,
    async run({ args, data }) {
      if (args.action === "install") return install(args.name, args, (data as CommandData).signal);
      if (args.action === "list") return list(args);
      throw new UsageError(`Cannot ${args.action} plugins: write plugin install <name>, or plugin list`);
    },
  },
  [
    ["kcbert-cli plugin install cpu", "XLA for this machine's processor"],
    ["kcbert-cli plugin install cuda", "XLA for NVIDIA GPUs; NVIDIA's own libraries come from elsewhere"],
    ["kcbert-cli plugin install tpu --wheel libtpu-0.0.52-….whl", "From a wheel, without a network"],
    ["kcbert-cli plugin list", "The plugins on this machine, Python's packages included"],
  ],
);

// --- internal ---

interface Flags {
  readonly version?: string | undefined;
  readonly wheel?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

async function install(name: string | undefined, flags: Flags, signal: AbortSignal): Promise<void> {
  const source = requireSource(name);
  if (flags.wheel !== undefined && flags.version !== undefined) {
    throw new UsageError("Cannot use --version with --wheel: the wheel's name tells its version");
  }
  useProxyFromEnvironment();
  const start = performance.now();
  let progress = startProgress({ title: "Downloading", quiet: true });
  try {
    const { plugin, fresh } = await installPlugin(source, {
      settings: indexSettings(),
      cache: xlaCacheFolder(),
      version: flags.version,
      wheel: flags.wheel === undefined ? undefined : resolve(flags.wheel),
      signal,
      onStart() {
        if (source.terms !== undefined && !flags.quiet) process.stderr.write(`${source.terms}\n`);
      },
      onPlan(total) {
        progress = startProgress({ title: "Downloading", total, quiet: flags.quiet });
      },
      onBytes: (bytes) => progress.advance(bytes),
    });
    progress.done();
    const what = `the plugin for ${source.drives}: ${plugin.package} ${plugin.version}`;
    const text = fresh
      ? `Installed ${what} (${plugin.licence}) in ${formatDuration(performance.now() - start)}`
      : `Found ${what}`;
    await writeReport(text, { ...plugin, fresh }, flags);
    if (!flags.json) await openOutput(undefined).write(`${plugin.path}\n`);
  } finally {
    progress.done();
  }
}

function requireSource(name: string | undefined): PluginSource {
  const source = name === undefined ? undefined : pluginSource(name);
  if (source !== undefined) return source;
  const names = PLUGIN_SOURCES.map((each) => each.name).join(", ");
  const given = name === undefined ? "a plugin without its name" : `the plugin ${name}`;
  throw new UsageError(`Cannot install ${given}: it takes one of ${names}`);
}

async function list({ json }: Flags): Promise<void> {
  const plugins = findPlugins();
  const output = openOutput(undefined);
  if (json) return output.write(`${JSON.stringify(plugins)}\n`);
  if (plugins.length === 0) tell("No plugins: kcbert-cli plugin install brings them");
  for (const plugin of plugins) await output.write(`${describe(plugin)}\n`);
}

function describe({ name, path, from, version }: FoundPlugin): string {
  return [name ?? "?", path, version === undefined ? from : `${from}, version ${version}`].join("\t");
}
