/** Work that goes on at once, a few pieces at a time. Its first failure is thrown to whoever adds more, or waits. */
export class InFlight {
  readonly #most: number;
  readonly #signal: AbortSignal;
  readonly #pieces = new Set<Promise<void>>();
  #failure: unknown;

  /**
   * @param most How many pieces may go on before one that adds another has to wait.
   * @param signal Its reason is thrown instead of the failures that it causes.
   */
  constructor(most: number, signal: AbortSignal) {
    this.#most = most;
    this.#signal = signal;
  }

  /** Add a piece that goes on already. */
  async add(work: Promise<void>): Promise<void> {
    const piece = this.#watch(work).finally(() => this.#pieces.delete(piece));
    this.#pieces.add(piece);
    if (this.#pieces.size > this.#most) await Promise.race(this.#pieces);
    this.#throwFailure();
  }

  /** Wait for all of it. */
  async all(): Promise<void> {
    await Promise.all(this.#pieces);
    this.#throwFailure();
  }

  async #watch(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #throwFailure(): void {
    this.#signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure as Error;
  }
}
