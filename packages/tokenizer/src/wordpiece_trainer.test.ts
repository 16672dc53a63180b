import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  countWords,
  mergeWordCounts,
  type TrainFromWordCountsOptions,
  trainFromWordCounts,
  type TrainProgress,
  trainWordPiece,
  type TrainWordPieceOptions,
} from "./mod.ts";

const golden = new URL("../../../tests/golden/tokenizer/train/", import.meta.url);
const corpus = gunzipSync(readFileSync(new URL("corpus.txt.gz", golden)));
const corpusLines = corpus.toString("utf8").trimEnd().split("\n");
const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

interface GoldenRun {
  file: string;
  order: string;
  vocab_size: number;
  limit_alphabet: number;
  min_frequency: number;
  tokens: number;
  alphabet?: number;
  continuing?: number;
  tie_at_cut?: boolean;
}
const meta: { corpus: { distinct_words: number; words: number; lines: number }; runs: GoldenRun[] } =
  JSON.parse(readFileSync(new URL("meta.json", golden), "utf8"));

describe("golden vocabularies", () => {
  test.each(meta.runs)("trainWordPiece() equals $file token for token", async (run) => {
    const expected = readVocab(run.file);
    const options = goldenOptions(run, expected);
    const { tokens, report } = await trainWordPiece(corpusLines, options);
    expect(expected).toHaveLength(run.tokens);
    expect(tokens).toEqual(expected);
    expect(report).toMatchObject({
      lines: meta.corpus.lines,
      words: meta.corpus.words,
      distinctWords: meta.corpus.distinct_words,
      merges: run.tokens - specials.length - report.alphabetSize - report.continuingSize,
      warnings: [],
    });
    if (run.alphabet !== undefined) expect(report.alphabetSize).toBe(run.alphabet);
    if (run.continuing !== undefined) expect(report.continuingSize).toBe(run.continuing);
    if (run.tie_at_cut !== undefined) expect(report.tiesAtCut > 0).toBe(run.tie_at_cut);
  });

  test("trainWordPiece() gives one vocabulary for lines in any order, async lines and bytes cut anywhere", async () => {
    const options = { vocabSize: 8000, limitAlphabet: 1000 };
    const expected = readVocab("codepoint-8000-limit1000.vocab.txt.gz");
    expect((await trainWordPiece(corpusLines.toReversed(), options)).tokens).toEqual(expected);
    expect((await trainWordPiece(lazily(corpusLines), options)).tokens).toEqual(expected);
    for (const size of [7, 4099, corpus.length]) {
      const { tokens, report } = await trainWordPiece(chunks(corpus, size), options);
      expect(tokens).toEqual(expected);
      expect(report.lines).toBe(meta.corpus.lines);
    }
  });

  test("trainFromWordCounts() gives the same from shares that were counted apart and posted", async () => {
    const shares = await Promise.all(
      [0, 1, 2].map(async (share) => {
        const counts = await countWords(corpusLines.filter((_, i) => i % 3 === share));
        return structuredClone(counts, {
          transfer: [counts.units.buffer, counts.starts.buffer, counts.counts.buffer],
        });
      }),
    );
    const { tokens, report } = await trainFromWordCounts(mergeWordCounts(shares), {
      vocabSize: 8000,
      limitAlphabet: 1000,
    });
    expect(tokens).toEqual(readVocab("codepoint-8000-limit1000.vocab.txt.gz"));
    expect(report).toMatchObject({ ...counted(meta.corpus), prunedWords: 0 });
  });
});

describe("against the obvious implementation", () => {
  const words = (alphabet: string): fc.Arbitrary<Map<string, number>> =>
    fc
      .array(
        fc.tuple(
          fc
            .array(fc.constantFrom(...Array.from(alphabet)), { minLength: 1, maxLength: 14 })
            .map((each) => each.join("")),
          fc.integer({ min: 1, max: 9 }),
        ),
        { minLength: 1, maxLength: 30 },
      )
      .map((pairs) => new Map(pairs));

  for (const alphabet of ["a", "ab", "abc", "abcdefgh", "가나😀"]) {
    test(`trainFromWordCounts() merges like plain byte-pair encoding on the alphabet ${alphabet}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          words(alphabet),
          fc.integer({ min: 0, max: 5 }),
          fc.nat(60),
          async (counts, minFrequency, room) => {
            const vocabSize = specials.length + 2 * Array.from(alphabet).length + room;
            await expectObvious(counts, { minFrequency, vocabSize });
          },
        ),
        { numRuns: 200 },
      );
    });
  }

  test("trainFromWordCounts() cuts the alphabet, keeps initial characters and takes given orders", async () => {
    const characters = Array.from("abcdef");
    await fc.assert(
      fc.asyncProperty(
        words("abcdef"),
        fc.integer({ min: 0, max: 7 }),
        fc.subarray(characters),
        fc.shuffledSubarray(characters),
        fc.shuffledSubarray(characters),
        fc.boolean(),
        async (counts, limitAlphabet, initialAlphabet, alphabet, continuingOrder, given) => {
          const options = given ? { alphabet } : { initialAlphabet, limitAlphabet };
          await expectObvious(counts, { ...options, continuingOrder, minFrequency: 1, vocabSize: 60 });
        },
      ),
      { numRuns: 200 },
    );
  });

  test("trainFromWordCounts() gives a merge that reads like a special token that token's id", async () => {
    await fc.assert(
      fc.asyncProperty(words("ab"), async (counts) => {
        await expectObvious(counts, {
          specialTokens: ["[UNK]", "ab", "##b", "a", "##ab", "abab", "ab"],
          minFrequency: 1,
          vocabSize: 40,
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe("what is trained", () => {
  test("trainWordPiece() merges equal pairs left to right, and counts beyond 2^31 exactly", async () => {
    const counts = await countWords(["aaaaa aaaa ab"]);
    counts.counts.set([2 ** 40, 1, 2 ** 40 + 3]);
    const { tokens } = await trainFromWordCounts(counts, { minFrequency: 1, specialTokens: [] });
    // ##a ##a stands 3 · 2^40 + 2 times; then a ##b 2^40 + 3, a ##aa 2^40 + 1, aaa ##aa 2^40 times, aaa ##a once.
    expect(tokens).toEqual(["a", "b", "##a", "##b", "##aa", "ab", "aaa", "aaaaa", "aaaa"]);
  });

  test("trainWordPiece() drops pairs below minFrequency and characters beyond limitAlphabet", async () => {
    const lines = ["가나다", "가나다", "가나라"];
    const { tokens, report } = await trainWordPiece(lines, {
      minFrequency: 3,
      limitAlphabet: 2,
      specialTokens: ["[UNK]"],
    });
    expect(tokens).toEqual(["[UNK]", "가", "나", "##나", "가나"]);
    expect(report).toMatchObject({
      alphabetSize: 2,
      continuingSize: 1,
      cutCharacters: 2,
      tiesAtCut: 0,
      merges: 1,
    });
    const ties = await trainWordPiece(lines, { limitAlphabet: 1, specialTokens: ["[UNK]"] });
    expect(ties.tokens).toEqual(["[UNK]", "가"]);
    expect(ties.report).toMatchObject({ cutCharacters: 3, tiesAtCut: 1 });
  });

  test("trainWordPiece() makes characters next to a cut one neighbours, and keeps continuing ones continuing", async () => {
    const { tokens } = await trainWordPiece(["xaxb xaxb xaxb"], { alphabet: ["b", "a"], specialTokens: [] });
    expect(tokens).toEqual(["b", "a", "##a", "##b", "##ab"]);
  });

  test("trainWordPiece() normalizes as asked", async () => {
    const train = async (line: string, options: TrainWordPieceOptions): Promise<string[]> =>
      (await trainWordPiece([line, line], { specialTokens: [], ...options })).tokens;
    expect(await train("ÀB", {})).toContain("ÀB");
    expect(await train("ÀB", { lowercase: true })).toContain("ab");
    expect(await train("ÀB", { lowercase: true, stripAccents: false })).toContain("àb");
    expect(await train("ÀB", { stripAccents: true })).toContain("AB");
    expect(await train("가나".normalize("NFD"), { nfc: true })).toEqual(["가", "나", "##나", "가나"]);
    expect(await train("漢字", { handleChineseChars: false })).toContain("漢字");
    expect(await train("가\u200b나", { cleanText: false })).toContain("가\u200b나");
    expect(await train("ab", { continuingSubwordPrefix: "@@" })).toEqual(["a", "b", "@@b", "ab"]);
  });

  test("trainWordPiece() normalizes bytes as it does lines, wherever they are cut", async () => {
    const lines = ["ÀB 가나".normalize("NFD"), "Σας ΟΔΟΣ", "é\u0301 ê"];
    const bytes = new TextEncoder().encode(lines.join("\n"));
    for (const options of [
      {},
      { lowercase: true },
      { stripAccents: true },
      { nfc: true },
      { nfc: true, lowercase: true },
    ]) {
      const expected = await trainWordPiece(lines, options);
      for (const size of [1, 2, 3, 5, 100])
        expect(await trainWordPiece(chunks(bytes, size), options)).toEqual(expected);
    }
  });

  test("trainWordPiece() warns of decomposed Hangul", async () => {
    const { report } = await trainWordPiece(["가나"], { stripAccents: true });
    expect(report.warnings).toEqual([expect.stringContaining("conjoining jamo")]);
    expect((await trainWordPiece(["가나"])).report.warnings).toEqual([]);
  });

  test("trainWordPiece() reads strings and bytes by turns, and counts lines", async () => {
    const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
    const source = ["가 나\n다", encode("라"), encode("마\n\n바"), "사", encode("아\n"), ""];
    const counts = await countWords(source);
    expect(counts).toMatchObject({ lines: 7, words: 7 });
    expect(String.fromCharCode(...counts.units)).toBe("가나다라마바사아");
    expect([...counts.starts]).toEqual([0, 1, 2, 3, 5, 6, 7, 8]);
  });

  test("trainWordPiece() ignores a byte-order mark and bytes that are not UTF-8", async () => {
    const counts = await countWords([new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff, 0x62, 0xea, 0xb0])]);
    expect(String.fromCharCode(...counts.units)).toBe("ab");
  });

  test("trainWordPiece() takes a line of two million characters, without a space too", async () => {
    const options = { specialTokens: [], minFrequency: 10 };
    const words = await trainWordPiece(["가나 ".repeat(700_000)], options);
    expect(words.tokens).toEqual(["가", "나", "##나", "가나"]);
    expect(words.report).toMatchObject({ lines: 1, words: 700_000, distinctWords: 1 });
    const one = await trainWordPiece(["😀가".repeat(700_000)], { ...options, nfc: true });
    expect(one.report).toMatchObject({ lines: 1, words: 1, alphabetSize: 2 });
    expect(one.tokens.at(-1)!.length).toBeGreaterThan(1000);
  });

  test("trainWordPiece() takes a vocabulary of more than 65,535 tokens", async () => {
    const lines = corpusLines.slice(0, 12_000);
    const small = await trainWordPiece(lines, { vocabSize: 30_000, minFrequency: 1, limitAlphabet: 4000 });
    const large = await trainWordPiece(lines, { vocabSize: 70_000, minFrequency: 1, limitAlphabet: 4000 });
    expect(large.tokens.slice(0, 30_000)).toEqual(small.tokens);
    expect(new Set(large.tokens).size).toBe(large.tokens.length);
    expect(large.tokens.length).toBeGreaterThan(65_536);
  });

  test("trainWordPiece() stays within maxBytes and tells what it dropped", async () => {
    const options = { vocabSize: 5000, limitAlphabet: 4000 };
    const { tokens, report } = await trainWordPiece(corpusLines, { ...options, maxBytes: 3 << 20 });
    expect(report.prunedWords).toBeGreaterThan(1000);
    expect(report.prunedFrequency).toBeGreaterThan(0);
    expect(report.words).toBe(meta.corpus.words);
    expect(report.warnings).toEqual([expect.stringContaining("maxBytes")]);
    // What is frequent survives: of the first 500 merges on all words nine in ten are there.
    const first = readVocab("codepoint-5000.vocab.txt.gz").filter((token) => !/^(?:##)?.$|^\[/u.test(token));
    const kept = new Set(tokens);
    expect(first.slice(0, 500).filter((token) => kept.has(token)).length).toBeGreaterThan(450);
  });
});

describe("progress and abort", () => {
  test("trainWordPiece() reports every phase, in order, ever further", async () => {
    const seen: TrainProgress[] = [];
    const { tokens, report } = await trainWordPiece(corpusLines, {
      onProgress: (progress) => seen.push(progress),
    });
    const phases = seen.map(({ phase }) => phase);
    expect([...new Set(phases)]).toEqual(["count", "pairs", "merge"]);
    for (const [i, progress] of seen.entries()) {
      for (const key of ["lines", "words", "distinctWords", "merges", "tokens"] as const) {
        if (i > 0) expect(progress[key]).toBeGreaterThanOrEqual(seen[i - 1]![key]);
      }
    }
    expect(seen.at(-1)).toEqual({
      phase: "merge",
      ...counted(meta.corpus),
      merges: report.merges,
      tokens: tokens.length,
    });
    expect(seen.filter(({ phase }) => phase === "merge").length).toBeGreaterThan(5);
  });

  test.each(["count", "pairs", "merge"])("trainWordPiece() stops when aborted in phase %s", async (phase) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let after = 0;
    const training = trainWordPiece(corpusLines, {
      signal: controller.signal,
      onProgress: (progress) => {
        if (controller.signal.aborted) after++;
        if (progress.phase === phase) controller.abort(reason);
      },
    });
    await expect(training).rejects.toBe(reason);
    expect(after).toBe(0);
  });

  test("trainWordPiece() lets timers run, so that a timer can abort it", async () => {
    const controller = new AbortController();
    let merging = false;
    const training = trainWordPiece(corpusLines, {
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase !== "merge" || merging) return;
        merging = true;
        setTimeout(() => controller.abort(), 0);
      },
    });
    await expect(training).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  });

  test("trainWordPiece() reads nothing when aborted before, and closes its source when aborted later", async () => {
    let read = 0;
    let closed = false;
    const source = (function* () {
      try {
        for (;;) {
          read++;
          yield "가나다 ".repeat(1000);
        }
      } finally {
        closed = true;
      }
    })();
    await expect(trainWordPiece(source, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    expect(read).toBe(0);
    await expect(trainWordPiece(source, { signal: AbortSignal.timeout(20) })).rejects.toThrow(/time/);
    expect(closed).toBe(true);
  });
});

describe("bad input", () => {
  test.each<[unknown, string]>([
    [["가", 3], "each line must be a string, or a Uint8Array of UTF-8: line 2 is number"],
    [["가", null], "line 2 is null"],
    [[new Map()], "line 1 is Map"],
    ["가나", "lines must be an iterable of lines: it is one string"],
    [new Uint8Array(2), "lines must be an iterable of lines: it is one Uint8Array"],
    [undefined, "lines must be an iterable of lines: it is undefined"],
    [null, "lines must be an iterable of lines: it is null"],
    [{}, "lines must be an iterable of lines: it is Object"],
  ])("trainWordPiece() refuses lines %j", async (lines, message) => {
    const training = trainWordPiece(lines as string[]);
    await expect(training).rejects.toThrow(TypeError);
    await expect(training).rejects.toThrow(message);
  });

  test.each<[TrainWordPieceOptions, typeof RangeError | typeof TypeError, string]>([
    [{ vocabSize: 0 }, RangeError, "vocabSize must be an integer from 1 to 2097150: current value is 0"],
    [{ vocabSize: 2.5 }, RangeError, "current value is 2.5"],
    [{ vocabSize: "9" as unknown as number }, TypeError, "vocabSize must be a number: it is string"],
    [{ vocabSize: 5 }, RangeError, "vocabSize is 5, specialTokens are 5"],
    [
      { vocabSize: 8 },
      RangeError,
      "vocabSize must be at least 9 for the special tokens, 2 characters and 2 continuing",
    ],
    [{ minFrequency: -1 }, RangeError, "minFrequency must be an integer from 0"],
    [{ minFrequency: NaN }, RangeError, "current value is NaN"],
    [{ limitAlphabet: -1 }, RangeError, "limitAlphabet must be an integer from 0"],
    [{ alphabet: ["가", "나", "가"] }, RangeError, 'alphabet must hold each character once: entry 2, "가"'],
    [
      { alphabet: ["가나"] },
      RangeError,
      'each entry of alphabet must be one character (one code point): entry 0 is "가나"',
    ],
    [{ alphabet: [""] }, RangeError, 'entry 0 is ""'],
    [{ alphabet: ["\ud800"] }, RangeError, "one code point"],
    [{ alphabet: ["가"], initialAlphabet: ["가"] }, TypeError, "both alphabet and initialAlphabet"],
    [{ initialAlphabet: ["👨‍👩‍👧"] }, RangeError, "each entry of initialAlphabet must be one character"],
    [{ continuingOrder: ["##가"] }, RangeError, "each entry of continuingOrder must be one character"],
    [
      { continuingOrder: [7 as unknown as string] },
      TypeError,
      "continuingOrder must hold strings: entry 0 is number",
    ],
    [{ continuingOrder: "hash" as "codepoint" }, TypeError, 'it is "hash"'],
    [{ specialTokens: [""] }, TypeError, "one is empty"],
    [{ continuingSubwordPrefix: "" }, RangeError, "continuingSubwordPrefix must start with punctuation"],
    [{ continuingSubwordPrefix: "가" }, RangeError, 'current value is "가"'],
    [{ maxBytes: 1000 }, RangeError, "maxBytes must be an integer from 65536"],
  ])("trainWordPiece() refuses options %j", async (options, type, message) => {
    const training = trainWordPiece(["가나", "나가"], options);
    await expect(training).rejects.toThrow(type);
    await expect(training).rejects.toThrow(message);
  });

  test.each([[[]], [[""]], [[" \t", "\u200b"]]])(
    "trainWordPiece() refuses the empty corpus %j",
    async (lines) => {
      const training = trainWordPiece(lines);
      await expect(training).rejects.toThrow(RangeError);
      await expect(training).rejects.toThrow(`holds no word: it has ${lines.length} lines`);
    },
  );

  test("trainFromWordCounts() and mergeWordCounts() refuse counts that were posted away", async () => {
    const counts = await countWords(["가나"]);
    structuredClone(counts, { transfer: [counts.units.buffer, counts.starts.buffer, counts.counts.buffer] });
    await expect(trainFromWordCounts(counts)).rejects.toThrow(TypeError);
    expect(() => mergeWordCounts([counts])).toThrow("must be a result of countWords");
  });

  test("trainWordPiece() passes on what its source or its callback throws", async () => {
    const error = new Error("disk");
    const source = (function* () {
      yield "가";
      throw error;
    })();
    await expect(trainWordPiece(source)).rejects.toBe(error);
    const onProgress = (): void => {
      throw error;
    };
    await expect(trainWordPiece(["가"], { onProgress })).rejects.toBe(error);
  });
});

// --- internal ---

function readVocab(file: string): string[] {
  return gunzipSync(readFileSync(new URL(file, golden)))
    .toString("utf8")
    .trimEnd()
    .split("\n");
}

/** A vocabulary in hash order gives the order of its characters; the rest must follow from that. */
function goldenOptions(run: GoldenRun, vocab: string[]): TrainWordPieceOptions {
  const options = {
    vocabSize: run.vocab_size,
    limitAlphabet: run.limit_alphabet,
    minFrequency: run.min_frequency,
  };
  if (!run.order.startsWith("hash")) return options;
  const isCharacter = (token: string): boolean => Array.from(token).length === 1;
  const continuing = vocab.filter((token) => token.startsWith("##") && isCharacter(token.slice(2)));
  return {
    ...options,
    alphabet: vocab.filter(isCharacter),
    continuingOrder: continuing.map((token) => token.slice(2)),
  };
}

function counted({ lines, words, distinct_words: distinctWords }: typeof meta.corpus): {
  lines: number;
  words: number;
  distinctWords: number;
} {
  return { lines, words, distinctWords };
}

async function* lazily(lines: string[]): AsyncGenerator<string> {
  yield* lines;
}

function* chunks(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function expectObvious(words: Map<string, number>, options: TrainFromWordCountsOptions): Promise<void> {
  const lines = [...words].map(([word, times]) => `${word} `.repeat(times));
  const { tokens, report } = await trainWordPiece(lines, options);
  const expected = obviousTrain(words, options);
  expect(tokens).toEqual(expected.tokens);
  expect(report.merges).toBe(expected.merges);
}

/** Byte-pair encoding on strings, which counts everything anew before each merge. */
function obviousTrain(
  words: Map<string, number>,
  {
    vocabSize = 30_000,
    minFrequency = 2,
    limitAlphabet = 1000,
    initialAlphabet = [],
    alphabet,
    continuingOrder = [],
    specialTokens = specials,
  }: TrainFromWordCountsOptions,
): { tokens: string[]; merges: number } {
  const tokens = new Set(specialTokens);
  const characters = new Map<string, number>();
  for (const [word, times] of words) {
    for (const character of word) characters.set(character, (characters.get(character) ?? 0) + times);
  }
  for (const character of initialAlphabet) characters.set(character, Infinity);
  const kept =
    alphabet ??
    [...characters]
      .sort(([a, x], [b, y]) => (x === y ? a.codePointAt(0)! - b.codePointAt(0)! : y > x ? 1 : -1))
      .slice(0, limitAlphabet)
      .map(([character]) => character)
      .sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  for (const character of kept) tokens.add(character);

  const split = [...words].map(([word, times]) => ({
    times,
    symbols: Array.from(word, (character, i) => ({
      character,
      token: i === 0 ? character : `##${character}`,
    }))
      .filter(({ character }) => kept.includes(character))
      .map(({ token }) => token),
  }));
  const within = new Set(split.flatMap(({ symbols }) => symbols.filter((symbol) => symbol.startsWith("##"))));
  const order = [
    ...(typeof continuingOrder === "string" ? [] : continuingOrder),
    ...kept.toSorted((a, b) => a.codePointAt(0)! - b.codePointAt(0)!),
  ];
  for (const character of order) if (within.has(`##${character}`)) tokens.add(`##${character}`);

  let merges = 0;
  for (; tokens.size < vocabSize; merges++) {
    const ids = new Map([...tokens].map((token, id) => [token, id]));
    const pairs = new Map<string, number>();
    for (const { symbols, times } of split) {
      for (let i = 1; i < symbols.length; i++) {
        const pair = `${symbols[i - 1]} ${symbols[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + times);
      }
    }
    const [best] = [...pairs]
      .map(([pair, count]) => ({ parts: pair.split(" "), count }))
      .filter(({ count }) => count >= Math.max(1, minFrequency))
      .sort(
        (a, b) =>
          b.count - a.count ||
          ids.get(a.parts[0]!)! - ids.get(b.parts[0]!)! ||
          ids.get(a.parts[1]!)! - ids.get(b.parts[1]!)!,
      );
    if (best === undefined) break;
    const [left, right] = best.parts as [string, string];
    const merged = left + right.slice(2);
    tokens.add(merged);
    for (const word of split) {
      const symbols: string[] = [];
      for (let i = 0; i < word.symbols.length; i++) {
        const both = word.symbols[i] === left && word.symbols[i + 1] === right;
        symbols.push(both ? merged : word.symbols[i]!);
        if (both) i++;
      }
      word.symbols = symbols;
    }
  }
  return { tokens: [...tokens], merges };
}
