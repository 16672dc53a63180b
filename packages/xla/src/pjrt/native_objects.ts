import type { NativeFunction } from "./ffi.ts";
import type { PjrtFunction, PjrtPlugin } from "./plugin.ts";
import { Struct } from "./struct.ts";

/** The functions that free a native object. */
type Destroy = Extract<PjrtFunction, `${string}_Destroy`>;

/**
 * The native objects of one client: each is freed once, by its owner's `dispose`, or else when the garbage collector
 * has taken those who could use it, or else with the client.
 *
 * Objects that come together, such as the results of a program, are held together: a training step makes hundreds.
 */
export class NativeObjects {
  readonly #plugin: PjrtPlugin;
  readonly #args: Struct;
  readonly #live = new Set<Held>();
  readonly #net: FinalizationRegistry<Held>;

  constructor(plugin: PjrtPlugin) {
    this.#plugin = plugin;
    this.#args = new Struct(plugin.ffi, 24);
    this.#net = new FinalizationRegistry((held) => this.#releaseAll(held));
  }

  /** How many objects are alive. */
  get count(): number {
    let count = 0;
    for (const { alive } of this.#live) count += alive;
    return count;
  }

  /** Take charge of objects; they live as long as somebody has the ownership, unless they are released before. */
  adopt(handles: BigUint64Array<ArrayBuffer>, destroy: Destroy): Ownership {
    const held = { handles, destroy: this.#plugin.function(destroy, FREEING), alive: handles.length };
    const ownership = new Ownership(held, (index) => this.#release(held, index));
    if (held.alive === 0) return ownership;
    this.#live.add(held);
    this.#net.register(ownership, held, held);
    return ownership;
  }

  /** As {@link NativeObjects.adopt}, of one object. */
  adoptOne(handle: bigint, destroy: Destroy): Ownership {
    return this.adopt(BigUint64Array.of(handle), destroy);
  }

  /** Free everything, the latest first. */
  releaseAll(): void {
    for (const held of [...this.#live].toReversed()) this.#releaseAll(held);
  }

  // --- internal ---

  #releaseAll(held: Held): void {
    for (let index = 0; index < held.handles.length; index++) this.#release(held, index);
  }

  #release(held: Held, index: number): void {
    const handle = held.handles[index]!;
    if (handle === 0n) return;
    held.handles[index] = 0n;
    if (--held.alive === 0) {
      this.#live.delete(held);
      this.#net.unregister(held);
    }
    const error = held.destroy(this.#args.setPointer(16, handle).address);
    if (error !== 0n) throw this.#plugin.takeError(error, FREEING);
  }
}

/** The right to use native objects that came together. */
export class Ownership {
  readonly #held: Held;
  readonly #release: (index: number) => void;

  constructor(held: Held, release: (index: number) => void) {
    this.#held = held;
    this.#release = release;
  }

  /** The address of one of the objects; 0 once it was freed. */
  handle(index = 0): bigint {
    return this.#held.handles[index]!;
  }

  /** Free one of the objects; nothing happens if it was freed before. */
  release(index = 0): void {
    this.#release(index);
  }
}

const FREEING = "Cannot free a native object";

/** What outlives the owners: the objects, 0 where freed. */
interface Held {
  readonly handles: BigUint64Array<ArrayBuffer>;
  readonly destroy: NativeFunction;
  alive: number;
}
