import type { PjrtPlugin } from "./plugin.ts";
import { Struct } from "./struct.ts";

/**
 * Waits for native events without standing in the way of the event loop.
 *
 * One thread at most sits in `PJRT_Event_Await`, for the oldest event; when it wakes, whatever else is ready is settled
 * too. A device works in order, so this is nearly always the event that comes next, and the runtime's few threads stay
 * free for its files and sockets.
 */
export class Events {
  readonly #plugin: PjrtPlugin;
  readonly #args: Struct;
  #pending: Pending[] = [];
  #watching = false;

  constructor(plugin: PjrtPlugin) {
    this.#plugin = plugin;
    this.#args = new Struct(plugin.ffi, 32);
  }

  /**
   * Wait for `event`, and free it.
   *
   * @throws {PjrtError} If the work behind it failed.
   */
  wait(event: bigint, doing: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const pending = { event, doing, resolve, reject };
      if (this.#isReady(event)) this.#settle(pending);
      else {
        this.#pending.push(pending);
        if (!this.#watching) void this.#watch();
      }
    });
  }

  /** As {@link Events.wait}, here and now. */
  waitSync(event: bigint, doing: string): void {
    const error = this.#plugin.function("Event_Await", doing)(this.#args.setPointer(16, event).address);
    this.#destroy(event);
    if (error !== 0n) throw this.#plugin.takeError(error, doing);
  }

  /** Free an event that nobody waits for. */
  drop(event: bigint): void {
    if (event !== 0n) this.#destroy(event);
  }

  // --- internal ---

  async #watch(): Promise<void> {
    this.#watching = true;
    const args = new Struct(this.#plugin.ffi, 24);
    for (let first = this.#pending[0]; first !== undefined; first = this.#pending[0]) {
      try {
        const error = await this.#plugin
          .function("Event_Await", first.doing)
          .async(args.setPointer(16, first.event).address);
        if (error !== 0n) this.#free(error);
      } catch (error) {
        this.#pending.shift();
        first.reject(error);
      }
      const ready = this.#pending.filter(({ event }) => this.#isReady(event));
      this.#pending = this.#pending.filter((pending) => !ready.includes(pending));
      for (const pending of ready) this.#settle(pending);
    }
    this.#watching = false;
  }

  /** Settle what is ready: `PJRT_Event_Error` tells its outcome. */
  #settle({ event, doing, resolve, reject }: Pending): void {
    try {
      const error = this.#plugin.function("Event_Error", doing)(this.#args.setPointer(16, event).address);
      this.#destroy(event);
      if (error === 0n) resolve();
      else reject(this.#plugin.takeError(error, doing));
    } catch (error) {
      reject(error);
    }
  }

  #isReady(event: bigint): boolean {
    this.#plugin.call("Event_IsReady", this.#args.setPointer(16, event), "Cannot look at an event");
    return this.#args.bool(24);
  }

  #destroy(event: bigint): void {
    this.#plugin.call("Event_Destroy", this.#args.setPointer(16, event), "Cannot free an event");
  }

  #free(error: bigint): void {
    const args = new Struct(this.#plugin.ffi, 24).setPointer(16, error);
    this.#plugin.function("Error_Destroy", "Cannot free an error")(args.address);
  }
}

interface Pending {
  event: bigint;
  doing: string;
  resolve: () => void;
  reject: (reason: unknown) => void;
}
