/** Time as the app sees it: an argument, so that a test can turn it. */
export interface Clock {
  /** Milliseconds that only grow; their zero means nothing. */
  now(): number;
  /** Resolve after `ms` milliseconds, or at once when `signal` aborts. Never rejects. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of the machine, from Web standards alone. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done);
    }),
};

/** What `read` gives, read again only once `ms` milliseconds are over; a failure is not kept. */
export function cachedFor<Value>(ms: number, clock: Clock, read: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  let readAt = -Infinity;
  return () => {
    if (value === undefined || clock.now() - readAt >= ms) {
      readAt = clock.now();
      value = read();
      value.catch(() => (value = undefined));
    }
    return value;
  };
}
