import type { BackendOptions, StartedBackend } from "../backend.ts";
import { CliError } from "../failure.ts";

/** XLA on the devices of a plugin: `plugin` of the options, else the best that is there. */
export async function startXla({
  plugin,
  precision = "fp32",
  devices = 1,
}: BackendOptions): Promise<StartedBackend> {
  const [{ jit, registerXlaBackendOn }, { findPlugin, findPlugins }, { openClient }, tf] = await Promise.all([
    import("@kcbert/xla"),
    import("../plugin/find_plugin.ts"),
    import("../plugin/open_client.ts"),
    import("@tensorflow/tfjs-core"),
  ]);
  const present = new Set(findPlugins().map(({ name }) => name));
  const wanted = plugin ?? PLUGINS.find((name) => present.has(name)) ?? "cpu";
  const client = await openClient(findPlugin(wanted), { cpuDevices: devices });
  const [first] = client.devices;
  if (client.devices.length < devices) {
    client.dispose();
    throw new CliError(
      `Cannot divide batches over ${devices} devices: the platform ${client.platform} has ${client.devices.length}`,
    );
  }
  if (tf.findBackendFactory("xla") != null) tf.removeBackend("xla"); // one that was tried before
  registerXlaBackendOn(client);
  await tf.setBackend("xla");
  const mesh = devices > 1 ? { mesh: { data: devices } } : {};
  const kind = first?.kind ?? client.platform;
  return {
    jit: (fn) => jit(fn, { precision, ...mesh }),
    device: devices > 1 ? `${devices} × ${kind}` : kind,
  };
}

// --- internal ---

/** The best first. */
const PLUGINS = ["cuda", "tpu", "cpu"] as const;
