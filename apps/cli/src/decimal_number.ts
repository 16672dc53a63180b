import { UsageError } from "./failure.ts";

/** Where a number must lie. */
export interface DecimalLimits {
  /** The least value allowed. */
  readonly min?: number;
  /** The number must be greater. */
  readonly above?: number;
  /** The number must be less. */
  readonly below?: number;
}

/**
 * Read a number, such as `0.05` or `1.5e-3`, from a flag.
 *
 * @param value The text given, or `undefined` if the flag was not.
 * @param flag The flag's name without dashes, for the error.
 * @throws {UsageError} If the text is not a finite number within the limits.
 */
export function decimalNumber(
  value: string | undefined,
  flag: string,
  limits: DecimalLimits,
): number | undefined {
  if (value === undefined) return undefined;
  const { min = -Infinity, above = -Infinity, below = Infinity } = limits;
  const number = Number(value);
  const isNumber = value.trim() !== "" && Number.isFinite(number);
  if (isNumber && number >= min && number > above && number < below) return number;
  throw new UsageError(`Cannot use --${flag} ${value}: it takes a number${describe(limits)}`);
}

// --- internal ---

function describe({ min, above, below }: DecimalLimits): string {
  const bounds = [
    min === undefined ? [] : [`of at least ${min}`],
    above === undefined ? [] : [`above ${above}`],
    below === undefined ? [] : [`below ${below}`],
  ].flat();
  return bounds.length === 0 ? "" : ` ${bounds.join(" and ")}`;
}
