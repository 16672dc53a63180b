/**
 * How fast it goes of late, from the rate of each step. Means of rates mislead: after a pause the steps that were computed
 * meanwhile are told in one go, at rates beyond measure. So it is the time for each example that is averaged.
 */
export class RecentRate {
  #steps = 0;
  /** Seconds for each. */
  #pace = 0;

  /** The rate with one step more. The first one, in which a backend compiles, counts until there is a second. */
  add(rate: number): number {
    this.#steps++;
    this.#pace = this.#steps <= 2 ? 1 / rate : 0.95 * this.#pace + 0.05 / rate;
    return 1 / this.#pace;
  }
}
