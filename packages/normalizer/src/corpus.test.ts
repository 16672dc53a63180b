import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, expectTypeOf, test } from "vitest";
import { clean } from "./clean.ts";
import { cleanCorpus, countCodePoints, distinctLines, type Lines, longLines } from "./corpus.ts";

const file = new URL("../../../tests/golden/normalizer/filter.json.gz", import.meta.url);
const golden: { lines: string[]; keepAtLeast10: number[]; keepAtLeast11: number[] } = JSON.parse(
  gunzipSync(readFileSync(file)).toString("utf8"),
);

describe.each([
  [10, golden.keepAtLeast10],
  [11, golden.keepAtLeast11],
])("a corpus of lines of %i or more", (minLength, indexes) => {
  const expected = indexes.map((index) => clean(golden.lines[index]!));

  test("is the golden one", () => {
    expect(indexes.length).toBeGreaterThan(2_700);
    expect([...cleanCorpus(golden.lines, { minLength })]).toEqual(expected);
  });

  test("is the same in three steps, from a generator", () => {
    const cleaned = (function* () {
      for (const line of golden.lines) yield clean(line);
    })();
    expect([...distinctLines(longLines(cleaned, { minLength }))]).toEqual(expected);
  });

  test("is the same from a stream", async () => {
    const corpus: string[] = [];
    for await (const line of cleanCorpus(streamOf(golden.lines), { minLength })) corpus.push(line);
    expect(corpus).toEqual(expected);
  });
});

describe("the filters", () => {
  test("count code points", () => {
    expect(countCodePoints("")).toBe(0);
    expect(countCodePoints("가👍a")).toBe(3);
    expect(countCodePoints("\ud83d\ud83d\udc4d\udc4d")).toBe(3);
    expect(() => countCodePoints(undefined as unknown as string)).toThrow(TypeError);
  });

  test("keep 10 code points, not 10 units, by default", () => {
    expect([...longLines(["👍".repeat(9), "👍".repeat(10), "가".repeat(9)])]).toEqual(["👍".repeat(10)]);
  });

  test("pass options on to clean()", () => {
    expect([...cleanCorpus(["漢字 ㅋㅋㅋ"], { variant: "2020", minRun: 3, minLength: 0 })]).toEqual([
      "漢字 ㅋㅋ",
    ]);
  });

  test("read no further than they are read", () => {
    let read = 0;
    const endless = (function* () {
      for (;;) yield `줄 ${read++}`;
    })();
    const [first, second] = distinctLines(endless);
    expect([first, second, read]).toEqual(["줄 0", "줄 1", 2]);
  });

  test("close their source when left early", async () => {
    let closed = 0;
    async function* source(): AsyncGenerator<string> {
      try {
        for (let i = 0; ; i++) yield `줄 ${i}`;
      } finally {
        closed++;
      }
    }
    for await (const _ of longLines(source(), { minLength: 1 })) break;
    expect(closed).toBe(1);
  });

  test("are asynchronous if their source is", () => {
    expectTypeOf(distinctLines([""])).toEqualTypeOf<Generator<string, void, undefined>>();
    expectTypeOf(distinctLines(streamOf([]))).toEqualTypeOf<AsyncGenerator<string, void, undefined>>();
    expectTypeOf(distinctLines([] as Lines)).toEqualTypeOf<
      Generator<string, void, undefined> | AsyncGenerator<string, void, undefined>
    >();
  });

  test("name what is wrong, before the first line where they can", () => {
    for (const lines of ["한 줄", undefined, null, 3, {}]) {
      expect(() => distinctLines(lines as unknown as string[])).toThrow(
        /^Cannot filter lines as they must be an iterable or async iterable of strings: current value is/,
      );
    }
    expect(() => cleanCorpus([], { minLength: -1 })).toThrow(
      new RangeError(
        "Cannot filter lines as minLength must be an integer of 0 or more: current value is number -1",
      ),
    );
    expect(() => cleanCorpus([], { variant: "2019" as "2020" })).toThrow(RangeError);
    expect(() => longLines([], 10 as unknown as object)).toThrow(TypeError);
    expect(() => [...cleanCorpus([5 as unknown as string])]).toThrow(TypeError);
  });
});

// --- internal ---

function streamOf(lines: string[]): ReadableStream<string> & AsyncIterable<string> {
  return new ReadableStream<string>({
    start(controller) {
      for (const line of lines) controller.enqueue(line);
      controller.close();
    },
  }) as ReadableStream<string> & AsyncIterable<string>;
}
