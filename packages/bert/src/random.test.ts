import * as fc from "fast-check";
import { expect, test } from "vitest";
import { randomBits, truncatedNormal, uniform } from "./random.ts";

/** Threefry-2x32-20 again, round by round, in arbitrary precision. */
function threefry(key: [number, number], counter: [number, number]): [number, number] {
  const word = (x: bigint) => x & 0xffffffffn;
  const keys = [BigInt(key[0]), BigInt(key[1]), BigInt(key[0]) ^ BigInt(key[1]) ^ 0x1bd11bdan];
  const rotations = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];
  let [x, y] = [word(BigInt(counter[0]) + keys[0]!), word(BigInt(counter[1]) + keys[1]!)];
  for (let round = 0; round < 20; round++) {
    const by = rotations[round % 8]!;
    x = word(x + y);
    y = word((y << by) | (y >> (32n - by))) ^ x;
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    x = word(x + keys[injection % 3]!);
    y = word(y + keys[(injection + 1) % 3]! + BigInt(injection));
  }
  return [Number(x), Number(y)];
}

test.each([
  [
    [0, 0],
    [0, 0],
    [0x6b200159, 0x99ba4efe],
  ],
  [
    [0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x1cb996fc, 0xbb002be7],
  ],
  [
    [0x13198a2e, 0x03707344],
    [0x243f6a88, 0x85a308d3],
    [0xc4923a9c, 0x483df7a0],
  ],
] as [[number, number], [number, number], number[]][])(
  "the reference agrees with the known answers of Random123: key %j, counter %j",
  (key, counter, answer) => {
    expect(threefry(key, counter)).toEqual(answer);
  },
);

test("randomBits() is Threefry of a key that seed, step and stream make", () => {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(fc.maxSafeNat(), word, word, fc.nat(9), (seed, step, stream, size) => {
      const key = threefry([seed % 2 ** 32, Math.floor(seed / 2 ** 32)], [step, stream]);
      const expected = Array.from({ length: size }, (_, i) => threefry(key, [i >> 1, 0])[i & 1]);
      expect([...randomBits(seed, step, stream, size)]).toEqual(expected);
    }),
  );
});

test("randomBits() gives these words for ever", () => {
  expect([...randomBits(0, 0, 0, 3)]).toEqual([4165894930, 804218099, 1658387361]);
  expect([...randomBits(2 ** 53 - 1, 1_000_000, "bert.embeddings.dropout", 3)]).toEqual([
    235789007, 1392661889, 617291229,
  ]);
});

test("a name is the stream of its FNV-1a hash", () => {
  expect(randomBits(1, 2, "foobar", 4)).toEqual(randomBits(1, 2, 0xbf9cf968, 4));
  expect(randomBits(1, 2, "", 4)).toEqual(randomBits(1, 2, 0x811c9dc5, 4));
});

test("a longer draw begins with the shorter one", () => {
  expect([...randomBits(7, 0, 0, 101).subarray(0, 50)]).toEqual([...randomBits(7, 0, 0, 50)]);
  expect(randomBits(7, 0, 0, 0)).toHaveLength(0);
});

test("uniform() has the moments of [0, 1), and neighbouring draws are unrelated", () => {
  const n = 100_000;
  const x = uniform(3, 0, "moments", n);
  const mean = x.reduce((sum, value) => sum + value, 0) / n;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.005); // 5 standard errors
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
  const others = [uniform(4, 0, "moments", n), uniform(3, 1, "moments", n), uniform(3, 0, "moment", n)];
  for (const y of [...others, Float32Array.of(...x.subarray(1, 50_000))]) {
    const covariance = y.reduce((sum, value, i) => sum + (value - 0.5) * (x[i]! - 0.5), 0) / y.length;
    expect(Math.abs(covariance * 12)).toBeLessThan(5 / Math.sqrt(y.length));
  }
});

test("truncatedNormal() has the moments of the cut normal, and keeps within ±2", () => {
  const n = 100_000;
  const x = truncatedNormal(5, 0, "weight", n);
  expect(x.every((value) => Math.abs(value) <= 2)).toBe(true);
  expect(x.some((value) => value > 1.99) && x.some((value) => value < -1.99)).toBe(true);
  const mean = x.reduce((sum, value) => sum + value, 0) / n;
  const variance = x.reduce((sum, value) => sum + value * value, 0) / n;
  expect(Math.abs(mean)).toBeLessThan(0.014);
  expect(Math.abs(variance - 0.7737413035499235)).toBeLessThan(0.015); // 1 − 4φ(2) / P(|Z| < 2)
});

test("truncatedNormal() follows the distribution function", () => {
  const n = 100_000;
  const sorted = truncatedNormal(6, 0, 0, n).sort();
  // Quantiles of the normal distribution cut at ±2: Φ⁻¹(0.5 + 0.9545·(q − 0.5)).
  for (const [q, z] of [
    [0.1, -1.184032],
    [0.25, -0.639112],
    [0.5, 0],
    [0.9, 1.184032],
  ] as const) {
    expect(Math.abs(sorted[Math.round(q * n)]! - z)).toBeLessThan(0.02);
  }
});

test.each([
  [-1, 0, 0, 1, "seed must be an integer in [0, 9007199254740992): it is -1"],
  [0.5, 0, 0, 1, "seed must be an integer in [0, 9007199254740992): it is 0.5"],
  [0, 2 ** 32, 0, 1, "step must be an integer in [0, 4294967296): it is 4294967296"],
  [0, 0, Number.NaN, 1, "stream must be an integer in [0, 4294967296): it is NaN"],
  [0, 0, 0, -1, "size must be an integer in [0, 4294967296): it is -1"],
])("randomBits(%d, %d, %d, %d) is refused", (seed, step, stream, size, reason) => {
  expect(() => randomBits(seed, step, stream, size)).toThrow(
    new RangeError(`Cannot draw random numbers as ${reason}`),
  );
});
