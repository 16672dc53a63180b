import type { StartedBackend } from "../backend.ts";
import { CliError, sentence } from "../failure.ts";

/**
 * TensorFlow's own library, if the user has `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`.
 *
 * @throws {CliError} If neither is installed, or what is installed cannot be loaded, as on a Node that is too new for it.
 */
export async function startTensorflow(): Promise<StartedBackend> {
  const tf = await import("@tensorflow/tfjs-core");
  for (const name of PACKAGES) {
    if (!(await load(name))) continue;
    if (await tf.setBackend("tensorflow")) return { device: name };
    throw new CliError(`Cannot start the backend tensorflow: TensorFlow.js refuses ${name}`);
  }
  throw new CliError(`Cannot start the backend tensorflow as it needs a package: npm install ${PACKAGES[1]}`);
}

// --- internal ---

const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** Whether a package is there. */
async function load(name: string): Promise<boolean> {
  try {
    await import(name);
    return true;
  } catch (cause) {
    const { code, message = "" } = cause as { code?: string; message?: string };
    const missing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    if (missing && new RegExp(`["']${name}["']`).test(message)) return false; // Deno quotes otherwise
    throw new CliError(
      `Cannot start the backend tensorflow as ${name} cannot be loaded: ${sentence(cause)}`,
      {
        cause,
      },
    );
  }
}
