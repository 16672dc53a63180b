import type { StartedBackend } from "../backend.ts";
import { CliError } from "../failure.ts";

/** TensorFlow's own library, if the user has `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`. */
export async function startTensorflow(): Promise<StartedBackend> {
  const tf = await import("@tensorflow/tfjs-core");
  for (const name of PACKAGES) {
    const found = await import(name).then(
      () => true,
      () => false,
    );
    if (found && (await tf.setBackend("tensorflow"))) return { device: name };
  }
  throw new CliError(`Cannot start the backend tensorflow as it needs a package: npm install ${PACKAGES[1]}`);
}

// --- internal ---

const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;
