/** The steps on Deno's own WebGPU, started as the command line does; `no adapter` where the machine has none. */
import process from "node:process";
import { startBackend } from "../../apps/cli/src/backend.ts";
import { passesSelfTest } from "../../apps/cli/src/backends/self_test.ts";
import { miniStep } from "./mini_step.ts";

const host = navigator as unknown as { gpu?: { requestAdapter(): Promise<object | null> } };
if (host.gpu === undefined || (await host.gpu.requestAdapter()) === null) {
  process.stdout.write('"no adapter"\n');
} else {
  await startBackend("webgpu");
  const passes = await passesSelfTest(undefined);
  process.stdout.write(`${JSON.stringify({ passes, ...(await miniStep()) })}\n`);
}
