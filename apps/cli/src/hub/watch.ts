/** Stops a request that stands still. */
export class Watch {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
  }

  /** Something must come within so many milliseconds. */
  expect(milliseconds: number): void {
    const late = () => this.#controller.abort(new Error(`it sends nothing for ${milliseconds / 1000} s`));
    this.#timer = setTimeout(late, milliseconds);
  }

  /** It came. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Nothing more is wanted. */
  end(): void {
    this.rest();
    this.#controller.abort(new Error("the rest is not wanted"));
  }
}
