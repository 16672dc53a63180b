import { quote } from "./_header.ts";
import { CheckpointError } from "./checkpoint_error.ts";
import type { Dtype } from "./dtype.ts";

/** What a pickle of weights is made of. Nothing else can come out, and nothing in a pickle is ever called. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | { readonly kind: "tuple" | "list"; readonly items: Pickled[] }
  | { readonly kind: "dict"; readonly entries: Map<Pickled, Pickled> }
  | { readonly kind: "global"; readonly name: string }
  | PickledStorage
  | PickledTensor;

/** A run of elements that lies elsewhere in the file. */
export interface PickledStorage {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: Dtype;
  /** Elements in the storage as a whole. */
  readonly length: number;
  /** Where in the storage this view of it begins, in elements; 0 but in some legacy files. */
  readonly start: number;
}

/** A view of a storage. */
export interface PickledTensor {
  readonly kind: "tensor";
  readonly storage: PickledStorage;
  /** In elements from the start of the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];
}

/**
 * Reads one pickle.
 *
 * It is a machine for the opcodes that `torch.save` writes, with a list of what may be named: three functions, which
 * are carried out here, and the types of storages. Each opcode takes a byte at least and makes one value at most, so
 * the work is bounded by the length; nothing is walked, so depth and cycles do no harm.
 *
 * @param bytes What holds the pickle.
 * @param start Where it begins.
 * @param origin Where in the file `bytes` begin, for messages.
 * @returns The value, and where the pickle ends.
 */
export function unpickle(bytes: Uint8Array, start: number, origin: number): { value: Pickled; end: number } {
  return new Machine(bytes, start, origin).run();
}

/** What a value is, for a message. */
export function describePickled(value: Pickled | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (typeof value === "object") return value.kind === "global" ? value.name : `a ${value.kind}`;
  return typeof value === "string" ? quote(value) : String(value);
}

/** An integer that fits in a number. */
function pickledInteger(value: Pickled | undefined): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

// --- internal ---

const storageTypes: ReadonlyMap<string, Dtype> = new Map([
  ["torch.DoubleStorage", "F64"],
  ["torch.FloatStorage", "F32"],
  ["torch.HalfStorage", "F16"],
  ["torch.BFloat16Storage", "BF16"],
  ["torch.LongStorage", "I64"],
  ["torch.IntStorage", "I32"],
  ["torch.ShortStorage", "I16"],
  ["torch.CharStorage", "I8"],
  ["torch.ByteStorage", "U8"],
  ["torch.BoolStorage", "BOOL"],
]);

/** What may be called; it is carried out below, by name. */
const functions: ReadonlySet<string> = new Set([
  "collections.OrderedDict",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_parameter",
]);

/** The most dimensions of a tensor, as in PyTorch. */
const maxRank = 64;

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #origin: number;
  #stack: Pickled[] = [];
  /** The stacks below the marks. */
  readonly #below: Pickled[][] = [];
  readonly #memo = new Map<number, Pickled>();

  constructor(bytes: Uint8Array, start: number, origin: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#origin = origin;
  }

  run(): { value: Pickled; end: number } {
    for (;;) {
      const opcode = this.#byte();
      if (opcode === 0x2e) return { value: this.#pop(), end: this.#at }; // STOP
      this.#step(opcode);
    }
  }

  // One line an opcode, under the names of Python's pickletools.
  #step(opcode: number): void {
    switch (opcode) {
      case 0x80:
        return this.#protocol(); // PROTO
      case 0x95:
        return void this.#length(8); // FRAME
      case 0x28:
        return this.#mark(); // MARK
      case 0x4e:
        return this.#push(null); // NONE
      case 0x88:
        return this.#push(true); // NEWTRUE
      case 0x89:
        return this.#push(false); // NEWFALSE
      case 0x4b:
        return this.#push(this.#byte()); // BININT1
      case 0x4d:
        return this.#push(this.#view.getUint16(this.#take(2), true)); // BININT2
      case 0x4a:
        return this.#push(this.#view.getInt32(this.#take(4), true)); // BININT
      case 0x8a:
        return this.#push(this.#long(this.#byte())); // LONG1
      case 0x8b:
        return this.#push(this.#long(this.#view.getInt32(this.#take(4), true))); // LONG4
      case 0x47:
        return this.#push(this.#view.getFloat64(this.#take(8))); // BINFLOAT
      case 0x58:
        return this.#push(this.#text(this.#length(4))); // BINUNICODE
      case 0x8c:
        return this.#push(this.#text(this.#byte())); // SHORT_BINUNICODE
      case 0x8d:
        return this.#push(this.#text(this.#length(8))); // BINUNICODE8
      case 0x55:
        return this.#push(this.#text(this.#byte())); // SHORT_BINSTRING, of Python 2
      case 0x54:
        return this.#push(this.#text(this.#length(4))); // BINSTRING, of Python 2
      case 0x7d:
        return this.#push({ kind: "dict", entries: new Map() }); // EMPTY_DICT
      case 0x5d:
        return this.#push({ kind: "list", items: [] }); // EMPTY_LIST
      case 0x29:
        return this.#push(tuple([])); // EMPTY_TUPLE
      case 0x85:
        return this.#push(tuple(this.#popMany(1))); // TUPLE1
      case 0x86:
        return this.#push(tuple(this.#popMany(2))); // TUPLE2
      case 0x87:
        return this.#push(tuple(this.#popMany(3))); // TUPLE3
      case 0x74:
        return this.#push(tuple(this.#popToMark())); // TUPLE
      case 0x61:
        return this.#append(this.#popMany(1)); // APPEND
      case 0x65:
        return this.#append(this.#popToMark()); // APPENDS
      case 0x73:
        return this.#setItems(this.#popMany(2)); // SETITEM
      case 0x75:
        return this.#setItems(this.#popToMark()); // SETITEMS
      case 0x71:
        return this.#remember(this.#byte()); // BINPUT
      case 0x72:
        return this.#remember(this.#length(4)); // LONG_BINPUT
      case 0x94:
        return this.#remember(this.#memo.size); // MEMOIZE
      case 0x68:
        return this.#recall(this.#byte()); // BINGET
      case 0x6a:
        return this.#recall(this.#length(4)); // LONG_BINGET
      case 0x63:
        return this.#global(this.#line(), this.#line()); // GLOBAL
      case 0x93:
        return this.#stackGlobal(); // STACK_GLOBAL
      case 0x51:
        return this.#push(this.#storage(this.#pop())); // BINPERSID
      case 0x52:
        return this.#call(); // REDUCE
      case 0x62:
        return this.#build(); // BUILD
      default:
        return this.#fail(`opcode must be one that weights need: found 0x${opcode.toString(16)}`);
    }
  }

  #protocol(): void {
    const protocol = this.#byte();
    if (protocol > 5) this.#fail(`protocol must be 5 or less: found ${protocol}`);
  }

  #mark(): void {
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  #long(length: number): bigint {
    if (length < 0 || length > 16) this.#fail(`integers must have 0 to 16 bytes: found ${length}`);
    const start = this.#take(length);
    let value = 0n;
    for (let at = start + length - 1; at >= start; at--) value = (value << 8n) | BigInt(this.#bytes[at]!);
    return BigInt.asIntN(8 * length, value);
  }

  #append(items: Pickled[]): void {
    const list = this.#top();
    if (!isKind(list, "list")) return this.#fail(`only a list takes items: found ${describePickled(list)}`);
    for (const item of items) list.items.push(item);
  }

  #setItems(items: Pickled[]): void {
    const dict = this.#top();
    if (!isKind(dict, "dict")) return this.#fail(`only a dict takes entries: found ${describePickled(dict)}`);
    if (items.length % 2 !== 0) this.#fail("entries must be pairs");
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (dict.entries.has(key)) this.#fail(`a key must occur once: found ${describePickled(key)} twice`);
      dict.entries.set(key, items[i + 1]!);
    }
  }

  #remember(index: number): void {
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) return this.#fail(`memo ${index} must have been set`);
    this.#push(value);
  }

  #global(module: string, name: string): void {
    const full = `${module}.${name}`;
    if (!functions.has(full) && !storageTypes.has(full)) {
      this.#fail(`names must be on the list of what weights need: found ${quote(full)}, which is not run`);
    }
    this.#push({ kind: "global", name: full });
  }

  #stackGlobal(): void {
    const [module, name] = this.#popMany(2);
    if (typeof module !== "string" || typeof name !== "string")
      return this.#fail("a name must be two strings");
    this.#global(module, name);
  }

  /** `("storage", type, key, device, length)`, and in legacy files the view, `None` or `(key, start, length)`. */
  #storage(id: Pickled): PickledStorage {
    const [word, type, key, , size, view = null] = isKind(id, "tuple") ? id.items : [];
    const dtype = isKind(type, "global") ? storageTypes.get(type.name) : undefined;
    const length = pickledInteger(size);
    const [, first, count] = isKind(view, "tuple") ? view.items : [null, 0, length];
    const [start, viewLength] = [pickledInteger(first), pickledInteger(count)];
    const isView = start !== undefined && viewLength !== undefined && start >= 0 && viewLength >= 0;
    const isStorage = word === "storage" && dtype !== undefined && typeof key === "string";
    if (!isStorage || length === undefined || length < 0 || !isView || start + viewLength > length) {
      return this.#fail(
        `a persistent id must be a storage of a known type: found ${describePickled(word)}, ${describePickled(type)}`,
      );
    }
    return { kind: "storage", key, dtype, length, start };
  }

  #call(): void {
    const [callee, args] = this.#popMany(2);
    if (!isKind(callee, "global") || !functions.has(callee.name) || !isKind(args, "tuple")) {
      return this.#fail(`only functions on the list can be called: found ${describePickled(callee)}`);
    }
    if (callee.name === "torch._utils._rebuild_tensor_v2") return this.#push(this.#tensor(args.items));
    if (callee.name === "torch._utils._rebuild_parameter") {
      const [data] = args.items;
      return isKind(data, "tensor") ? this.#push(data) : this.#fail("a parameter must be made of a tensor");
    }
    if (args.items.length > 0) this.#fail("an OrderedDict must begin empty");
    this.#push({ kind: "dict", entries: new Map() });
  }

  #tensor([storage, offsetValue, size, stride]: readonly Pickled[]): PickledTensor {
    const offset = pickledInteger(offsetValue);
    const [shape, strides] = [this.#sizes(size), this.#sizes(stride)];
    if (!isKind(storage, "storage") || offset === undefined || shape === undefined || strides === undefined) {
      return this.#fail("a tensor must be made of a storage, an offset, sizes and strides of 0 or more");
    }
    if (shape.length !== strides.length) {
      this.#fail(`a tensor must have as many strides as sizes: found ${strides.length} and ${shape.length}`);
    }
    const count = shape.reduce((product, size) => product * size, 1);
    const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, offset);
    const end = count === 0 ? offset : last + 1;
    if (
      !Number.isSafeInteger(count) ||
      offset < 0 ||
      storage.start + end > storage.length ||
      count > storage.length
    ) {
      this.#fail(
        `a tensor must lie within its storage: offset ${offset}, sizes ${shape.join(", ")}, strides ${strides.join(", ")}, storage of ${storage.length}`,
      );
    }
    return { kind: "tensor", storage, offset: storage.start + offset, shape, strides };
  }

  #sizes(value: Pickled | undefined): number[] | undefined {
    if (!isKind(value, "tuple") || value.items.length > maxRank) return undefined;
    const sizes = value.items.map((item) => pickledInteger(item) ?? -1);
    return sizes.some((size) => size < 0) ? undefined : sizes;
  }

  /** Attributes of a state_dict (`_metadata`): of no use here. */
  #build(): void {
    const [target] = this.#popMany(2);
    if (!isKind(target, "dict")) this.#fail(`only a dict takes attributes: found ${describePickled(target)}`);
    this.#push(target!);
  }

  #push(value: Pickled): void {
    this.#stack.push(value);
  }

  #top(): Pickled {
    return this.#stack.at(-1) ?? (this.#stack.length > 0 ? null : this.#fail("the stack must not be empty"));
  }

  #pop(): Pickled {
    const value = this.#top();
    this.#stack.length--;
    return value;
  }

  #popMany(count: number): Pickled[] {
    if (this.#stack.length < count) this.#fail("the stack must not be empty");
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): Pickled[] {
    const items = this.#stack;
    this.#stack = this.#below.pop() ?? this.#fail("there must be a mark on the stack");
    return items;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** An unsigned length of 4 or 8 bytes. */
  #length(width: 4 | 8): number {
    const at = this.#take(width);
    return width === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true));
  }

  #text(length: number): string {
    const start = this.#take(length);
    return this.#decode(start, start + length);
  }

  #line(): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(0x0a, start);
    if (end < 0 || end - start > 1000) this.#fail("a name must end with its line");
    this.#at = end + 1;
    return this.#decode(start, end);
  }

  #decode(start: number, end: number): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        this.#bytes.subarray(start, end),
      );
    } catch {
      return this.#fail("text must be UTF-8");
    }
  }

  /** Moves on by `length` bytes; gives where they begin. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) this.#fail("the file must not end inside the pickle");
    this.#at += length;
    return start;
  }

  #fail(problem: string): never {
    const offset = this.#origin + this.#at;
    throw new CheckpointError(`Cannot read the pickle: ${problem}, before byte ${offset}`, offset);
  }
}

function tuple(items: Pickled[]): Pickled {
  return { kind: "tuple", items };
}

type Kinded = Extract<Pickled, { kind: string }>;

/** Whether a value is of a kind. */
export function isKind<Kind extends Kinded["kind"]>(
  value: Pickled | undefined,
  kind: Kind,
): value is Extract<Kinded, { kind: Kind }> | (Kinded & { kind: Kind }) {
  return typeof value === "object" && value !== null && value.kind === kind;
}
