import * as tf from "@tensorflow/tfjs-core";
import type { BertConfig } from "./config.ts";
import type { BertInputs } from "./modeling_bert.ts";
import { IGNORED_LABEL } from "./ops/softmax_cross_entropy.ts";

/** Refuse inputs that do not fit the model, before an op fails on them in words of its own, or reads beyond a table. */
export function checkInputs(
  { inputIds, attentionMask, tokenTypeIds, positionIds, lengths }: BertInputs,
  config: BertConfig,
): void {
  const { shape } = inputIds;
  if (inputIds.dtype !== "int32" || shape.length !== 2 || inputIds.size === 0) {
    throw new TypeError(
      `Cannot run the model as inputIds must be int32 [batch, tokens], both at least 1: it is ${inputIds.dtype} ${format(shape)}`,
    );
  }
  const [batch, tokens] = shape;
  if (lengths !== undefined) {
    if (attentionMask !== undefined || positionIds !== undefined) {
      throw new TypeError(
        "Cannot run the model as lengths are in place of attentionMask and positionIds: leave those out",
      );
    }
    checkLengths(lengths, shape, config.maxPositionEmbeddings);
  } else if (positionIds === undefined && tokens > config.maxPositionEmbeddings) {
    throw new RangeError(
      `Cannot run the model as it has ${config.maxPositionEmbeddings} positions: inputIds has ${tokens} tokens in a row`,
    );
  }
  if (attentionMask !== undefined) {
    const shapes = [
      [batch, tokens],
      [batch, tokens, tokens],
    ].map(format);
    if (!shapes.includes(format(attentionMask.shape))) {
      throw new TypeError(
        `Cannot run the model as attentionMask must be ${shapes.join(" or ")} beside inputIds: it is ${format(attentionMask.shape)}`,
      );
    }
  }
  checkIds("inputIds", inputIds, shape, config.vocabSize, "tokens in the vocabulary");
  checkIds("tokenTypeIds", tokenTypeIds, shape, config.typeVocabSize, "token types");
  checkIds("positionIds", positionIds, shape, config.maxPositionEmbeddings, "positions");
}

/**
 * Refuse ids without a row in their table.
 *
 * Their values are read where that costs next to nothing, because the backend's tensors lie in this process; a
 * device would have to be waited for.
 */
export function checkIds(
  name: string,
  ids: tf.Tensor | undefined,
  shape: readonly number[],
  limit: number,
  what: string,
): void {
  if (ids === undefined) return;
  if (ids.dtype !== "int32" || format(ids.shape) !== format(shape)) {
    throw new TypeError(
      `Cannot run the model as ${name} must be int32 ${format(shape)}: it is ${ids.dtype} ${format(ids.shape)}`,
    );
  }
  const wrong = findLocally(ids, (id) => id < 0 || id >= limit);
  if (wrong !== undefined) {
    throw new RangeError(`Cannot run the model as it has ${limit} ${what}: ${name} holds ${wrong}`);
  }
}

/** Refuse labels that are no class and not ignored; like {@link checkIds}, where their values are at hand. */
export function checkLabels(labels: tf.Tensor, shape: readonly number[], classes: number): void {
  if (labels.dtype !== "int32" || format(labels.shape) !== format(shape)) {
    throw new TypeError(
      `Cannot compute the loss as labels must be int32 ${format(shape)}: it is ${labels.dtype} ${format(labels.shape)}`,
    );
  }
  const wrong = findLocally(labels, (label) => label !== IGNORED_LABEL && (label < 0 || label >= classes));
  if (wrong !== undefined) {
    throw new RangeError(
      `Cannot compute the loss as labels must be in [0, ${classes}), or ${IGNORED_LABEL} to be ignored: it holds ${wrong}`,
    );
  }
}

// --- internal ---

function checkLengths(lengths: readonly number[], shape: readonly number[], positions: number): void {
  const sum = lengths.reduce((a, b) => a + b, 0);
  if (shape[0] !== 1 || sum !== shape[1]) {
    throw new TypeError(
      `Cannot run the model as lengths must add up to the one row of inputIds: they add up to ${sum}, inputIds is ${format(shape)}`,
    );
  }
  const wrong = lengths.find((length) => !Number.isInteger(length) || length < 1 || length > positions);
  if (wrong !== undefined) {
    throw new RangeError(
      `Cannot run the model as each of lengths must be a whole number from 1 to ${positions}, its positions: one is ${wrong}`,
    );
  }
}

const LOCAL_BACKENDS = new Set(["cpu", "wasm"]);

function findLocally(tensor: tf.Tensor, isWrong: (value: number) => boolean): number | undefined {
  return LOCAL_BACKENDS.has(tf.getBackend()) ? tensor.dataSync().find((value) => isWrong(value)) : undefined;
}

function format(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
