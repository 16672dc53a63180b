/** `clean` against its regular expressions on random and real text; offsets; texts of 10 MB made to be slow. */
import * as fc from "fast-check";
import { clean, type CleanOptions, cleanWithOffsets } from "@kcbert/normalizer";
import { afterAll, expect, test } from "vitest";
import { lasting, rate, report, soakMs } from "./_duration.ts";
import { hugeText, randomText } from "./_random_text.ts";
import { realComments } from "./_real_comments.ts";
import { regexClean } from "./_regex_clean.ts";
import { Watchdog } from "./_watchdog.ts";

const everyOption = (["2020", "2021", "2022"] as const).flatMap((variant) =>
  ([3, 4] as const).map((minRun): CleanOptions => ({ variant, minRun })),
);
const references = new Map(everyOption.map((options) => [options, regexClean(options)]));
const dog = new Watchdog(120_000);
afterAll(() => dog.stop());

test("random text: what the regular expressions give, each unit where its offset says", () => {
  const start = performance.now();
  let [texts, units] = [0, 0];
  fc.assert(
    fc.property(randomText, fc.constantFrom(...everyOption), (text, options) => {
      dog.watch(text, () => check(text, options));
      texts++;
      units += text.length;
    }),
    lasting(soakMs),
  );
  expect(texts).toBeGreaterThan(100);
  const said = rate(texts, "random texts", performance.now() - start);
  report(`normalizer: ${said}, ${units.toLocaleString("en")} UTF-16 units, all as the regular expressions`);
});

test("real comments: the same", () => {
  const start = performance.now();
  let comments = 0;
  for (const text of realComments(1_000_000)) {
    check(text, everyOption[comments % everyOption.length]!);
    comments++;
    if (performance.now() - start > soakMs) break;
  }
  expect(comments).toBeGreaterThan(1000);
  report(`normalizer: ${rate(comments, "real comments", performance.now() - start)}`);
});

test("texts of 10 MB made to be slow are done, and consistent", () => {
  const start = performance.now();
  let texts = 0;
  fc.assert(
    fc.property(hugeText(10_000_000), fc.constantFrom(...everyOption), ({ unit, text }, options) => {
      dog.watch(unit, () => {
        const { text: cleaned, offsets } = cleanWithOffsets(text, options);
        if (clean(text, options) !== cleaned) throw new Error("the text differs with offsets");
        if (offsets.length !== cleaned.length + 1) throw new Error("wrong number of offsets");
        if (offsets.at(-1)! > text.length) throw new Error("the end is outside the text");
      });
      texts++;
    }),
    { ...lasting(soakMs), endOnFailure: true },
  );
  expect(texts).toBeGreaterThan(0);
  report(`normalizer: ${rate(texts, "texts of 10 MB", performance.now() - start)}, twice each`);
});

// --- internal ---

/** Errors instead of `expect`, which would take longer than what it checks. */
function check(source: string, options: CleanOptions): void {
  const { text, offsets } = cleanWithOffsets(source, options);
  if (text !== references.get(options)!(source)) fail("not as the regular expressions", source, options);
  if (text !== clean(source, options)) fail("the text differs with offsets", source, options);
  if (offsets.length !== text.length + 1) fail("wrong number of offsets", source, options);
  let before = -1;
  for (let i = 0; i < text.length; i++) {
    const at = offsets[i]!;
    if (at <= before) fail(`offset ${i} does not ascend`, source, options);
    before = at;
    const agrees =
      text[i] === " "
        ? clean(String.fromCodePoint(source.codePointAt(at)!), options) === ""
        : text[i] === source[at];
    if (!agrees) fail(`unit ${i} does not stand at ${at}`, source, options);
  }
  if (text !== "" && offsets.at(-1)! <= before) fail("the end does not ascend", source, options);
  if (offsets.at(-1)! > source.length) fail("the end is outside", source, options);
}

function fail(what: string, source: string, options: CleanOptions): never {
  throw new Error(`${what}: ${JSON.stringify(source)} with ${JSON.stringify(options)}`);
}
