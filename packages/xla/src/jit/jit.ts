/**
 * `jit`: a function of tensors becomes one program on the devices.
 */
import * as tf from "@tensorflow/tfjs-core";
import { XLA, XlaBackend, release } from "../backend.ts";
import { convert } from "../hlo/elementwise.ts";
import type { Value } from "../hlo/graph.ts";
import { moduleText, type Sharding } from "../hlo/module_text.ts";
import type { Precision } from "../kernels/lowering.ts";
import type { PjrtDevice } from "../pjrt/client.ts";
import type { PjrtExecutable } from "../pjrt/executable.ts";
import { DeviceArray } from "./device_array.ts";
import { dataTypeOf, elementTypeOf, type Stored } from "./stored.ts";
import { type Capture, Trace } from "./trace.ts";

/** A function of tensors that may be run again and again. */
export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor[];

/** How a function is compiled. */
export interface JitOptions {
  /**
   * `fp32`, or `bf16`: products of matrices and the activations between them in bfloat16; sums, statistics, losses,
   * weights and the optimiser in float32. Tensors are float32 either way. @default "fp32"
   */
  precision?: Precision;
  /**
   * Over how many devices of the backend the batch is divided: inputs by their first dimension where it can be, variables
   * copied to each, and XLA adds up the gradients. @default one device
   */
  mesh?: { data: number };
  /** Divide these variables among the devices too, where their first dimension can be: an optimiser's moments. @default none */
  divided?: ReadonlySet<tf.Variable>;
  /**
   * Whether the memory of variables that are assigned to is reused for their new values. On a processor it is not, unless
   * asked for: XLA's plugin for CPUs (0.0.1) was seen to overwrite weights before all that reads them was done.
   *
   * @default true, but false on the platform `cpu`
   */
  donate?: boolean;
  /** For how many shapes of the inputs programs are kept; the one that was not used for longest goes first. @default 16 */
  shapes?: number;
  /** Told of each compilation. */
  onCompile?: (program: CompiledProgram) => void;
}

/** A program that was compiled, or loaded from a cache. */
export interface CompiledProgram {
  /** The StableHLO text. */
  readonly text: string;
  /** The shapes of the inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** Milliseconds to record the function. */
  readonly recordMs: number;
  /** Milliseconds to compile it. */
  readonly compileMs: number;
  /** For its memory, its cost and its bytes. */
  readonly executable: PjrtExecutable;
}

/** What {@link jit} gives. */
export interface JittedFunction extends TensorFunction {
  /** Compile for inputs of these shapes, without running; for others a call compiles by itself. */
  prepare(...inputs: tf.Tensor[]): Promise<CompiledProgram>;
  /**
   * Record for inputs of these shapes, and give the StableHLO text: for a compiler ahead of time, which needs no device.
   * Whatever the mesh, the devices need not be there.
   */
  lower(...inputs: tf.Tensor[]): string;
  /** Free the programs. */
  dispose(): void;
}

/**
 * Record a function once for each combination of input shapes, compile it with XLA, and from then on run the program.
 *
 * The function must be pure but for variables: what it computes may depend on its inputs and on variables only, and it may
 * assign to variables. All else (JavaScript numbers, random draws, tensors from outside) keeps the value that it had when
 * the function was recorded. Numbers cannot be read inside. A jitted function called inside another becomes part of it.
 *
 * A call returns at once with tensors that are in the making; the first call compiles in the background meanwhile. Await
 * `data()` to have numbers. The caller owns the results.
 *
 * @param fn Takes and returns tensors.
 * @throws {Error} From a call, if the backend is not `xla`, or the function does what cannot be recorded.
 * @throws {RangeError} From a call, if there are fewer devices than the mesh wants.
 */
export function jit(fn: TensorFunction, options: JitOptions = {}): JittedFunction {
  const programs = new Map<string, Program>();
  const program = (inputs: readonly tf.Tensor[]): Program => {
    const key = inputs.map(({ dtype, shape }) => `${dtype}[${shape.join()}]`).join(" ");
    const known = programs.get(key);
    if (known?.backend === currentBackend()) {
      if (programs.size > 1) {
        programs.delete(key); // the most recently used comes last
        programs.set(key, known);
      }
      return known;
    }
    known?.dispose();
    const made = new Program(currentBackend(), fn, inputs, options);
    programs.set(key, made);
    if (programs.size > (options.shapes ?? 16)) {
      const [[oldest, dropped]] = programs as unknown as [[string, Program]];
      programs.delete(oldest);
      dropped.dispose();
    }
    return made;
  };
  const call: TensorFunction = (...inputs) =>
    currentBackend().trace === undefined ? program(inputs).run(inputs) : fn(...inputs);
  return Object.assign(call, {
    prepare: (...inputs: tf.Tensor[]) => program(inputs).compile(),
    lower: (...inputs: tf.Tensor[]) => program(inputs).text,
    dispose: () => {
      for (const each of programs.values()) each.dispose();
      programs.clear();
    },
  });
}

// --- internal ---

function currentBackend(): XlaBackend {
  if (tf.getBackend() === XLA) return tf.backend() as XlaBackend;
  throw new Error(
    `Cannot run a jitted function on the backend ${tf.getBackend()}: await registerXlaBackend() and tf.setBackend("xla") first`,
  );
}

/** A variable that the function assigns to. */
interface Assigned {
  readonly slot: Slot;
  /** Whether its memory is given away. */
  readonly donated: boolean;
}

interface ResultType {
  readonly value: Value;
  readonly sharding: Sharding;
}

/** One recording of the function, compiled. */
class Program {
  readonly backend: XlaBackend;
  /** The StableHLO. */
  readonly text: string;
  readonly #partitions: number;
  readonly #shapes: readonly (readonly number[])[];
  readonly #recordMs: number;
  readonly #onCompile: JitOptions["onCompile"];
  /** Tensors from outside. */
  readonly #tensors: readonly Stored[];
  /** The arguments after the inputs. */
  readonly #captured: readonly Slot[];
  /** Of all arguments. */
  readonly #shardings: readonly Sharding[];
  /** The function's own results; those of variables follow. */
  readonly #returned: number;
  readonly #results: readonly ResultType[];
  readonly #assigned: readonly Assigned[];
  #compiled: Promise<CompiledProgram> | undefined;
  #executable: PjrtExecutable | undefined;
  #devices: readonly PjrtDevice[] = [];
  #disposed = false;

  constructor(backend: XlaBackend, fn: TensorFunction, inputs: readonly tf.Tensor[], options: JitOptions) {
    this.backend = backend;
    const partitions = options.mesh?.data ?? 1;
    this.#partitions = partitions;
    this.#shapes = inputs.map(({ shape }) => [...shape]);
    this.#onCompile = options.onCompile;
    const start = performance.now();
    const recorded = record(backend, fn, inputs, options.precision ?? "fp32");
    const { trace, parameters } = recorded;

    const layout = (shape: readonly number[]): Sharding =>
      partitions > 1 && shape.length > 0 && shape[0]! % partitions === 0 && shape[0]! > 0
        ? "divided"
        : "replicated";
    const ofVariable = (variable: tf.Variable): Sharding =>
      options.divided?.has(variable) === true ? layout(variable.shape) : "replicated";
    const ofCapture = (capture: Capture): Sharding =>
      capture.kind === "variable" ? ofVariable(capture.variable) : "replicated";
    this.#shardings = [...inputs.map(({ shape }) => layout(shape)), ...trace.captures.map(ofCapture)];
    this.#returned = recorded.returned.length;
    this.#results = [
      ...recorded.returned.map((value) => ({ value, sharding: "replicated" as const })),
      ...recorded.assigned.map(({ variable, value }) => ({ value, sharding: ofVariable(variable) })),
    ];

    const { donate = backend.client.platform !== "cpu" } = options;
    const results = new Map(recorded.assigned.map(({ variable }, i) => [variable, this.#returned + i]));
    const slots = new Map<tf.Variable, Slot>();
    const aliases = new Map<number, number>();
    this.#captured = trace.captures.map((capture, i) => {
      if (capture.kind === "tensor") return new Slot(capture, false);
      const result = results.get(capture.variable);
      const slot = new Slot(capture, result !== undefined);
      slots.set(capture.variable, slot);
      if (result !== undefined && donate) aliases.set(parameters + i, result);
      return slot;
    });
    const donated = new Set(aliases.values());
    this.#assigned = recorded.assigned.map(({ variable }, i) => ({
      slot: slots.get(variable) ?? new Slot({ kind: "variable", variable }, true),
      donated: donated.has(this.#returned + i),
    }));
    this.#tensors = trace.captures.flatMap((capture) => (capture.kind === "tensor" ? [capture.stored] : []));
    this.text = moduleText(trace.graph, {
      name: "jit_step",
      results: this.#results.map(({ value }) => value),
      aliases,
      partitions,
      parameterShardings: this.#shardings,
      resultShardings: this.#results.map(({ sharding }) => sharding),
    });
    this.#recordMs = performance.now() - start;
  }

  /** Compile it in the background, once. */
  compile(): Promise<CompiledProgram> {
    if (this.#compiled === undefined) {
      this.#devices = devicesOf(this.backend, this.#partitions);
      this.#compiled = this.#compile();
      this.#compiled.catch(() => {}); // told by whoever reads the results
    }
    return this.#compiled;
  }

  run(inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const { backend } = this;
    const waiting = this.#executable === undefined ? this.compile() : undefined;
    const args = inputs.map((input) => backend.storedOf(input));
    for (const slot of this.#captured) args.push(slot.stored(backend));
    const assigned = this.#assigned.map(({ slot }) => slot.stored(backend));
    const returned = this.#results
      .slice(0, this.#returned)
      .map(({ value }) => backend.expect(dataTypeOf(value.dtype), value.shape));
    if (waiting === undefined && backend.isIdle) this.#execute(args, returned, assigned);
    else this.#queue(waiting, args, returned, assigned);
    const engine = tf.engine();
    return returned.map(({ dataId, dtype, shape }) =>
      engine.makeTensorFromTensorInfo({ dataId, dtype, shape: [...shape] }),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const stored of this.#tensors) release(stored);
    this.#compiled?.then(
      ({ executable }) => executable.dispose(),
      () => {},
    );
  }

  // --- internal ---

  async #compile(): Promise<CompiledProgram> {
    const { text } = this;
    const start = performance.now();
    const executable = await this.backend.compile(text, { partitions: this.#partitions });
    this.#executable = executable;
    const compileMs = performance.now() - start;
    const program = { text, shapes: this.#shapes, recordMs: this.#recordMs, compileMs, executable };
    this.#onCompile?.(program);
    return program;
  }

  /** Execute once the program is there and all that was asked for before is on its way. */
  #queue(
    waiting: Promise<unknown> | undefined,
    args: readonly Stored[],
    returned: readonly Stored[],
    assigned: readonly Stored[],
  ): void {
    const used = [...args, ...returned, ...assigned];
    for (const stored of used) stored.holds++; // though their tensors may be disposed before
    const done = (): void => {
      for (const stored of used) release(stored);
    };
    this.backend.inOrder(
      waiting,
      () => {
        this.#execute(args, returned, assigned);
        done();
      },
      (error) => {
        for (const stored of returned) stored.failure = error;
        done();
      },
    );
  }

  #execute(args: readonly Stored[], returned: readonly Stored[], assigned: readonly Stored[]): void {
    const devices = this.#devices;
    const arrays = args.map((stored, i) => this.backend.onDevices(stored, devices, this.#shardings[i]!));
    const lists = devices.map((_, d) => arrays.map(({ buffers }) => buffers[d]!));
    const results = this.#executable!.execute(lists);
    const [first] = results;
    const several = results.length > 1;
    const arrayOf = (i: number): DeviceArray => {
      const { value, sharding } = this.#results[i]!;
      const buffers = several ? results.map((list) => list[i]!) : [first![i]!];
      return new DeviceArray(value, buffers, sharding);
    };
    for (let i = 0; i < returned.length; i++) returned[i]!.array = arrayOf(i);
    for (let i = 0; i < assigned.length; i++) {
      // A variable's new value goes into its own data, whose old value was given away with its memory.
      const stored = assigned[i]!;
      if (!this.#assigned[i]!.donated) stored.array?.dispose();
      stored.array = arrayOf(this.#returned + i);
      stored.values = undefined;
    }
  }
}

/** What fills a place among the arguments: a variable, found anew at each call, or a tensor from outside. */
class Slot {
  readonly #variable: tf.Variable | undefined;
  /** Whether no other tensor may share the variable's data, for it will be overwritten. */
  readonly #isAssigned: boolean;
  #dataId: tf.DataId | undefined;
  #stored: Stored | undefined;

  constructor(capture: Capture, isAssigned: boolean) {
    this.#variable = capture.kind === "variable" ? capture.variable : undefined;
    this.#stored = capture.kind === "tensor" ? capture.stored : undefined;
    this.#isAssigned = isAssigned;
  }

  stored(backend: XlaBackend): Stored {
    const variable = this.#variable;
    if (variable === undefined) return this.#stored!;
    if (variable.isDisposed) {
      throw new Error(
        `Cannot run the program as the variable ${variable.name}, which it reads or writes, was disposed`,
      );
    }
    if (variable.dataId !== this.#dataId) this.#find(backend, variable);
    if (this.#isAssigned && this.#stored!.refCount !== 1) {
      own(backend, variable);
      this.#find(backend, variable);
    }
    return this.#stored!;
  }

  #find(backend: XlaBackend, variable: tf.Variable): void {
    this.#dataId = variable.dataId;
    this.#stored = backend.storedOf(variable);
  }
}

function devicesOf({ client }: XlaBackend, count: number): readonly PjrtDevice[] {
  if (Number.isSafeInteger(count) && count >= 1 && count <= client.devices.length) {
    return client.devices.slice(0, count);
  }
  throw new RangeError(
    `Cannot divide the batch over ${count} devices: the backend has ${client.devices.length}, of the platform ${client.platform}`,
  );
}

/** See to it that no other tensor shares a variable's data, for its memory will be given away. */
function own(backend: XlaBackend, variable: tf.Variable): void {
  if (backend.storedOf(variable).refCount === 1) return;
  const copy = tf.tidy(() =>
    tf.keep(tf.engine().runKernel("XlaCopy", { x: variable as tf.Tensor }) as tf.Tensor),
  );
  variable.assign(copy);
  copy.dispose();
}

interface Recorded {
  readonly trace: Trace;
  /** How many parameters are inputs. */
  readonly parameters: number;
  readonly returned: readonly Value[];
  readonly assigned: readonly { readonly variable: tf.Variable; readonly value: Value }[];
}

/** Run the function once with kernels that record, and leave TensorFlow.js as it was. */
function record(
  backend: XlaBackend,
  fn: TensorFunction,
  inputs: readonly tf.Tensor[],
  precision: Precision,
): Recorded {
  const engine = tf.engine();
  const trace = new Trace(precision);
  const variables = new Map(
    Object.values(engine.state.registeredVariables).map((each) => [each, each.dataId]),
  );
  const known = new Set(Object.keys(engine.state.registeredVariables));
  // A tensor's numbers cannot be checked: kernels are not run.
  const checks = tf.env().getBool("DEBUG");
  backend.trace = trace;
  let assigned: { variable: tf.Variable; value: Value }[] = [];
  try {
    tf.env().set("DEBUG", false);
    const returned = tf.tidy(() => {
      const traced = inputs.map(({ dtype, shape }) => {
        const parameter = trace.graph.parameter({ dtype: elementTypeOf(dtype), shape });
        return engine.makeTensorFromTensorInfo(backend.traced(trace, parameter));
      });
      const results = fn(...traced);
      if (!Array.isArray(results)) throw new TypeError(NO_LIST);
      const values = results.map((result) => plain(trace, result, backend));
      assigned = [...variables].flatMap(([variable, dataId]) =>
        variable.dataId === dataId || variable.isDisposed
          ? []
          : [{ variable, value: plain(trace, variable, backend) }],
      );
      tf.dispose(results.filter((result) => !(result instanceof tf.Variable)));
      return values as unknown as tf.Tensor[]; // tidy looks for tensors to keep, and finds none
    }) as unknown as Value[];
    const born = Object.keys(engine.state.registeredVariables).find((name) => !known.has(name));
    if (born !== undefined) throw new Error(`${BORN}: it is named ${born}`);
    return { trace, parameters: inputs.length, returned, assigned };
  } catch (error) {
    for (const capture of trace.captures) if (capture.kind === "tensor") release(capture.stored);
    throw error;
  } finally {
    tf.env().set("DEBUG", checks);
    backend.trace = undefined;
    restore(backend, trace, variables);
  }
}

const NO_LIST = "Cannot jit a function that does not return a list of tensors: return [result]";
const BORN = "Cannot make a variable inside jit: make it outside, and assign to it inside";

/** A value as TensorFlow.js sees it: bfloat16 stays inside. */
function plain(trace: Trace, tensor: tf.Tensor, backend: XlaBackend): Value {
  const value = trace.valueOf(tensor, backend.storedOf(tensor));
  return value.dtype === "bf16" ? convert(trace.graph, value, "f32") : value;
}

/** Give variables their data back, do what was put off, and forget the recording's tensors. */
function restore(backend: XlaBackend, trace: Trace, variables: ReadonlyMap<tf.Variable, tf.DataId>): void {
  const engine = tf.engine() as unknown as {
    removeDataId(dataId: tf.DataId, backend: tf.KernelBackend): void;
  };
  const assigned = new Set<tf.DataId>();
  for (const [variable, dataId] of variables) {
    if (variable.dataId === dataId) continue;
    const { dataId: now } = variable;
    variable.dataId = dataId;
    assigned.add(dataId);
    const stored =
      backend.refCount(now) > 0 ? backend.storedOf({ dataId: now, shape: [], dtype: "float32" }) : undefined;
    if (stored !== undefined && stored.trace === undefined) stored.refCount--;
  }
  for (const stored of trace.made) {
    engine.removeDataId(stored.dataId, backend);
    backend.forget(stored);
  }
  for (const stored of trace.disposed) {
    if (assigned.delete(stored.dataId)) continue; // the variable's own assignment
    if (backend.disposeData(stored.dataId)) engine.removeDataId(stored.dataId, backend);
  }
}
