/**
 * The TensorFlow.js backend `xla`.
 *
 * Outside `jit` every kernel is a small program of its own, compiled once a shape. Inside, kernels are recorded.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "./hlo/graph.ts";
import { Graph } from "./hlo/graph.ts";
import { moduleText, type Sharding } from "./hlo/module_text.ts";
import { reshape } from "./hlo/elementwise.ts";
import { DeviceArray } from "./jit/device_array.ts";
import { arrayType, asHostValues, dataTypeOf, type Stored } from "./jit/stored.ts";
import type { Trace } from "./jit/trace.ts";
import { LOWERINGS } from "./kernels/all.ts";
import type { Attributes } from "./kernels/lowering.ts";
import type { PjrtClient, PjrtDevice } from "./pjrt/client.ts";
import type { CompileOptions } from "./pjrt/compile_options.ts";
import type { PjrtExecutable } from "./pjrt/executable.ts";

/** The name under which the backend is registered. */
export const XLA = "xla";

/** Inputs of a kernel as TensorFlow.js passes them: a record, or a list. */
type KernelInputs = Readonly<Record<string, tf.TensorInfo | null | undefined>>;

/** TensorFlow.js on the devices of one PJRT client. */
export class XlaBackend extends tf.KernelBackend {
  /** The devices' client. */
  readonly client: PjrtClient;
  /** The recording in progress. */
  trace: Trace | undefined;
  readonly #data: tf.DataStorage<Stored>;
  readonly #kernels = new Map<string, Kernel>();
  /** Settles when everything that waits for a compilation is on its way. */
  #tail: Promise<void> | undefined;

  constructor(client: PjrtClient) {
    super();
    this.client = client;
    this.#data = new tf.DataStorage(this, tf.engine());
  }

  // --- storage ---

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.#store(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: tf.DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    this.#store(dataId, values, shape, dtype, refCount);
  }

  override refCount(dataId: tf.DataId): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).refCount : 0;
  }

  override incRef(dataId: tf.DataId): void {
    this.#data.get(dataId).refCount++;
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const stored = this.#data.get(dataId);
    if (this.trace !== undefined && stored.trace === undefined) {
      this.trace.disposed.push(stored); // whether it was an assignment will be seen at the end
      return false;
    }
    stored.refCount--;
    if (!force && stored.refCount > 0) return false;
    this.#data.delete(dataId);
    stored.orphaned = true;
    free(stored);
    return true;
  }

  override async read(dataId: tf.DataId): Promise<tf.BackendValues> {
    const stored = this.#readable(dataId);
    if (stored.values !== undefined) return stored.values;
    stored.holds++;
    try {
      if (this.#tail !== undefined) await this.#tail;
      if (stored.array === undefined) throw unavailable(stored);
      return await stored.array.read();
    } finally {
      release(stored);
    }
  }

  override readSync(dataId: tf.DataId): tf.BackendValues {
    const stored = this.#readable(dataId);
    if (stored.values !== undefined) return stored.values;
    if (this.#tail !== undefined && stored.failure === undefined) {
      throw new Error(
        "Cannot read a tensor at once while the program that makes it is being compiled: await tensor.data()",
      );
    }
    if (stored.array === undefined) throw unavailable(stored);
    return stored.array.readSync();
  }

  override memory(): { unreliable: boolean; reasons: string[] } {
    return { unreliable: true, reasons: ["XLA manages the devices' memory"] };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {
    for (const { executable } of this.#kernels.values()) executable?.dispose();
    this.#kernels.clear();
  }

  // --- kernels ---

  /** Run a kernel, or record it. */
  runKernel(name: string, inputs: KernelInputs, attributes: Attributes): tf.TensorInfo | tf.TensorInfo[] {
    const given = Object.entries(inputs).filter(
      (entry): entry is [string, tf.TensorInfo] => entry[1] != null,
    );
    const results =
      this.trace === undefined
        ? this.#runNow(name, given, attributes)
        : this.#record(this.trace, name, given, attributes);
    return MANY.has(name) || results.length > 1 ? results : results[0]!;
  }

  // --- for jit ---

  /** What is kept of a tensor. */
  storedOf({ dataId }: tf.TensorInfo): Stored {
    return this.#data.get(dataId);
  }

  /** A tensor's data that is yet to come. */
  expect(dtype: tf.DataType, shape: readonly number[]): Stored {
    const stored: Stored = { dataId: {}, dtype, shape, refCount: 1, holds: 0, orphaned: false };
    this.#data.set(stored.dataId, stored);
    return stored;
  }

  /** Forget data that only a recording knew. */
  forget(stored: Stored): void {
    if (this.#data.has(stored.dataId)) this.#data.delete(stored.dataId);
  }

  /** A tensor of the recording. */
  traced(trace: Trace, value: Value): tf.TensorInfo {
    const stored = this.expect(dataTypeOf(value.dtype), value.shape);
    stored.traced = value;
    stored.trace = trace;
    trace.made.push(stored);
    return { dataId: stored.dataId, shape: [...value.shape], dtype: stored.dtype };
  }

  /** The data on devices, brought there if need be. */
  onDevices(stored: Stored, devices: readonly PjrtDevice[], sharding: Sharding): DeviceArray {
    const { array } = stored;
    if (array?.lies(devices, sharding) === true) return array;
    // A copy on several devices serves a program on the first.
    if (array !== undefined && devices.length === 1 && array.sharding === "replicated") {
      const own = array.buffers.find(({ device }) => device === devices[0]);
      if (own !== undefined) return new DeviceArray(array, [own], "replicated");
    }
    const values = stored.values ?? array?.readSync();
    if (values === undefined) throw unavailable(stored);
    array?.dispose();
    stored.array = DeviceArray.upload(this.client, devices, values, arrayType(stored), sharding);
    if (values.byteLength > KEPT_BYTES) stored.values = undefined;
    return stored.array;
  }

  /** Whether nothing waits for its turn. */
  get isIdle(): boolean {
    return this.#tail === undefined;
  }

  /** Compile a program, in the background. */
  compile(text: string, options: CompileOptions): Promise<PjrtExecutable> {
    return this.client.compile(text, options);
  }

  /** Do something once all that was asked for before is on its way, and `after` has come true; at once if nothing waits. */
  inOrder(after: Promise<unknown> | undefined, work: () => void, failed: (error: unknown) => void): void {
    if (this.#tail === undefined && after === undefined) {
      try {
        work();
      } catch (error) {
        failed(error);
        throw error;
      }
      return;
    }
    const turn = async (before: Promise<void> | undefined): Promise<void> => {
      try {
        await before;
        await after;
        work();
      } catch (error) {
        failed(error);
      }
      if (this.#tail === settled) this.#tail = undefined;
    };
    const settled = turn(this.#tail);
    this.#tail = settled;
  }

  // --- internal ---

  #store(
    dataId: tf.DataId,
    values: tf.BackendValues,
    shape: readonly number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    const host =
      dtype === "string" || dtype === "complex64" ? values : asHostValues(values as Float32Array, dtype);
    const stored: Stored = {
      dataId,
      dtype,
      shape: [...shape],
      refCount,
      holds: 0,
      orphaned: false,
      values: host as Float32Array,
      trace: this.trace,
    };
    this.trace?.take(stored);
    this.#data.set(dataId, stored);
  }

  #readable(dataId: tf.DataId): Stored {
    const stored = this.#data.get(dataId);
    if (stored.values === undefined && stored.trace !== undefined) throw new Error(HOST_READ);
    return stored;
  }

  #record(
    trace: Trace,
    name: string,
    inputs: readonly [string, tf.TensorInfo][],
    attributes: Attributes,
  ): tf.TensorInfo[] {
    const values = inputs.map(([key, info]) => [key, trace.valueOf(info, this.storedOf(info))] as const);
    return trace.run(name, Object.fromEntries(values), attributes).map((value) => this.traced(trace, value));
  }

  #runNow(name: string, inputs: readonly [string, tf.TensorInfo][], attributes: Attributes): tf.TensorInfo[] {
    const shared = sharedShape(name, inputs, attributes);
    if (shared !== undefined) {
      const [[, { dataId, dtype }]] = inputs as [[string, tf.TensorInfo]];
      this.incRef(dataId);
      return [{ dataId, shape: shared, dtype }];
    }
    const stored = inputs.map(([, info]) => this.storedOf(info));
    const key = programKey(name, inputs, stored, attributes);
    let known = this.#kernels.get(key);
    if (known === undefined) {
      known = buildKernel(name, inputs, stored, attributes);
      this.#kernels.set(key, known);
      if (this.#kernels.size > MOST_KERNELS) this.#dropOldest();
    }
    const kernel = known;
    const results = kernel.results.map(({ dtype, shape }) => this.expect(dataTypeOf(dtype), shape));
    for (const each of [...stored, ...results]) each.holds++;
    const done = (): void => {
      for (const each of [...stored, ...results]) release(each);
    };
    const failed = (error: unknown): void => {
      for (const result of results) result.failure = error;
      done();
    };
    const work = (): void => {
      kernel.executable ??= this.client.compileSync(kernel.text);
      const devices = this.client.devices.slice(0, 1);
      const list = stored.map((each) => this.onDevices(each, devices, "replicated").buffers[0]!);
      const [buffers] = kernel.executable.execute([list]);
      for (const [i, result] of results.entries()) {
        result.array = new DeviceArray(kernel.results[i]!, [buffers![i]!], "replicated");
      }
      done();
    };
    this.inOrder(undefined, work, failed);
    return results.map(({ dataId, dtype, shape }) => ({ dataId, dtype, shape: [...shape] }));
  }

  #dropOldest(): void {
    const [[key, kernel]] = this.#kernels as unknown as [[string, Kernel]];
    kernel.executable?.dispose();
    this.#kernels.delete(key);
  }
}

/** A program that waited no longer needs the data. */
export function release(stored: Stored): void {
  stored.holds--;
  free(stored);
}

// --- internal ---

/** A kernel as a program of its own. */
interface Kernel {
  readonly text: string;
  readonly results: readonly Value[];
  executable?: PjrtExecutable;
}

/** How many programs of single kernels are kept. */
const MOST_KERNELS = 2048;

/** Data on the host that is no longer than that is kept there when it goes to a device. */
const KEPT_BYTES = 1024;

/** Kernels with a list of results, even of one. */
const MANY = new Set(["Unpack", "SplitV"]);

const HOST_READ =
  "Cannot read a tensor's numbers inside jit, for the function is recorded, not run: return the tensor and read it outside, or compute with tensors only";

function free(stored: Stored): void {
  if (!stored.orphaned || stored.holds > 0) return;
  stored.array?.dispose();
  stored.array = undefined;
  stored.values = undefined;
}

function unavailable({ failure }: Stored): Error {
  if (failure instanceof Error) return failure;
  return new Error("Cannot read a tensor that was never computed", { cause: failure });
}

/** The shape of a result that shares its input's data, or nothing if the kernel makes new data. */
function sharedShape(
  name: string,
  inputs: readonly [string, tf.TensorInfo][],
  attributes: Attributes,
): number[] | undefined {
  const [first] = inputs;
  if (first === undefined) return undefined;
  const { shape } = first[1];
  const size = tf.util.sizeFromShape(shape);
  if (name === "Identity") return [...shape];
  if (name === "Reshape") return tf.util.inferFromImplicitShape(attributes["shape"] as number[], size);
  if (name !== "ExpandDims") return undefined;
  const dim = attributes["dim"] as number;
  return shape.toSpliced(dim < 0 ? dim + shape.length + 1 : dim, 0, 1);
}

function programKey(
  name: string,
  inputs: readonly [string, tf.TensorInfo][],
  stored: readonly Stored[],
  attributes: Attributes,
): string {
  const types = inputs.map(
    ([key, { shape }], i) => `${key}:${stored[i]!.dtype}[${stored[i]!.shape.join()}]→[${shape.join()}]`,
  );
  // JSON has no infinities.
  const plain = (_: string, value: unknown): unknown => (typeof value === "number" ? `${value}` : value);
  return `${name} ${types.join(" ")} ${JSON.stringify(attributes, plain)}`;
}

function buildKernel(
  name: string,
  inputs: readonly [string, tf.TensorInfo][],
  stored: readonly Stored[],
  attributes: Attributes,
): Kernel {
  const graph = new Graph();
  const values = inputs.map(([key, { shape }], i) => {
    return [key, reshape(graph, graph.parameter(arrayType(stored[i]!)), shape)] as const;
  });
  const result = LOWERINGS[name]!({ graph, precision: "fp32" }, Object.fromEntries(values), attributes);
  const results = Array.isArray(result) ? result : [result];
  return { text: moduleText(graph, { name: `kernel_${name}`, results }), results };
}
