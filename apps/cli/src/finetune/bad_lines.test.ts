/** Files in which lines are broken in every way that is known: nothing of them is learnt that nobody is told of. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/run_cli.ts";
import { customTask } from "./custom_task.ts";
import type { LabelledRecords, QuestionRecords, TextRecords, WordRecords } from "./labelled_records.ts";
import { LineProblems } from "./line_problems.ts";
import { loadRecords } from "./load_records.ts";
import { type Task, TASKS } from "./tasks.ts";

const root = temporaryFolder();
const { signal } = new AbortController();
let files = 0;

/** Learn from a file; what was found, and what was told of it. */
async function read(
  task: Task,
  content: string | Uint8Array,
  { strict = false, ending = "tsv" } = {},
): Promise<{
  records: LabelledRecords;
  problems: LineProblems;
}> {
  const train = join(root, `${files++}.${ending}`);
  writeFileSync(train, content);
  const problems = new LineProblems({ strict });
  const {
    train: records,
    dev,
    test,
  } = await loadRecords({ ...task, files: {} }, { files: { train }, problems, signal });
  for (const part of [dev, test]) {
    if (part?.kind !== "texts" || records.kind !== "texts") continue; // one file that is divided
    records.texts.push(...part.texts);
    records.labels.push(...part.labels);
  }
  return { records, problems };
}

/** Lines that were left out, and lines that were kept with a remark. */
function counts(problems: LineProblems): { leftOut: number; remarked: number } {
  const sum = (kept: boolean) =>
    problems.list.reduce((all, one) => all + (one.kept === kept ? one.lines : 0), 0);
  return { leftOut: sum(false), remarked: sum(true) };
}

/** A line, and what must become of it. */
interface Case {
  readonly line: string;
  readonly fate: "kept" | "remarked" | "left out";
  readonly text?: string;
}

const word = fc.stringMatching(/^[가-힣a-z0-9]{1,6}$/);
const words = fc.array(word, { minLength: 1, maxLength: 4 }).map((all) => all.join(" "));
const endings = fc.constantFrom("\n", "\r\n");
const marks = fc.constantFrom("", "\uFEFF");

/** What is learnt of a file is told line for line, whatever the mixture, the line ends and the mark before it. */
async function isToldLineForLine(
  task: Task,
  cases: readonly Case[],
  { header, end, mark, ending = "tsv" }: { header?: string; end: string; mark: string; ending?: string },
  textOf: (records: LabelledRecords) => string[],
): Promise<void> {
  const content =
    mark + [...(header === undefined ? [] : [header]), ...cases.map(({ line }) => line)].join(end);
  const wanted = (fate: Case["fate"]) => cases.filter((one) => one.fate === fate).length;
  if (wanted("left out") === cases.length) return; // nothing to learn from is refused as a whole
  const { records, problems } = await read(task, content, { ending });
  expect(counts(problems)).toEqual({ leftOut: wanted("left out"), remarked: wanted("remarked") });
  const wantedTexts = cases.filter(({ fate }) => fate !== "left out").map(({ text = "" }) => text);
  const ordered = (texts: string[]) => (ending === "txt" ? texts.toSorted() : texts); // a file that is divided
  expect(ordered(textOf(records))).toEqual(ordered(wantedTexts));
  const strict = read(task, content, { strict: true, ending });
  if (wanted("kept") === cases.length) await strict;
  else await expect(strict).rejects.toThrow(/^Cannot use line \d+ of /);
}

describe("tables", () => {
  const tables = [...TASKS.values()].filter(({ format }) => format.reader === "table");

  test("there are ten of them", () => {
    expect(tables).toHaveLength(10);
  });

  test.each(tables.map((task) => [task.name, task] as const))("%s", async (_, task) => {
    if (task.format.reader !== "table") throw new TypeError("no table");
    const { text, pair, label, values, range } = task.format;
    const labels = typeof label === "string" ? [label] : label;
    const columns = ["id", text, ...(pair === undefined ? [] : [pair]), ...labels, "more"];
    const right = range === undefined ? (values ?? ["0", "1"]) : ["0", "2.5", "5.000"];
    const wrong = [
      "",
      "7",
      "-1",
      "NaN",
      "Infinity",
      "0x1",
      "constructor",
      "null",
      "１",
      ...(range === undefined ? ["0.5"] : ["5.01", "-0.1"]),
    ];
    const good = fc.record({ text: words, pair: words, label: fc.constantFrom(...right) });
    const lineOf = ({ text, pair: second, label }: { text: string; pair: string; label: string }) =>
      ["1", text, ...(pair === undefined ? [] : [second]), ...labels.map(() => label), "x"].join("\t");
    const cases: fc.Arbitrary<Case> = good.chain((record) =>
      fc.oneof(
        {
          weight: 3,
          arbitrary: fc.constant<Case>({ line: lineOf(record), fate: "kept", text: record.text }),
        },
        fc.constantFrom<Case>(
          { line: lineOf(record).replace(/\tx$/, ""), fate: "left out" }, // a column too few
          { line: `${lineOf(record)}\ty`, fate: "left out" }, // one too many
          { line: lineOf({ ...record, text: `${record.text}\t` }), fate: "left out" }, // a tab within the text
          { line: lineOf(record).replaceAll(/[^\t]/g, ""), fate: "left out" }, // all columns empty
          { line: lineOf({ ...record, text: " " }), fate: "left out" },
          ...(pair === undefined
            ? []
            : [{ line: lineOf({ ...record, pair: "" }), fate: "left out" } as const]),
        ),
        fc
          .constantFrom(...wrong)
          .map<Case>((label) => ({ line: lineOf({ ...record, label }), fate: "left out" })),
        fc
          .constantFrom(
            `"${record.text}"`,
            `"${record.text}`,
            `${record.text}"`,
            `${record.text}\0`,
            `a\r${record.text}`,
          )
          .map<Case>((odd) => ({ line: lineOf({ ...record, text: odd }), fate: "remarked", text: odd })),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(cases, { minLength: 1, maxLength: 12 }),
        endings,
        marks,
        async (all, end, mark) =>
          isToldLineForLine(task, all, { header: columns.join("\t"), end, mark }, (records) => {
            const { texts, labels: found } = records as TextRecords;
            expect(found).toHaveLength(texts.length * labels.length);
            for (const one of found) expect(one >= 0 && one <= (range?.[1] ?? right.length - 1)).toBe(true);
            return texts;
          }),
      ),
      { numRuns: 40 },
    );
  });

  test("a text with a line break in quotes is two lines, none of which is learnt from unseen", async () => {
    const lines = [
      "question1\tquestion2\tis_duplicate",
      "가\t나\t0",
      '다\t"라',
      '마"\t1',
      '바\t"사',
      '아"\t차\t1',
    ];
    const { records, problems } = await read(TASKS.get("question-pair")!, lines.join("\n"));
    expect((records as TextRecords).texts).toEqual(["가", '아"']);
    expect(problems.list.map(({ reason, lines }) => [reason, lines])).toEqual([
      ["they have other columns than the header's 3", 3],
      ["their text begins or ends with a quote that has no other half", 1],
    ]);
  });

  test.each([
    [
      "a header that names a column twice",
      "document\tdocument\tlabel\n가\t나\t1\n",
      "has the column document more than once",
    ],
    ["a header without one", "document\n가\n", "has no column label"],
    ["lines that end in CR alone", "document\tlabel\r가\t1\r", "has no column label"],
    ["UTF-16", Buffer.from("\uFEFFdocument\tlabel\n가\t1\n", "utf16le"), "is not part of a character"],
    [
      "CP949",
      Uint8Array.of(...Buffer.from("document\tlabel\n"), 0xb0, 0xa1, 0x09, 0x31),
      "is not part of a character",
    ],
    ["nothing", "", "it is empty"],
  ])("%s is refused as a whole", async (_, content, message) => {
    await expect(read(TASKS.get("nsmc")!, content)).rejects.toThrow(message);
  });
});

test("JSON lines", async () => {
  const columns = { text: "text", pair: undefined, label: "label", problem: "classes" as const };
  const known = join(root, "known.jsonl");
  writeFileSync(known, '{"text": "가", "label": "a"}\n{"text": "나", "label": 1}\n');
  const task = await customTask({ ...columns, train: known, signal });
  const cases: fc.Arbitrary<Case> = words.chain((text) =>
    fc.oneof(
      fc.constantFrom<Case>(
        { line: JSON.stringify({ text, label: "a", more: [1] }), fate: "kept", text },
        { line: JSON.stringify({ label: 1, text }), fate: "kept", text },
      ),
      fc.constantFrom<Case>(
        ...[
          "{",
          `"${text}"`,
          "[]",
          "null",
          `{"text": "${text}"`,
          "\t",
          `{"label": "a"}`,
          `{"text": 3, "label": "a"}`,
          `{"text": null, "label": "a"}`,
        ].map((line) => ({ line, fate: "left out" as const })),
        ...[null, [], {}, "b", "", true, 2, "toString"].map((label) => ({
          line: JSON.stringify({ text, label }),
          fate: "left out" as const,
        })),
        { line: JSON.stringify({ text: " ", label: "a" }), fate: "left out" },
        {
          line: JSON.stringify({ text: `${text}\u0000`, label: "a" }),
          fate: "remarked",
          text: `${text}\u0000`,
        },
      ),
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(cases, { minLength: 1, maxLength: 12 }),
      endings,
      marks,
      async (all, end, mark) =>
        isToldLineForLine(
          task,
          all,
          { end, mark, ending: "jsonl" },
          (records) => (records as TextRecords).texts,
        ),
    ),
    { numRuns: 60 },
  );
});

test("text, bar, label", async () => {
  const task: Task = { ...TASKS.get("hate-speech")!, format: { reader: "bar" } };
  const cases: fc.Arbitrary<Case> = words.chain((text) =>
    fc.constantFrom<Case>(
      { line: `${text}|1`, fate: "kept", text },
      { line: `${text}|x|0`, fate: "kept", text: `${text}|x` },
      { line: text, fate: "left out" },
      { line: `${text}|`, fate: "left out" },
      { line: `${text}|2`, fate: "left out" },
      { line: ` |1`, fate: "left out" },
      { line: `${text}|0\r${text}|1`, fate: "remarked", text: `${text}|0\r${text}` }, // lines that end in CR alone
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(cases, { minLength: 1, maxLength: 12 }),
      endings,
      marks,
      async (all, end, mark) =>
        isToldLineForLine(
          task,
          all,
          { end, mark, ending: "txt" },
          (records) => (records as TextRecords).texts,
        ),
    ),
    { numRuns: 60 },
  );
});

describe("named entities", () => {
  /** A word, and what must become of its line. */
  const rows = (tags: readonly string[], row: (word: string, tag: string) => string): fc.Arbitrary<Case> =>
    word.chain((text) =>
      fc.oneof(
        fc.constantFrom(...tags).map<Case>((tag) => ({ line: row(text, tag), fate: "kept", text })),
        fc.constantFrom<Case>(
          { line: row(text, "B_XX"), fate: "remarked", text },
          { line: row(text, ""), fate: "remarked", text },
          { line: row("", tags[0]!), fate: "remarked", text: "" },
          { line: row(`${text}\0`, tags[0]!), fate: "remarked", text: `${text}\0` },
          { line: `${row(text, tags[0]!)}\tx\ty`, fate: "left out" },
          { line: `1 ${text}`, fate: "left out" },
        ),
      ),
    );

  test.each<[string, readonly string[], (word: string, tag: string) => string]>([
    ["kmou-ner", ["O", "B_PS", "B_LC"], (text, tag) => `1\t${text}\tNNG\t${tag}`],
    ["naver-ner", ["-", "PER_B", "PER_I"], (text, tag) => `1\t${text}\t${tag}`],
  ])("%s: every word is there, with a tag that is known", async (name, tags, row) => {
    const task = TASKS.get(name)!;
    const known = new Set("labels" in task.head ? task.head.labels : []);
    await fc.assert(
      fc.asyncProperty(
        fc.array(rows(tags, row), { minLength: 1, maxLength: 12 }),
        endings,
        marks,
        async (all, end, mark) =>
          isToldLineForLine(task, all, { end, mark }, (records) => {
            const { words: found, tags } = records as WordRecords;
            for (const tag of tags.flat()) expect(known.has(tag), tag).toBe(true);
            return found.flat();
          }),
      ),
      { numRuns: 60 },
    );
  });

  test("what goes on with an entity of an unknown kind is no entity, and is told", async () => {
    const { records, problems } = await read(
      TASKS.get("kmou-ner")!,
      "1\t가\tNNG\tB_XX\n1\t나\tNNG\tI\n2\t다\tNNG\tB_PS\n",
    );
    expect(records).toMatchObject({ words: [["가", "나", "다"]], tags: [["O", "O", "B-PS"]] });
    expect(counts(problems).remarked).toBe(2);
  });

  test("a sentence with more words than tags is left out whole", async () => {
    const { records, problems } = await read(TASKS.get("naver-ner")!, "가 나\tO\n다 라\tPER-B O\n");
    expect(records).toMatchObject({ words: [["다", "라"]] });
    expect(counts(problems)).toEqual({ leftOut: 1, remarked: 0 });
  });
});

describe("questions", () => {
  const task = TASKS.get("korquad")!;
  const context = "수도는 서울이다.";
  const right = { text: "서울", answer_start: 4 };
  const fileOf = (qas: readonly unknown[], text: unknown = context) =>
    JSON.stringify({ data: [{ paragraphs: [{ context: text, qas }] }] });
  const sound = { id: "sound", question: "어디?", answers: [right] };

  test.each<[string, unknown, string]>([
    [
      "an answer elsewhere",
      { id: "q", question: "?", answers: [{ ...right, answer_start: 5 }] },
      "answer does not stand",
    ],
    [
      "an answer at no place",
      { id: "q", question: "?", answers: [{ ...right, answer_start: "4" }] },
      "answer does not stand",
    ],
    [
      "an answer before the text",
      { id: "q", question: "?", answers: [{ text: "수도", answer_start: -3 }] },
      "answer does not stand",
    ],
    [
      "an answer between characters",
      { id: "q", question: "?", answers: [{ ...right, answer_start: 4.5 }] },
      "answer does not stand",
    ],
    [
      "an empty answer",
      { id: "q", question: "?", answers: [{ text: "", answer_start: 4 }] },
      "answer does not stand",
    ],
    ["no answer", { id: "q", question: "?", answers: [] }, "answer does not stand"],
    ["an empty question", { id: "q", question: " ", answers: [right] }, "a question without a text"],
    ["a question that is a number", { id: "q", question: 3, answers: [right] }, "a question without a text"],
    ["the id of another", { id: "sound", question: "?", answers: [right] }, "the id of another"],
  ])("%s is left out", async (_, question, reason) => {
    const { records, problems } = await read(task, fileOf([sound, question]), { ending: "json" });
    expect((records as QuestionRecords).questions.map(({ id }) => id)).toEqual(["sound"]);
    expect(problems.list).toMatchObject([{ kept: false, lines: 1, reason: expect.stringContaining(reason) }]);
    await expect(read(task, fileOf([sound, question]), { strict: true, ending: "json" })).rejects.toThrow(
      reason,
    );
  });

  test.each<[string, string]>([
    ["cut", fileOf([sound]).slice(0, -3)],
    ["of another shape", '{"data": [{"context": ""}]}'],
    ["a list", "[]"],
    ["answers that are no list", fileOf([{ ...sound, answers: right }])],
  ])("a file that is %s is refused", async (_, content) => {
    await expect(read(task, content, { ending: "json" })).rejects.toThrow("as questions in SQuAD's JSON");
  });

  test("a text that is none leaves its questions out", async () => {
    await expect(read(task, fileOf([sound], null), { ending: "json" })).rejects.toThrow(
      "the training set holds nothing",
    );
  });
});
