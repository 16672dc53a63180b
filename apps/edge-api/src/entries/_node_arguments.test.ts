import { resolve } from "node:path";
import { expect, test } from "vitest";
import { parseNodeArguments } from "./_node_arguments.ts";

test("parseNodeArguments() names models after their folders, or as asked", () => {
  const { models, training } = parseNodeArguments(["--model", "a/tiny", "--model", "beomi/kcbert-base=b/c"]);
  expect([...models]).toEqual([
    ["tiny", resolve("a/tiny")],
    ["beomi/kcbert-base", resolve("b/c")],
  ]);
  expect(training).toBeUndefined();
});

test("parseNodeArguments() serves the run's model too, once", () => {
  expect([...parseNodeArguments(["--training", "x/run"]).models.values()]).toEqual([resolve("x/run")]);
  expect([...parseNodeArguments(["--training", "x/run", "--model", "mine=x/run"]).models]).toEqual([
    ["mine", resolve("x/run")],
  ]);
});

test("parseNodeArguments() knows a port that was named from one that was not", () => {
  expect(parseNodeArguments([])).toMatchObject({ port: 8787, isPortGiven: false, host: "127.0.0.1" });
  expect(parseNodeArguments(["--port", "8787"])).toMatchObject({ port: 8787, isPortGiven: true });
  for (const port of ["", "-1", "1.5", "65536", "8787x"]) {
    expect(() => parseNodeArguments([`--port=${port}`])).toThrow(RangeError);
  }
});

test("parseNodeArguments() reads keys from the environment, and limits", () => {
  const env = { KCBERT_API_KEYS: "one, two,," };
  expect(parseNodeArguments(["--rate", "60", "--memory", "100"], env)).toMatchObject({
    keys: ["one", "two"],
    requestsPerMinute: 60,
    modelBytes: 100 * 1024 * 1024,
    shareModels: true,
    logBodies: false,
  });
  expect(parseNodeArguments(["--no-share"])).toMatchObject({
    keys: [],
    requestsPerMinute: Infinity,
    shareModels: false,
  });
  expect(parseNodeArguments([]).workers).toBe(1);
  expect(parseNodeArguments(["--workers", "2"]).workers).toBe(2);
  expect(() => parseNodeArguments(["--workers", "0"])).toThrow(
    /--workers as it must be a whole number above 0/,
  );
  expect(() => parseNodeArguments(["--rate", "0"])).toThrow(/--rate as it must be a whole number above 0/);
});
