import { expect, test } from "vitest";
import { serializeCompileOptions } from "./compile_options.ts";

/** Bytes that jaxlib's `CompileOptions.ParseFromString` reads as these options. */
test.each([
  [{}, "1a14 08ffffffffffffffffff01 2001 2801 3000 980100"],
  [{ replicas: 2 }, "1a14 08ffffffffffffffffff01 2002 2801 3000 980100"],
  [{ partitions: 300, shardy: true }, "1a15 08ffffffffffffffffff01 2001 28ac02 3001 980101"],
  [
    { replicas: 2, partitions: 2, devices: [0, 1, 2, 3] },
    // device_assignment: two computations, of the devices {0, 2} and {1, 3}
    "1a26 08ffffffffffffffffff01 2002 2802 3001 4a10 0802 1002 1a04 0a020002 1a04 0a020103 980100",
  ],
  [
    { flags: { a: "b", c: true, d: 7, e: 0.5 } },
    "1a14 08ffffffffffffffffff01 2001 2801 3000 980100" +
      " 3a08 0a0161 12030a0162 3a07 0a0163 12021001 3a07 0a0164 12021807 3a0e 0a0165 120921000000000000e03f",
  ],
] as const)("%j", (options, hex) => {
  expect(Buffer.from(serializeCompileOptions(options)).toString("hex")).toBe(hex.replaceAll(" ", ""));
});

test("counts and devices must agree", () => {
  expect(() => serializeCompileOptions({ partitions: 0 })).toThrow(
    new RangeError("Cannot compile as partitions must be a positive integer: it is 0"),
  );
  expect(() => serializeCompileOptions({ replicas: 2, devices: [0] })).toThrow(
    new RangeError("Cannot compile for 2 × 1 devices as devices names 1"),
  );
});
