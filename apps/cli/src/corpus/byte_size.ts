import { UsageError } from "../failure.ts";

/**
 * Read an amount of bytes from a flag: `4GB`, `512 MB`, `1.5g`, or a number of bytes.
 *
 * @throws {UsageError} If it is none, or less than `min` bytes.
 */
export function byteSize(value: string, flag: string, { min }: { readonly min: number }): number {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*$/i.exec(value);
  const [, number, unit, binary] = found ?? [];
  const base = binary === "" ? 1000 : 1024;
  const bytes = Number(number) * base ** " kmgt".indexOf(unit?.toLowerCase() || " ");
  if (found !== null && bytes >= min) return Math.floor(bytes);
  throw new UsageError(
    `Cannot use --${flag} ${value}: it takes an amount of bytes such as 4GB, at least ${min / 1e6}MB`,
  );
}
