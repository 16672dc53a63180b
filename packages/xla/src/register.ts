/** Registers the backend `xla` with TensorFlow.js. */
import * as tf from "@tensorflow/tfjs-core";
import { XLA, XlaBackend } from "./backend.ts";
import { LOWERINGS } from "./kernels/all.ts";
import type { Attributes } from "./kernels/lowering.ts";
import type { PjrtClient } from "./pjrt/client.ts";

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
