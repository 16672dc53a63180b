import type { StartedBackend } from "../backend.ts";
import { CliError } from "../failure.ts";

/**
 * A GPU through WebGPU: the runtime's own where it has one (Deno), else the package `webgpu` (Dawn), which the user
 * installs with `@tensorflow/tfjs-backend-webgpu`.
 *
 * @returns `device` names the GPU; it is absent where software plays one.
 */
export async function startWebGpu(): Promise<StartedBackend> {
  const host = navigator as unknown as { gpu?: Gpu };
  if (host.gpu === undefined) Object.defineProperty(host, "gpu", { value: await dawn(), configurable: true });
  const adapter = await host.gpu!.requestAdapter();
  if (adapter === null)
    throw new CliError("Cannot start the backend webgpu as there is no GPU that WebGPU can use");
  const tf = await import("@tensorflow/tfjs-core");
  await import(TFJS_WEBGPU).catch((cause: unknown) => {
    throw new CliError(`Cannot start the backend webgpu as it needs a package: npm install ${TFJS_WEBGPU}`, {
      cause,
    });
  });
  if (!(await tf.setBackend("webgpu")))
    throw new CliError("Cannot start the backend webgpu: TensorFlow.js refuses the GPU");
  const { vendor = "", architecture = "", description = "" } = adapter.info ?? {};
  const name = description || `${vendor} ${architecture}`.trim() || "a GPU";
  return SOFTWARE.test(`${name} ${vendor} ${architecture}`) ? {} : { device: name };
}

// --- internal ---

/** What is used of WebGPU here. */
interface Gpu {
  requestAdapter(): Promise<{
    readonly info?: {
      readonly vendor?: string;
      readonly architecture?: string;
      readonly description?: string;
    };
  } | null>;
}

const TFJS_WEBGPU = "@tensorflow/tfjs-backend-webgpu";
const DAWN = "webgpu";
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|cpu/i;

async function dawn(): Promise<Gpu> {
  const found = (await import(DAWN).catch((cause: unknown) => {
    throw new CliError(
      `Cannot start the backend webgpu as it needs packages: npm install ${DAWN} ${TFJS_WEBGPU}`,
      { cause },
    );
  })) as { create(flags: string[]): Gpu; globals: object };
  Object.assign(globalThis, found.globals);
  return found.create([]);
}
