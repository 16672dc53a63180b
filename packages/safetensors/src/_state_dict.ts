import { quote } from "./_header.ts";
import { gather, isContiguous } from "./_strided.ts";
import {
  describePickled,
  isKind,
  type Pickled,
  type PickledStorage,
  type PickledTensor,
} from "./_unpickle.ts";
import { CheckpointError } from "./checkpoint_error.ts";
import { dtypeSize, type SafetensorsTensor } from "./dtype.ts";

/** Pickles of real checkpoints take 100 bytes a tensor. */
export const maxPickleLength: number = 64 * 2 ** 20;

/** The tensors of a state_dict, by name. */
export function stateDict(value: Pickled): Map<string, PickledTensor> {
  if (!isKind(value, "dict"))
    throw unreadable(`the file must hold a dict of tensors: it holds ${describePickled(value)}`);
  const tensors = new Map<string, PickledTensor>();
  for (const [name, tensor] of value.entries) {
    if (typeof name !== "string") throw unreadable(`names must be strings: found ${describePickled(name)}`);
    if (!isKind(tensor, "tensor")) {
      throw unreadable(`values must be tensors: ${quote(name)} is ${describePickled(tensor)}`);
    }
    tensors.set(name, tensor);
  }
  return tensors;
}

/** Every storage once. */
export function storages(tensors: ReadonlyMap<string, PickledTensor>): Iterable<PickledStorage> {
  const found = new Map<string, PickledStorage>();
  for (const { storage } of tensors.values()) {
    const { key, dtype, length } = found.get(storage.key) ?? storage;
    if (dtype !== storage.dtype || length !== storage.length) {
      throw unreadable(
        `a storage must have one type and size: ${quote(key)} is ${dtype} and ${storage.dtype}`,
      );
    }
    found.set(key, storage);
  }
  return found.values();
}

/**
 * Puts tensors in row-major order: views where they lie so, copies elsewhere. The copies are taken from a budget, so
 * that a small file cannot ask for much memory.
 */
export class Materialiser {
  #budget: number;

  /** @param fileLength In bytes; the copies may take four times as much. */
  constructor(fileLength: number) {
    this.#budget = 4 * fileLength;
  }

  /** A tensor of the bytes of its storage. */
  tensor(
    name: string,
    { storage, offset, shape, strides }: PickledTensor,
    bytes: Uint8Array,
  ): SafetensorsTensor {
    const { dtype } = storage;
    const size = dtypeSize(dtype);
    const count = shape.reduce((product, size) => product * size, 1);
    if (isContiguous(shape, strides)) {
      return { dtype, shape, bytes: bytes.subarray(offset * size, (offset + count) * size) };
    }
    this.#budget -= count * size;
    if (this.#budget < 0) {
      throw unreadable(`views must not take more than four times the file: ${quote(name)} does`);
    }
    return { dtype, shape, bytes: gather(bytes, offset, shape, strides, size) };
  }
}

/** An error about a PyTorch checkpoint. */
export function unreadable(problem: string, offset?: number): CheckpointError {
  return new CheckpointError(`Cannot read the PyTorch checkpoint as ${problem}`, offset);
}
