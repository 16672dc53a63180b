/**
 * Start the plugin at a path, run a program on it, and say how that went: the process behind `probePlugin`.
 *
 * @module
 */
import process from "node:process";
import { type PjrtClient, PjrtError } from "@kcbert/xla";
import { sentence } from "../failure.ts";
import { openClient } from "./open_client.ts";
import type { PluginName } from "./plugin_sources.ts";
import type { Probe } from "./probe.ts";

const [path = "", name = ""] = process.argv.slice(2);
const result = await probe().catch((error: unknown): Probe => ({ works: false, reason: reasonOf(error) }));
process.stdout.write(`probe: ${JSON.stringify(result)}\n`);

async function probe(): Promise<Probe> {
  const found = { path, name: (name || undefined) as PluginName | undefined, from: "path" } as const;
  const client = await openClient(found, { cache: false });
  await selfTest(client);
  const { plugin, platform, platformVersion, devices } = client;
  const stablehlo = plugin.attributes["stablehlo_current_version"];
  return {
    works: true,
    platform,
    platformVersion,
    api: `${plugin.version.major}.${plugin.version.minor}`,
    stablehlo: Array.isArray(stablehlo) ? stablehlo.join(".") : "",
    devices: devices.map((device) => {
      const limit = client.memory(device)?.limit;
      return { id: device.id, kind: device.kind, ...(limit !== undefined && { memory: limit }) };
    }),
  };
}

/** The plugin's own words, if it is the plugin that fails. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return sentence(cause instanceof PjrtError ? cause.reason : error);
}

/** The product of a matrix with itself, which every kind of device computes exactly. */
async function selfTest(client: PjrtClient): Promise<void> {
  const program = await client.compile(`
    func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %0 = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    }`);
  const x = client.toDevice(Float32Array.of(1, 2, 3, 4), "float32", [2, 2]);
  const [[product] = []] = program.execute([[x]]);
  const values = new Float32Array((await product!.toHost()).buffer).join(" ");
  if (values !== "7 10 15 22") throw new Error(`It computes [1 2; 3 4]² as ${values}: it is 7 10 15 22`);
}
