/** `BertTokenizer` on random and real text: batches, offsets, decoding, windows, and Hugging Face's own tokenizers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { BertTokenizer, type EncodeOptions, type Encoding, formatTokenizerConfig } from "@kcbert/tokenizer";
import { afterAll, expect, test } from "vitest";
import { lasting, rate, report, soakMs } from "./_duration.ts";
import { randomText } from "./_random_text.ts";
import { realComments } from "./_real_comments.ts";
import { Watchdog } from "./_watchdog.ts";

const root = join(import.meta.dirname, "../..");
const vocab = readFileSync(join(root, "tests/golden/tokenizer/kcbert.vocab.txt"), "utf8");
const kcbert = BertTokenizer.fromVocab(vocab);
const dog = new Watchdog(120_000);
afterAll(() => dog.stop());

const encodeOptions = fc
  .record(
    {
      maxLength: fc.integer({ min: 4, max: 40 }),
      stride: fc.constantFrom(0, 1),
      padding: fc.constantFrom(false, 12, 50),
      padToMultipleOf: fc.constantFrom(1, 8),
      paddingSide: fc.constantFrom("left" as const, "right" as const),
      truncationSide: fc.constantFrom("left" as const, "right" as const),
      offsetUnit: fc.constantFrom("utf16" as const, "codepoint" as const, "byte" as const),
      addSpecialTokens: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((options): EncodeOptions => options);

test("random text: offsets slice back, decoding gives the text back, batches equal single calls", () => {
  const start = performance.now();
  let texts = 0;
  fc.assert(
    fc.property(fc.array(randomText, { minLength: 1, maxLength: 6 }), encodeOptions, (batch, options) => {
      dog.watch(batch.join("\n"), () => {
        for (const text of batch) checkText(text);
        checkBatch(batch, options);
      });
      texts += batch.length;
    }),
    lasting(soakMs),
  );
  expect(texts).toBeGreaterThan(100);
  report(`tokenizer: ${rate(texts, "random texts", performance.now() - start)}, alone and in batches`);
});

test("windows over random text cover it, each within its length", () => {
  const start = performance.now();
  let windows = 0;
  const sizes = fc
    .integer({ min: 3, max: 40 })
    .chain((maxLength) => fc.tuple(fc.constant(maxLength), fc.nat(maxLength - 3)));
  fc.assert(
    fc.property(randomText, sizes, (text, [maxLength, stride]) => {
      windows += dog.watch(text, () => checkWindows(text, maxLength, stride));
    }),
    lasting(soakMs / 4),
  );
  expect(windows).toBeGreaterThan(100);
  report(`tokenizer: ${rate(windows, "windows", performance.now() - start)}`);
});

test("real comments: the same", () => {
  const start = performance.now();
  let comments = 0;
  const texts = realComments(1_000_000);
  for (let i = 0; i < texts.length && performance.now() - start < soakMs / 2; i += 100) {
    const batch = texts.slice(i, i + 100);
    for (const text of batch) checkText(text);
    checkBatch(batch, { padding: 50, maxLength: 24, stride: 4 });
    for (const text of batch) checkWindows(text, 16, 5);
    comments += batch.length;
  }
  expect(comments).toBeGreaterThan(100);
  report(`tokenizer: ${rate(comments, "real comments", performance.now() - start)}`);
});

test.skipIf(!hasPeer("tokenizers"))(
  "npm tokenizers (skipped without bench/node_modules): the same ids and offsets for real and random text",
  async () => {
    const { Tokenizer } = await import(peer("tokenizers/index.js"));
    const theirs = Tokenizer.fromString(kcbert.toJson());
    const compare: Compare = async (text) => {
      const encoding = await theirs.encode(text);
      const ours = kcbert.encode(text, { offsetUnit: "codepoint" });
      same(ours.ids, encoding.getIds(), "ids", text);
      same(ours.offsets, encoding.getOffsets().flat(), "offsets", text);
    };
    const texts = `${await compareReal(compare)} and ${await compareRandom(compare)}`;
    report(`tokenizer: ${texts} as npm tokenizers has them, offsets too`);
  },
);

test.skipIf(!hasPeer("@huggingface/tokenizers"))(
  "@huggingface/tokenizers (skipped without bench/node_modules): the same ids for real comments",
  async () => {
    const { Tokenizer } = await import(peer("@huggingface/tokenizers/dist/tokenizers.mjs"));
    const theirs = new Tokenizer(JSON.parse(kcbert.toJson()), JSON.parse(formatTokenizerConfig(kcbert, 300)));
    const texts = await compareReal((text) => {
      same(kcbert.encode(text).ids, theirs.encode(text).ids, "ids", text);
    }); // no random text: it misses Chinese characters beyond U+FFFF, and the native module is the reference
    report(`tokenizer: ${texts} as @huggingface/tokenizers has them`);
  },
);

// --- internal ---

type Compare = (text: string) => void | Promise<void>;

async function compareReal(compare: Compare): Promise<string> {
  const start = performance.now();
  let texts = 0;
  for (const text of realComments(1_000_000)) {
    if (performance.now() - start > soakMs / 4) break;
    await compare(text);
    texts++;
  }
  expect(texts).toBeGreaterThan(100);
  return rate(texts, "real comments", performance.now() - start);
}

async function compareRandom(compare: Compare): Promise<string> {
  const start = performance.now();
  let texts = 0;
  await fc.assert(
    fc.asyncProperty(randomText, async (text) => {
      await dog.watchAsync(text, async () => compare(text.toWellFormed())); // Rust's strings are well-formed
      texts++;
    }),
    lasting(soakMs / 4),
  );
  expect(texts).toBeGreaterThan(100);
  return rate(texts, "random texts", performance.now() - start);
}

/** What cleaning removes, and white space, which a decoded text has elsewhere. */
const UNSEEN = /\p{Cc}|\p{Cf}|\p{Co}|\p{Cs}|\ufffd|\s/gu;

/** Offsets ascend and slice back to the tokens; decoding gives the text back where every word is known. */
function checkText(text: string): void {
  const encoding = kcbert.encode(text, { addSpecialTokens: false });
  const { ids, tokens, offsets } = encoding;
  let last = 0;
  for (let i = 0; i < ids.length; i++) {
    const [start, end] = [offsets[2 * i]!, offsets[2 * i + 1]!];
    if (start < last || end <= start || end > text.length) fail(`offsets of token ${i}`, text);
    last = end;
    if (ids[i] === kcbert.unkId) continue;
    const token = tokens[i]!.replace(/^##(?=.)/su, "");
    if (text.slice(start, end).replace(UNSEEN, "") !== token) fail(`token ${i}, ${token}`, text);
  }
  if (ids.includes(kcbert.unkId)) return;
  const decoded = kcbert.decode(ids, { skipSpecialTokens: false, cleanup: false });
  if (decoded.replace(UNSEEN, "") !== text.replace(UNSEEN, "")) fail(`decoded, ${decoded}`, text);
}

/** Each row of a batch is the encoding of its text, or one of its windows. */
function checkBatch(texts: readonly string[], options: EncodeOptions): void {
  const batch = kcbert.encodeBatch(texts, { ...options, offsets: true });
  const rows = texts.flatMap((text) => {
    const encoding = kcbert.encode(text, options);
    return [encoding, ...encoding.overflowing];
  });
  if (batch.rows !== rows.length) fail("number of rows", texts);
  for (const [r, row] of rows.entries()) {
    const [start, end] = [batch.rowStarts[r]!, batch.rowStarts[r + 1]!];
    for (const field of ["ids", "typeIds", "attentionMask", "specialTokensMask"] as const) {
      same(batch[field].subarray(start, end), row[field], field, texts);
    }
    same(batch.offsets!.subarray(2 * start, 2 * end), row.offsets, "offsets", texts);
    same(batch.wordIds!.subarray(start, end), row.wordIds, "wordIds", texts);
  }
  same(kcbert.encodeBatch(texts, options).ids, batch.ids, "ids without offsets", texts);
}

/** Windows begin where the ones before them end, `stride` tokens back: together they are the whole text. */
function checkWindows(text: string, maxLength: number, stride: number): number {
  const whole = kcbert.encode(text, { addSpecialTokens: false });
  const first = kcbert.encode(text, { maxLength, stride });
  const windows: readonly Encoding[] = [first, ...first.overflowing];
  const ids: number[] = [];
  const offsets: number[] = [];
  for (const [w, window] of windows.entries()) {
    if (window.length > maxLength) fail(`window ${w} is too long`, text);
    if (w < windows.length - 1 && window.length !== maxLength) fail(`window ${w} is not full`, text);
    const skipped = 1 + (w === 0 ? 0 : stride);
    ids.push(...window.ids.subarray(skipped, window.length - 1));
    offsets.push(...window.offsets.subarray(2 * skipped, 2 * (window.length - 1)));
  }
  same(ids, whole.ids, "ids of the windows", text);
  same(offsets, whole.offsets, "offsets of the windows", text);
  return windows.length;
}

function same(ours: ArrayLike<number>, theirs: ArrayLike<number>, what: string, source: unknown): void {
  let i = 0;
  while (i < ours.length && ours[i] === theirs[i]) i++;
  if (i === ours.length && i === theirs.length) return;
  fail(`${what} differ at ${i} (${ours[i]} and ${theirs[i]})`, source);
}

function fail(what: string, source: unknown): never {
  throw new Error(`${what}: ${JSON.stringify(source)}`);
}

function peer(path: string): string {
  return join(root, "bench/node_modules", path);
}

function hasPeer(name: string): boolean {
  return existsSync(peer(`${name}/package.json`));
}
