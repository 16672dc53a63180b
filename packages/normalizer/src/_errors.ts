/** A value as an error message names it: its kind, and itself where that is short. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return "a function";
  if (typeof value === "object") return `an object of ${value.constructor?.name ?? "no class"}`;
  return `${typeof value} ${String(value as number | bigint | boolean | symbol)}`;
}

/** @throws {TypeError} If `text` is not a string. `verb` is what was to be done with it. */
export function requireString(text: unknown, verb: string): asserts text is string {
  if (typeof text !== "string") {
    throw new TypeError(`Cannot ${verb} a value that is not a string: current value is ${describe(text)}`);
  }
}

/** @throws {TypeError} If `options` is neither absent nor an object. */
export function requireOptions(options: unknown, verb: string): void {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new TypeError(`Cannot ${verb} as options must be an object: current value is ${describe(options)}`);
  }
}

/** @throws {RangeError} If `value` is not an integer of `min` or more. */
export function requireInteger(value: unknown, name: string, min: number, verb: string): void {
  if (!Number.isInteger(value) || (value as number) < min) {
    throw new RangeError(
      `Cannot ${verb} as ${name} must be an integer of ${min} or more: current value is ${describe(value)}`,
    );
  }
}
