/** How a program is compiled. */
export interface CompileOptions {
  /** How many copies of the program run, each on its own data. Default 1. */
  replicas?: number;
  /** Over how many devices one copy is split, after the shardings in the program. Default 1. */
  partitions?: number;
  /** Whether the shardings are written in the dialect `sdy` (Shardy) or in `mhlo.sharding`. Default false. */
  shardy?: boolean;
  /** The ids of the devices to run on, `replicas` rows of `partitions`. Default: the first ones. */
  devices?: readonly number[];
  /** Flags of XLA, such as `xla_gpu_enable_triton_gemm`, without their dashes. */
  flags?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * The options as a serialised `CompileOptionsProto`: the few fields of it that are used here, so that no protobuf library
 * is needed. Field numbers are those of XLA's `compile_options.proto` and `xla_data.proto`.
 *
 * @throws {RangeError} If the counts are not positive integers, or `devices` does not name one device for each.
 */
export function serializeCompileOptions(options: CompileOptions = {}): Uint8Array<ArrayBuffer> {
  const { replicas = 1, partitions = 1, shardy = false, devices, flags = {} } = options;
  check(replicas, partitions, devices);
  const build = [
    ...integer(1, -1), // device_ordinal: not set
    ...integer(4, replicas), // num_replicas
    ...integer(5, partitions), // num_partitions
    ...integer(6, partitions > 1 ? 1 : 0), // use_spmd_partitioning
    ...(devices ? bytes(9, deviceAssignment(replicas, partitions, devices)) : []),
    ...integer(19, shardy ? 1 : 0), // use_shardy_partitioner
  ];
  const overrides = Object.entries(flags).flatMap(([name, value]) =>
    bytes(7, [...text(1, name), ...bytes(2, override(value))]),
  );
  return Uint8Array.from([...bytes(3, build), ...overrides]);
}

// --- internal ---

function check(replicas: number, partitions: number, devices: readonly number[] | undefined): void {
  for (const [name, value] of [
    ["replicas", replicas],
    ["partitions", partitions],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`Cannot compile as ${name} must be a positive integer: it is ${value}`);
    }
  }
  if (devices !== undefined && devices.length !== replicas * partitions) {
    throw new RangeError(
      `Cannot compile for ${replicas} × ${partitions} devices as devices names ${devices.length}`,
    );
  }
}

/** `DeviceAssignmentProto`: for each partition the devices of its replicas. */
function deviceAssignment(replicas: number, partitions: number, devices: readonly number[]): number[] {
  const computations = Array.from({ length: partitions }, (_, partition) => {
    const ids = Array.from({ length: replicas }, (_, replica) => devices[replica * partitions + partition]!);
    return bytes(3, bytes(1, ids.flatMap(varint)));
  });
  return [...integer(1, replicas), ...integer(2, partitions), ...computations.flat()];
}

/** `OptionOverrideProto`. */
function override(value: string | number | boolean): number[] {
  if (typeof value === "string") return text(1, value);
  if (typeof value === "boolean") return integer(2, value ? 1 : 0);
  if (Number.isInteger(value)) return integer(3, value);
  return [...tag(4, 1), ...new Uint8Array(new Float64Array([value]).buffer)];
}

function integer(field: number, value: number): number[] {
  return [...tag(field, 0), ...varint(value)];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...new TextEncoder().encode(value)]);
}

function bytes(field: number, value: number[]): number[] {
  return [...tag(field, 2), ...varint(value.length), ...value];
}

function tag(field: number, wire: number): number[] {
  return varint((field << 3) | wire);
}

/** A base-128 number, negative ones as 64 bits. */
function varint(value: number): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...out, Number(rest)];
}
