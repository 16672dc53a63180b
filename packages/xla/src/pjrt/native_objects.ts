import type { PjrtFunction, PjrtPlugin } from "./plugin.ts";
import { Struct } from "./struct.ts";

/** The functions that free a native object. */
type Destroy = Extract<PjrtFunction, `${string}_Destroy`>;

/**
 * The native objects of one client: each is freed once, by its owner's `dispose`, or else when the garbage collector
 * has taken the owner, or else with the client.
 */
export class NativeObjects {
  readonly #plugin: PjrtPlugin;
  readonly #args: Struct;
  readonly #live = new Map<bigint, Destroy>();
  readonly #net: FinalizationRegistry<bigint>;

  constructor(plugin: PjrtPlugin) {
    this.#plugin = plugin;
    this.#args = new Struct(plugin.ffi, 24);
    this.#net = new FinalizationRegistry((handle) => this.#free(handle));
  }

  /** How many objects are alive. */
  get count(): number {
    return this.#live.size;
  }

  /** Take charge of `handle`, which belongs to `owner`. */
  adopt(owner: object, handle: bigint, destroy: Destroy): void {
    this.#live.set(handle, destroy);
    this.#net.register(owner, handle, owner);
  }

  /** Free what `owner` has; nothing happens if the client went before. */
  release(owner: object, handle: bigint): void {
    this.#net.unregister(owner);
    this.#free(handle);
  }

  /** Free everything, the latest first. */
  releaseAll(): void {
    for (const handle of [...this.#live.keys()].toReversed()) this.#free(handle);
  }

  #free(handle: bigint): void {
    const destroy = this.#live.get(handle);
    if (destroy === undefined) return;
    this.#live.delete(handle);
    this.#plugin.call(destroy, this.#args.setPointer(16, handle), "Cannot free a native object");
  }
}
