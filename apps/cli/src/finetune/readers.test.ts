import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { BertTokenizer } from "@kcbert/tokenizer";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/run_cli.ts";
import { customTask } from "./custom_task.ts";
import { encodeRecords } from "./encode_records.ts";
import type { QuestionRecords, TextRecords, WordRecords } from "./labelled_records.ts";
import { LineProblems } from "./line_problems.ts";
import { type DataOptions, loadRecords } from "./load_records.ts";
import { obfuscateAll } from "./obfuscate.ts";
import { TASKS } from "./tasks.ts";

const root = temporaryFolder();
const { signal } = new AbortController();
let folders = 0;

/** A folder with these files. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = join(root, String(folders++));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, name.endsWith(".gz") ? gzipSync(text) : text);
  }
  return folder;
}

function load(task: string, files: Readonly<Record<string, string>>, options: Partial<DataOptions> = {}) {
  const problems = options.problems ?? new LineProblems();
  return loadRecords(TASKS.get(task)!, { data: folderOf(files), problems, signal, ...options });
}

describe("texts", () => {
  test("NSMC: quotes stay, empty texts are learnt from by nobody but scored on, and all is told", async () => {
    const problems = new LineProblems();
    const header = "id\tdocument\tlabel\n";
    const train = `${header}1\t재밌다\t1\n2\t"최고 ""정말"" 최고"\t1\n3\t\t0\n4\t별로\t7\n5\t칸이\t하나\t0\n6\t끝줄 \u2028 그대로\t0`;
    const { train: records, test } = await load(
      "nsmc",
      { "nsmc/ratings_train.txt.gz": train, "nsmc/ratings_test.txt": `${header}9\t \t0\r\n10\t좋다\t1\r\n` },
      { problems },
    );
    expect(records).toEqual({
      kind: "texts",
      texts: ["재밌다", '"최고 ""정말"" 최고"', "끝줄 \u2028 그대로"],
      labels: [1, 1, 0],
    });
    expect(test).toEqual({ kind: "texts", texts: [" ", "좋다"], labels: [0, 1] });
    const told = problems.list.map(({ reason, kept, firstLine, lines }) => [reason, kept, firstLine, lines]);
    expect(told).toEqual([
      ["their text is quoted as in a CSV file", true, 3, 1],
      ["they have an empty text", false, 4, 1],
      ["their label is none that is known", false, 5, 1],
      ["they have other columns than the header's 3", false, 6, 1],
      ["they have an empty text", true, 2, 1],
    ]);
    expect(problems.describe()[1]).toMatch(
      /ratings_train.txt.gz: 1 line left out: they have an empty text \(the first is line 4\)/,
    );
  });

  test("under --strict the first such line is refused, and named", async () => {
    const files = { "ratings_train.txt": "id\tdocument\tlabel\n1\t좋다\t1\n2\t\t0\n" };
    const strict = load("nsmc", files, { problems: new LineProblems({ strict: true }) });
    await expect(strict).rejects.toThrow(
      /^Cannot use line 3 of .*ratings_train.txt: they have an empty text; without --strict it would be left out$/,
    );
  });

  test("a header without the column says which there are", async () => {
    const files = { "ratings_train.txt": "id\ttext\tlabel\n1\t좋다\t1\n" };
    await expect(load("nsmc", files)).rejects.toThrow('no column document, but "id", "text", "label"');
  });

  test("pairs, numbers, named classes and several labels", async () => {
    const sts = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n";
    const korsts = await load("korsts", {
      "sts-train.tsv": `${sts}a\tb\tc\t1\t3.800\t하나\t둘\na\tb\tc\t2\tx\t셋\t넷`,
      "sts-dev.tsv": `${sts}a\tb\tc\t1\t0\t다\t라`,
    });
    expect(korsts.train).toEqual({ kind: "texts", texts: ["하나"], pairs: ["둘"], labels: [3.8] });
    expect(korsts.dev).toMatchObject({ texts: ["다"], pairs: ["라"] });

    const hate = await load("hate-speech", {
      "train.tsv":
        "comments\tcontain_gender_bias\tbias\thate\n가\tFalse\tothers\thate\n나\tTrue\tgender\tnone\n",
    });
    expect((hate.train as TextRecords).labels).toEqual([2, 0]);

    const columns = [
      "문장",
      "여성/가족",
      "남성",
      "성소수자",
      "인종/국적",
      "연령",
      "지역",
      "종교",
      "기타 혐오",
      "악플/욕설",
      "clean",
      "개인지칭",
    ];
    const unsmile = await load("unsmile", {
      "unsmile_train_v1.0.tsv": `${columns.join("\t")}\n가\t1\t0\t0\t1\t0\t0\t0\t0\t0\t0\t1\n나\t0\t0\t0\t0\t0\t0\t0\t0\t0\t1\t0`,
    });
    expect((unsmile.train as TextRecords).labels).toEqual([
      1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ]);
  });

  test("question pairs: 0 is the same question", async () => {
    const { train } = await load("question-pair", {
      "train.tsv": "question1\tquestion2\tis_duplicate\n어이가 없네\t어이상실\t0\n어디\t언제\t1\n",
    });
    const { head } = TASKS.get("question-pair")!;
    const [first] = (train as TextRecords).labels;
    expect("labels" in head && head.labels[first!]).toBe("same");
  });

  test("curse detection: the last bar counts, no text is in two splits, and the split is always the same", async () => {
    const lines = Array.from({ length: 60 }, (_, i) => `글 ${i % 50} | 그리고|${i % 2}\r`);
    const files = { "curse-detection/dataset.txt": `${lines.join("\n")}\n막대 없음\r\n` };
    const problems = new LineProblems();
    const first = await load("curse-detection", files, { problems });
    const parts = [first.train, first.dev!, first.test!] as TextRecords[];
    expect(parts.map(({ texts }) => texts.length)).toEqual([40, 5, 5]);
    const texts = parts.flatMap(({ texts }) => texts);
    expect(new Set(texts).size).toBe(50);
    expect(texts.every((text) => text.endsWith("| 그리고"))).toBe(true);
    expect(problems.list).toMatchObject([{ reason: "they have no | between text and label", lines: 1 }]);
    expect(await load("curse-detection", files)).toEqual(first);
  });
});

describe("words", () => {
  test("KMOU: a bare I takes the kind that it goes on with; CRLF, comments and the end are minded", async () => {
    const problems = new LineProblems();
    const text = [
      "; 첫 문장",
      "$<첫 문장:PS>",
      "1\t홍\tNNP\tB_PS",
      "1\t길동\tNNP\tI",
      "2\t은\tJX\tO",
      "2\t서울\tNNP\tI",
      "",
      "; 둘째",
      "$둘째",
      "1\t둘째\tNNG\tB_DT",
      "1\t칸이 모자라\tO",
      "2\t년\tNNB\tI",
    ].join("\r\n");
    const { train } = await load("kmou-ner", { "ner.train.gz": text }, { problems });
    expect(train).toEqual({
      kind: "words",
      words: [
        ["홍", "길동", "은", "서울"],
        ["둘째", "년"],
      ],
      tags: [
        ["B-PS", "I-PS", "O", "O"],
        ["B-DT", "I-DT"],
      ],
    });
    expect(problems.list).toMatchObject([
      { reason: "their tag I follows no entity, and counts as O", kept: true, firstLine: 6 },
      { reason: "they have not four columns", kept: false, firstLine: 11 },
    ]);
  });

  test("Naver: both of its forms give the same", async () => {
    const [rows, lines] = [
      "1\t비토리오\tPER_B\n2\t양일\tDAT_B\n3\t만에\tDAT_I\n4\t왔다\t-\n\n1\t끝\t-\n",
      "비토리오 양일 만에 왔다\tPER-B DAT-B DAT-I O\n끝\tO\n",
    ];
    const loaded = await Promise.all([rows, lines].map((text) => load("naver-ner", { "train.tsv": text })));
    expect(loaded[0]!.train).toEqual(loaded[1]!.train);
    expect((loaded[0]!.train as WordRecords).tags).toEqual([["PER-B", "DAT-B", "DAT-I", "O"], ["O"]]);
    const problems = new LineProblems();
    await load("naver-ner", { "train.tsv": "가 나\tO\n다\tXYZ-B\n" }, { problems });
    expect(problems.list.map(({ kept }) => kept)).toEqual([false, true]);
  });

  test("the first token of a word carries its tag, words beyond the row none, and an emptied word is [UNK]", () => {
    const tokenizer = BertTokenizer.fromVocab([
      "[PAD]",
      "[UNK]",
      "[CLS]",
      "[SEP]",
      "[MASK]",
      "서",
      "##울",
      "에",
      "##서",
    ]);
    const records: WordRecords = {
      kind: "words",
      words: [["서울", "♡", "에서", "서울"]],
      tags: [["B-LC", "O", "B-PS", "I-PS"]],
    };
    const { head } = TASKS.get("kmou-ner")!;
    const clean = (text: string) => text.replace("♡", " ");
    const { texts, labels } = encodeRecords(records, head, { tokenizer, clean, maxLength: 7 }) as {
      texts: { ids: Int32Array };
      labels: Int32Array;
    };
    expect([...texts.ids]).toEqual([2, 5, 6, 1, 7, 8, 3]);
    expect([...labels]).toEqual([-100, 3, -100, 0, 7, -100, -100]);
  });
});

describe("questions", () => {
  const file = (answers: readonly { text: string; answer_start: number }[]) =>
    JSON.stringify({
      data: [
        {
          paragraphs: [
            { context: "😀 서울은 수도다. 부산은 항구다.", qas: [{ id: "q", question: "수도?", answers }] },
          ],
        },
      ],
    });

  test("KorQuAD: code points become UTF-16 units, and an answer that does not stand there is left out", async () => {
    const problems = new LineProblems();
    const answers = [
      { text: "서울", answer_start: 2 },
      { text: "대전", answer_start: 2 },
    ];
    const { train } = await load("korquad", { "KorQuAD_v1.0_train.json": file(answers) }, { problems });
    expect((train as QuestionRecords).questions[0]!.answers).toEqual([{ text: "서울", start: 3 }]);
    expect(problems.list).toMatchObject([{ kept: true }]);
    await expect(load("korquad", { "KorQuAD_v1.0_train.json": "{}" })).rejects.toThrow(
      "as questions in SQuAD's JSON",
    );
  });

  test("the tokens of the answer are found within its words, and a window without it points at [CLS]", async () => {
    const vocab = [
      "[PAD]",
      "[UNK]",
      "[CLS]",
      "[SEP]",
      "[MASK]",
      "서",
      "##울",
      "##은",
      "수",
      "##도",
      "##다",
      "부",
      "##산",
      "항",
      "##구",
      "?",
      ".",
      "😀",
    ];
    const tokenizer = BertTokenizer.fromVocab(vocab);
    const { train } = await load("korquad", {
      "KorQuAD_v1.0_train.json": file([{ text: "부산", answer_start: 12 }]),
    });
    const { head } = TASKS.get("korquad")!;
    const encode = (maxLength: number) =>
      encodeRecords(train, head, { tokenizer, clean: (text) => text, maxLength }) as {
        texts: { ids: Int32Array; rowStarts: Int32Array };
        starts: Int32Array;
        ends: Int32Array;
      };
    const { texts, starts, ends } = encode(64);
    expect(tokenizer.decode(texts.ids.subarray(starts[0], ends[0]! + 1))).toBe("부산");
    const windows = encode(13);
    const answers = Array.from(windows.starts, (start, i) => [start, windows.ends[i]!] as const);
    expect(answers[0]).toEqual([0, 0]);
    const [from, row] = [windows.texts.rowStarts, answers.findIndex(([start]) => start > 0)];
    const ids = windows.texts.ids.subarray(from[row]! + answers[row]![0], from[row]! + answers[row]![1] + 1);
    expect(tokenizer.decode(ids)).toBe("부산");
  });
});

describe("splits", () => {
  const header = "id\tsentence1\tsentence2\tlabel\n";
  const dev = header + Array.from({ length: 20 }, (_, i) => `${i}\t가${i}\t나${i}\t${i % 2}\n`).join("");

  test("without a training set a part of the development set is learnt from, and scores are called not comparable", async () => {
    await expect(load("paws", { "dev_2k.tsv": dev })).rejects.toThrow(
      "--carve 0.8 would learn from a part of the development set",
    );
    const {
      train,
      dev: rest,
      test,
      incomparable,
    } = await load("paws", { "dev_2k.tsv": dev, "test_2k.tsv": dev }, { carve: 0.75 });
    expect([train, rest!, test!].map((part) => (part as TextRecords).texts.length)).toEqual([15, 5, 20]);
    expect(incomparable).toEqual(["learnt from 75 % of the development set, for want of the training set"]);
    const both = [...(train as TextRecords).texts, ...(rest as TextRecords).texts];
    expect(new Set(both).size).toBe(20);
  });

  test("a part of the training set may choose the model, and pairs and labels stay together", async () => {
    const {
      train,
      dev: chosen,
      incomparable,
    } = await load("paws", { "translated_train.tsv": dev }, { devPart: 0.2 });
    expect(incomparable).toEqual([]);
    for (const { texts, pairs, labels } of [train, chosen] as TextRecords[]) {
      texts.forEach((text, i) => {
        expect(pairs![i]!.slice(1)).toBe(text.slice(1));
        expect(labels[i]).toBe(Number(text.slice(1)) % 2);
      });
    }
    expect((chosen as TextRecords).texts).toHaveLength(4);
  });

  test("nothing to learn from is said plainly", async () => {
    await expect(load("nsmc", { "other.txt": "" })).rejects.toThrow(/has no ratings_train.txt/);
    await expect(load("nsmc", { "ratings_train.txt": "id\tdocument\tlabel\n" })).rejects.toThrow(
      "the training set holds nothing",
    );
  });
});

describe("a task of one's own", () => {
  test("classes are those of the file, in order of name or of number", async () => {
    const folder = folderOf({
      "a.tsv": "comment\tmood\n가\tsad\n나\tglad\n다\tsad\n",
      "b.jsonl": '{"comment": "가", "mood": 10}\n{"comment": "나", "mood": 9}\n{"comment": 3}\n',
    });
    const options = { text: "comment", pair: undefined, label: "mood", problem: "classes" as const, signal };
    const task = await customTask({ ...options, train: join(folder, "a.tsv") });
    expect(task.head).toMatchObject({ labels: ["glad", "sad"] });
    const json = await customTask({ ...options, train: join(folder, "b.jsonl") });
    expect(json.head).toMatchObject({ labels: ["9", "10"] });
    const problems = new LineProblems();
    const { train } = await loadRecords(json, {
      files: { train: join(folder, "b.jsonl") },
      problems,
      signal,
    });
    expect((train as TextRecords).labels).toEqual([1, 0]);
    expect(problems.list).toMatchObject([{ reason: "they have no string comment", lines: 1 }]);
  });

  test("a single class teaches nothing", async () => {
    const folder = folderOf({ "a.tsv": "text\tlabel\n가\tx\n" });
    const options = { text: "text", pair: undefined, label: "label", problem: "classes" as const, signal };
    await expect(customTask({ ...options, train: join(folder, "a.tsv") })).rejects.toThrow(
      "its column label holds 1 of them",
    );
  });
});

describe("hidden abuse", () => {
  const records = {
    texts: [
      ...Array.from({ length: 40 }, () => "야 시발 병신아"),
      ...Array.from({ length: 40 }, () => "오늘 날씨 좋다"),
      "ㅋㅋ",
      "나쁜 놈",
    ],
    labels: [...Array.from({ length: 40 }, () => 1), ...Array.from({ length: 40 }, () => 0), 0, 1],
  };

  test("every stem is rewritten, in other texts one word, and what offers nothing is left out", () => {
    const { texts, labels } = obfuscateAll(records, 1);
    expect(labels).toEqual(records.labels.slice(0, 80));
    for (const text of texts.slice(0, 40)) expect(text).not.toMatch(/시발|병신/);
    for (const text of texts.slice(40)) {
      const words = ["오늘", "날씨", "좋다"].filter((word) => text.includes(word));
      expect(words).toHaveLength(2);
    }
  });

  test("the rules are all used, and the seed alone decides", () => {
    const { texts } = obfuscateAll(records, 1);
    const wanted = [
      /시\d발/,
      /시[.*@\-_~!^/ㅡ]발/,
      /시 발/,
      /ㅅㅂ/,
      /ㅅl발|시ㅂㅏㄹ/,
      /쉬발|시뱔/,
      /[싯실싱]발/,
    ];
    for (const pattern of wanted)
      expect(
        texts.some((text) => pattern.test(text)),
        String(pattern),
      ).toBe(true);
    expect(obfuscateAll(records, 1)).toEqual(obfuscateAll(records, 1));
    expect(obfuscateAll(records, 2).texts).not.toEqual(texts);
  });
});
