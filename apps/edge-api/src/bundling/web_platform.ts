import * as tf from "@tensorflow/tfjs-core";

/** Tell TensorFlow.js what this runtime can do, by Web standards: by itself it knows Node and pages only. */
export function setWebPlatform(): void {
  tf.env().setPlatform("web", webPlatform);
}

// --- internal ---

const webPlatform: tf.Platform = {
  fetch: (path, init) => fetch(path, init),
  now: () => performance.now(),
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder().decode(bytes),
  isTypedArray: (value): value is Float32Array | Int32Array | Uint8Array | Uint8ClampedArray =>
    ArrayBuffer.isView(value) && !(value instanceof DataView),
};
