import type { KernelConfig } from "@tensorflow/tfjs-core";
import { defineKernel } from "./_define_kernel.ts";

/**
 * `SoftmaxCrossEntropy`: the mean, in nats, over the rows of `logits` `[P, V]` whose `labels` int32 `[P]` are not the
 * attribute `ignored`; with the attribute `training` softmax `[P, V]` comes after it.
 */
export const softmaxCrossEntropyConfig: KernelConfig = defineKernel("SoftmaxCrossEntropy", (call) => {
  const logits = call.input("logits");
  const labels = call.at(call.input("labels", "int32"));
  const [rows = 0, classes = 0] = logits.shape;
  const from = call.at(logits);
  const training = call.attributes["training"] === true;
  const ignored = Number(call.attributes["ignored"]);
  const probabilities = training ? call.output([rows, classes]) : undefined;
  const to = probabilities === undefined ? call.scratch(4 * classes) : call.at(probabilities);
  const loss = call.module.crossEntropy(from, labels, to, rows, classes, ignored, training);
  return probabilities === undefined ? call.scalar(loss) : [call.scalar(loss), probabilities];
});

/** `SoftmaxCrossEntropyGrad`: from `dy` (a scalar), `probabilities` and `labels` the gradient of the logits. */
export const softmaxCrossEntropyGradConfig: KernelConfig = defineKernel("SoftmaxCrossEntropyGrad", (call) => {
  const probabilities = call.input("probabilities");
  const [rows = 0, classes = 0] = probabilities.shape;
  const [dy, from] = [call.at(call.input("dy")), call.at(probabilities)];
  const labels = call.at(call.input("labels", "int32"));
  const dx = call.output([rows, classes]);
  const ignored = Number(call.attributes["ignored"]);
  call.module.crossEntropyGrad(call.read(dy), from, labels, call.at(dx), rows, classes, ignored);
  return dx;
});
