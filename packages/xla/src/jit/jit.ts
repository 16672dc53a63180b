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
  /** Whether the memory of variables that are assigned to is reused for their new values. @default true */
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

/** A variable that the function assigns to: where it enters the program, and which result is its new value. */
interface Assigned {
  readonly variable: tf.Variable;
  readonly result: number;
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
  readonly #inputShardings: readonly Sharding[];
  readonly #captures: readonly Capture[];
  readonly #captureShardings: readonly Sharding[];
  /** The function's own results; those of variables follow. */
  readonly #returned: number;
  readonly #results: readonly ResultType[];
  readonly #assigned: readonly Assigned[];
  readonly #donated: ReadonlySet<tf.Variable>;
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
    this.#inputShardings = inputs.map(({ shape }) => layout(shape));
    this.#captures = trace.captures;
    this.#captureShardings = trace.captures.map((capture) =>
      capture.kind === "variable" ? ofVariable(capture.variable) : "replicated",
    );
    this.#returned = recorded.returned.length;
    this.#results = [
      ...recorded.returned.map((value) => ({ value, sharding: "replicated" as const })),
      ...recorded.assigned.map(({ variable, value }) => ({ value, sharding: ofVariable(variable) })),
    ];
    this.#assigned = recorded.assigned.map(({ variable }, i) => ({ variable, result: this.#returned + i }));

    const aliases = new Map<number, number>();
    const donated = new Set<tf.Variable>();
    if (options.donate !== false) {
      for (const { variable, result } of this.#assigned) {
        const at = trace.captures.findIndex(
          (capture) => capture.kind === "variable" && capture.variable === variable,
        );
        if (at < 0) continue;
        aliases.set(parameters + at, result);
        donated.add(variable);
      }
    }
    this.#donated = donated;
    this.text = moduleText(trace.graph, {
      name: "jit_step",
      results: this.#results.map(({ value }) => value),
      aliases,
      partitions,
      parameterShardings: [...this.#inputShardings, ...this.#captureShardings],
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
    for (const variable of this.#donated) own(backend, variable);
    const args = [
      ...inputs.map((input) => backend.storedOf(input)),
      ...this.#captures.map((capture) =>
        capture.kind === "variable" ? storedOfVariable(backend, capture.variable) : capture.stored,
      ),
    ];
    const returned = this.#results
      .slice(0, this.#returned)
      .map(({ value }) => backend.expect(dataTypeOf(value.dtype), value.shape));
    const assigned = this.#assigned.map(({ variable }) => this.#target(variable));
    const used = [...args, ...returned, ...assigned];
    for (const stored of used) stored.holds++;
    const done = (): void => {
      for (const stored of used) release(stored);
    };
    const failed = (error: unknown): void => {
      for (const stored of returned) stored.failure = error;
      done();
    };
    backend.inOrder(
      waiting,
      () => {
        this.#execute(args, returned, assigned);
        done();
      },
      failed,
    );
    const engine = tf.engine();
    return returned.map(({ dataId, dtype, shape }) =>
      engine.makeTensorFromTensorInfo({ dataId, dtype, shape: [...shape] }),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    releaseTensors(this.#captures);
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

  /** Where a variable's new value goes: into its own data, whose old value is given away. */
  #target(variable: tf.Variable): Stored {
    if (!this.#donated.has(variable)) own(this.backend, variable);
    return storedOfVariable(this.backend, variable);
  }

  #execute(args: readonly Stored[], returned: readonly Stored[], assigned: readonly Stored[]): void {
    const devices = this.#devices;
    const shardings = [...this.#inputShardings, ...this.#captureShardings];
    const arrays = args.map((stored, i) => this.backend.onDevices(stored, devices, shardings[i]!));
    const lists = devices.map((_, d) => arrays.map(({ buffers }) => buffers[d]!));
    const results = this.#executable!.execute(lists);
    const arrayOf = (i: number): DeviceArray => {
      const { value, sharding } = this.#results[i]!;
      const buffers = results.map((list) => list[i]!);
      return new DeviceArray(value, buffers, sharding);
    };
    for (const [i, stored] of returned.entries()) stored.array = arrayOf(i);
    for (const [i, stored] of assigned.entries()) {
      stored.array?.dispose(); // nothing, if the memory was given away
      stored.array = arrayOf(this.#returned + i);
      stored.values = undefined;
    }
  }
}

/** The program no longer needs the tensors from outside. */
function releaseTensors(captures: readonly Capture[]): void {
  for (const capture of captures) if (capture.kind === "tensor") release(capture.stored);
}

function devicesOf({ client }: XlaBackend, count: number): readonly PjrtDevice[] {
  if (Number.isSafeInteger(count) && count >= 1 && count <= client.devices.length) {
    return client.devices.slice(0, count);
  }
  throw new RangeError(
    `Cannot divide the batch over ${count} devices: the backend has ${client.devices.length}, of the platform ${client.platform}`,
  );
}

function storedOfVariable(backend: XlaBackend, variable: tf.Variable): Stored {
  if (!variable.isDisposed) return backend.storedOf(variable);
  throw new Error(
    `Cannot run the program as the variable ${variable.name}, which it reads or writes, was disposed`,
  );
}

/** See to it that no other tensor shares a variable's data, for its memory will be given away. */
function own(backend: XlaBackend, variable: tf.Variable): void {
  if (storedOfVariable(backend, variable).refCount === 1) return;
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
    releaseTensors(trace.captures);
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
