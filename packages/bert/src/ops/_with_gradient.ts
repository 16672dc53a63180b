import * as tf from "@tensorflow/tfjs-core";

/** Keep tensors of the forward pass for the backward pass; free where no gradient is being taken. */
export type Save = (...tensors: tf.Tensor[]) => void;

/**
 * An op with a gradient of its own: `tf.customGrad`, typed, and applied at once.
 *
 * @param inputs What the gradient is taken to, in the order in which `backward` answers.
 * @param forward Computes the value; what it makes on the way is freed, but for what it saves.
 * @param backward From the gradient of the value and the saved tensors, the gradient of each input; each a tensor of
 * its own (TensorFlow.js frees them one by one).
 */
export function withGradient<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  forward: (save: Save) => T,
  backward: (dy: T, saved: readonly tf.Tensor[]) => tf.Tensor[],
): T {
  const op = tf.customGrad<T>((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    // TensorFlow.js tidies up after `forward`, not after the gradient.
    const gradFunc = (dy: T, saved: tf.Tensor[]) => tf.tidy(() => backward(dy, saved));
    return { value: forward((...tensors) => save(tensors)), gradFunc };
  });
  return op(...inputs);
}

/** Whether a gradient is being taken, so that what is computed now will be asked for its own. */
export function isRecording(): boolean {
  return tf.engine().state.gradientDepth > 0;
}
