import { BertForPreTraining, kcbertBase, type PretrainedSource } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as fc from "fast-check";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import "./_gradients.ts";
import type { PretrainEvent } from "./events.ts";
import { cutPairs, holdOutDocuments, pairSentences, type TokenizedDocuments } from "./next_sentence.ts";
import { pretrain, type PretrainOptions } from "./pretrain.ts";

/** Documents of lines of the given numbers of tokens; tokens count up through all of them. */
function documentsOf(lengths: readonly (readonly number[])[]): TokenizedDocuments {
  const rowStarts = [0];
  const documentStarts = [0];
  let next = 10;
  const ids = lengths.flatMap((document) => {
    const lines = document.flatMap((length) => {
      rowStarts.push(rowStarts.at(-1)! + length + 2);
      return [2, ...Array.from({ length }, () => next++), 3];
    });
    documentStarts.push(rowStarts.length - 1);
    next += 100; // so that the next document does not follow on
    return lines;
  });
  const arrays = [ids, rowStarts, documentStarts].map((values) => Int32Array.from(values));
  return { ids: arrays[0]!, rowStarts: arrays[1]!, documentStarts: arrays[2]! };
}

const pairing = { rowLength: 24, seed: 5, epoch: 0, clsId: 2, sepId: 3 };
const someDocuments = fc.array(fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 8 }), {
  minLength: 2,
  maxLength: 12,
});

describe("pairSentences()", () => {
  test("makes rows of two texts that fit; the second follows the first where the label says so", () => {
    fc.assert(
      fc.property(someDocuments, fc.nat(), fc.nat(5), (lengths, seed, epoch) => {
        const documents = documentsOf(lengths);
        const pairs = pairSentences(documents, { ...pairing, seed, epoch });
        expect(pairs.labels.length).toBeGreaterThan(0);
        for (const [i, label] of pairs.labels.entries()) {
          const row = [...pairs.ids.subarray(pairs.rowStarts[i], pairs.rowStarts[i + 1])];
          const second = pairs.secondStarts[i]!;
          expect(row.length).toBeLessThanOrEqual(24);
          expect([row[0], row[second - 1], row.at(-1)]).toEqual([2, 3, 3]);
          const [a, b] = [row.slice(1, second - 1), row.slice(second, -1)];
          expect(Math.min(a.length, b.length)).toBeGreaterThan(0);
          for (const text of [a, b]) {
            for (const [j, id] of text.entries()) expect(id).toBe(text[0]! + j); // lines one after another, cut at the ends only
          }
          const near = b[0]! - a.at(-1)!;
          if (label === 0) expect(near >= 1 && near < 50).toBe(true); // from the same document
          else expect(near > 50 || near < 0).toBe(true);
        }
      }),
    );
  });

  test("half of the second texts are from another document, a tenth of the rows is short", () => {
    const documents = documentsOf(Array.from({ length: 200 }, () => Array(100).fill(6)));
    const { labels, rowStarts } = pairSentences(documents, { ...pairing, rowLength: 64 });
    const part = labels.filter((label) => label === 1).length / labels.length;
    expect(part).toBeGreaterThan(0.45);
    expect(part).toBeLessThan(0.6); // a document that ends in a single line has no other choice
    const short = Array.from(labels, (_, i) => rowStarts[i + 1]! - rowStarts[i]!).filter(
      (length) => length < 40,
    );
    expect(short.length / labels.length).toBeGreaterThan(0.05);
    expect(short.length / labels.length).toBeLessThan(0.3);
  });

  test("repeats itself, and makes other pairs in another epoch", () => {
    const documents = documentsOf(Array.from({ length: 20 }, () => [5, 6, 7, 8]));
    const of = (epoch: number) => pairSentences(documents, { ...pairing, epoch }).ids.join();
    expect(of(1)).toBe(of(1));
    expect(of(1)).not.toBe(of(2));
  });

  test.each([
    ["one document", documentsOf([[4, 4]]), 24, /there are 1 documents with text/],
    ["rows without room", documentsOf([[4], [4]]), 4, /rowLength is 4/],
  ])("refuses %s", (_, documents, rowLength, says) => {
    expect(() => pairSentences(documents, { ...pairing, rowLength })).toThrow(says);
  });
});

test("cutPairs() tells the second text by its type, and ignores rows of padding", () => {
  const pairs = pairSentences(documentsOf([[3], [4]]), { ...pairing, shortProbability: 0 });
  const batch = cutPairs(pairs, { first: 0, count: 3, rowLength: 12, padId: 0 });
  expect(batch.nextSentenceLabels).toEqual(Int32Array.of(1, 1, -100));
  for (const row of [0, 1]) {
    const [ids, types] = [batch.inputIds, batch.tokenTypeIds!].map((all) => [
      ...all.subarray(12 * row, 12 * row + 12),
    ]);
    const end = ids!.indexOf(3);
    const last = ids!.indexOf(3, end + 1);
    expect(types).toEqual(ids!.map((_, i) => Number(i > end && i <= last)));
  }
  expect(batch.tokens).toBe(pairs.ids.length);
});

test("holdOutDocuments() parts the documents, whole", () => {
  const documents = documentsOf(Array.from({ length: 30 }, (_, i) => Array(1 + (i % 4)).fill(3)));
  const { train, heldOut } = holdOutDocuments(documents, 10, 7);
  expect(heldOut.rowStarts.length - 1).toBeGreaterThanOrEqual(10);
  expect(train.documentStarts.length + heldOut.documentStarts.length).toBe(32);
  expect(Int32Array.of(...train.ids, ...heldOut.ids).sort()).toEqual(documents.ids.slice().sort());
  expect(() => holdOutDocuments(documents, 74, 7)).toThrow(/two must be left to learn/);
});

describe("a BertForPreTraining", () => {
  const words = Array.from({ length: 12 }, (_, i) => `낱말${i}`);
  const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words]);
  /** Each document is about one of six things, of which its lines have the two words, in either order. */
  const all = Array.from({ length: 96 }, (_, i) => {
    const [one, other] = [words[2 * (i % 6)], words[2 * (i % 6) + 1]];
    return Array.from({ length: 6 }, (_, line) => (line % 2 === 0 ? `${one} ${other}` : `${other} ${one}`));
  });
  const { ids, rowStarts } = tokenizer.encodeBatch(all.flat());
  const documentStarts = Int32Array.from({ length: 97 }, (_, i) => 6 * i);
  const data = holdOutDocuments({ ids, rowStarts, documentStarts }, 180, 1);
  const options: PretrainOptions = {
    tokenizer,
    maxSteps: 300,
    batchSize: 16,
    rowLength: 15,
    learningRate: 5e-3,
    seed: 1,
    evaluations: 2,
    samples: ["낱말1 [MASK]"],
  };
  const newModel = () =>
    BertForPreTraining.init(
      {
        ...kcbertBase,
        vocabSize: tokenizer.vocabSize,
        hiddenSize: 32,
        numHiddenLayers: 1,
        numAttentionHeads: 2,
        intermediateSize: 64,
        maxPositionEmbeddings: 16,
        initializerRange: 0.1,
        attentionProbsDropoutProb: 0,
        hiddenDropoutProb: 0.05,
      },
      { seed: 3 },
    );
  beforeAll(async () => {
    await createWasmBackend();
    await tf.setBackend("wasm");
  });

  test("learns by both of its heads, and goes on bit for bit", async () => {
    const whole = newModel();
    const events = await collect(pretrain(whole, data, options));
    const scores = events.filter((event) => event.event === "eval");
    const [before, after] = [scores[0]!, scores.at(-1)!];
    expect(after.loss).toBeLessThan(before.loss - 2);
    // Always the answer that is right more often is right 65 times in 100, here; a sixth of the others cannot be known.
    expect(after.nextSentenceAccuracy).toBeGreaterThan(0.8);
    expect(before.nextSentenceAccuracy).toBeLessThan(0.7);

    const folder = new Map<string, Uint8Array>();
    const stop = new AbortController();
    const first = newModel();
    const checkpoint: PretrainOptions["checkpoint"] = (_, write) =>
      write(async (name, bytes) => void folder.set(name, bytes.slice()));
    for await (const event of pretrain(first, data, { ...options, checkpoint, signal: stop.signal })) {
      if (event.event === "step" && event.step === 170) stop.abort();
    }
    const source: PretrainedSource = async (name) => folder.get(name);
    const second = await BertForPreTraining.fromPretrained(source);
    await collect(pretrain(second, data, { ...options, resume: source }));
    for (const [key, parameter] of whole.parameters) {
      expect(second.parameters.get(key)!.dataSync(), key).toEqual(parameter.dataSync());
    }
    for (const model of [whole, first, second]) model.dispose();
  });

  test("is refused without documents, and in buckets", async () => {
    const model = newModel();
    const lines = { ids, rowStarts };
    await expect(collect(pretrain(model, { train: lines, heldOut: lines }, options))).rejects.toThrow(
      /^Cannot pretrain a BertForPreTraining as train has no documentStarts/,
    );
    await expect(collect(pretrain(model, data, { ...options, buckets: [8, 15] }))).rejects.toThrow(
      RangeError,
    );
    model.dispose();
  });
});

// --- internal ---

async function collect(events: AsyncIterable<PretrainEvent>): Promise<PretrainEvent[]> {
  const list: PretrainEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}
