import * as fc from "fast-check";
import { expect, test } from "vitest";
import { lineChart } from "./line_chart.ts";

const value = fc.oneof(
  fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }).map((number) => number / 1000),
  fc.constantFrom(NaN, Infinity, -Infinity, 1e-9, 0),
);
const points = fc.array(fc.tuple(fc.nat(1_000_000), value), { maxLength: 50 });

test("a chart is well-formed and within its frame, whatever the numbers", () => {
  fc.assert(
    fc.property(points, fc.boolean(), fc.string(), (points, smooth, name) => {
      const sorted = points.toSorted(([a], [b]) => a - b);
      const series = [{ name, colour: "a", points: sorted, smooth } as const];
      const svg = lineChart({ title: name, xLabel: "step", yLabel: "", series });
      expect(svg.match(/<(?!\/)[a-z]/g)!.length).toBe(svg.match(/<\/[a-z]|\/>/g)!.length);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      for (const [, drawn] of svg.matchAll(
        /class="line a" ?points="([^"]*)"|points="([^"]*)" class="line a"/g,
      )) {
        for (const pair of (drawn ?? "").split(" ").filter(Boolean)) {
          const [x, y] = pair.split(",").map(Number);
          expect(x).toBeGreaterThanOrEqual(63.9);
          expect(x).toBeLessThanOrEqual(744.1);
          expect(y).toBeGreaterThanOrEqual(71.9);
          expect(y).toBeLessThanOrEqual(368.1);
        }
      }
    }),
  );
});

test("the axes carry round numbers that hold all values between them", () => {
  const series = [
    {
      name: "loss",
      colour: "b",
      points: [
        [0, 9.7],
        [100_000, 2.41],
      ],
      dots: true,
    } as const,
  ];
  const svg = lineChart({
    title: "Loss",
    xLabel: "step",
    yLabel: "nats",
    series,
    baseline: { name: "u", y: 7 },
  });
  const labels = Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, text]) => text);
  expect(labels).toEqual([
    "Loss",
    "loss",
    "u",
    "2",
    "4",
    "6",
    "8",
    "10",
    "0",
    "20K",
    "40K",
    "60K",
    "80K",
    "100K",
    "step",
    "nats",
  ]);
  expect(svg.match(/<circle/g)).toHaveLength(2);
});

test("a hundred thousand points become some hundreds", () => {
  const many = Array.from({ length: 100_000 }, (_, i) => [i, Math.sin(i / 1e4)] as const);
  const svg = lineChart({
    title: "",
    xLabel: "",
    yLabel: "",
    series: [{ name: "", colour: "a", points: many }],
  });
  expect(svg.length).toBeLessThan(20_000);
});
