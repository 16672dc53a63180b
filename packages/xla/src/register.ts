/** Registers the backend `xla` with TensorFlow.js. */
import * as tf from "@tensorflow/tfjs-core";
import { XLA, XlaBackend } from "./backend.ts";
import { LOWERINGS } from "./kernels/all.ts";
import type { Attributes } from "./kernels/lowering.ts";
import { type ClientOptions, PjrtClient } from "./pjrt/client.ts";
import { PjrtPlugin } from "./pjrt/plugin.ts";

/** Where the backend `xla` computes. */
export interface XlaBackendOptions {
  /** The path of a PJRT plugin, a shared library; `kcbert-cli plugin install` brings one, `kcbert-cli doctor` finds it. */
  plugin: string;
  /** What the plugin is started with, such as `cpu_device_count`; see {@link PjrtClient.create}. */
  options?: ClientOptions;
}

/**
 * Load a plugin, take hold of its devices, and register the backend `xla` on them. `tf.setBackend("xla")` then chooses it.
 *
 * @returns The devices; dispose them after `tf.removeBackend("xla")`.
 * @throws {Error} If the plugin cannot be loaded, or a backend of that name is registered already.
 * @throws {PjrtError} If there is no such device, its driver is missing, or another process holds it.
 *
 * @example Train on whatever device the plugin drives
 * ```ts ignore
 * import { jit, registerXlaBackend } from "@kcbert/xla";
 * import * as tf from "@tensorflow/tfjs";
 *
 * const client = await registerXlaBackend({ plugin: "/path/to/pjrt_plugin.so" });
 * await tf.setBackend("xla");
 * const weight = tf.variable(tf.zeros([3, 1]));
 * const step = jit((x, y) => {
 *   const loss = () => tf.losses.meanSquaredError(y, tf.matMul(x, weight)).asScalar();
 *   const { value, grads } = tf.variableGrads(loss, [weight]);
 *   weight.assign(tf.sub(weight, tf.mul(grads[weight.name], 0.1)));
 *   return [value];
 * });
 * const [loss] = step(tf.ones([8, 3]), tf.ones([8, 1]));
 * console.log((await loss.data())[0]); // 1
 * ```
 */
export async function registerXlaBackend({ plugin, options = {} }: XlaBackendOptions): Promise<PjrtClient> {
  const client = PjrtClient.create(await PjrtPlugin.load(plugin), options);
  try {
    registerXlaBackendOn(client);
    return client;
  } catch (error) {
    client.dispose();
    throw error;
  }
}

/**
 * Register the backend `xla` on a client's devices, and its kernels. `tf.setBackend("xla")` then chooses it.
 *
 * @param client The devices; the caller disposes it after `tf.removeBackend("xla")`.
 * @throws {Error} If a backend of that name is registered already.
 */
export function registerXlaBackendOn(client: PjrtClient): void {
  if (tf.findBackendFactory(XLA) != null) {
    throw new Error(
      `Cannot register the backend xla as it is registered already: tf.removeBackend("xla") first`,
    );
  }
  const backend = new XlaBackend(client);
  for (const kernelName of Object.keys(LOWERINGS)) {
    if (tf.getKernel(kernelName, XLA) !== undefined) continue;
    tf.registerKernel({
      kernelName,
      backendName: XLA,
      kernelFunc: ({ inputs, attrs, backend }) =>
        (backend as XlaBackend).runKernel(
          kernelName,
          inputs as Record<string, tf.TensorInfo>,
          (attrs ?? {}) as Attributes,
        ),
    });
  }
  tf.registerBackend(XLA, () => backend, PRIORITY);
}

// --- internal ---

/** Below every other backend's, so that it computes only where it was chosen. */
const PRIORITY = 0;
