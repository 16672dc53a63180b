/** `kcbert-cli corpus` on real reviews, against the same done in memory. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { cleanCorpus, countCodePoints } from "@kcbert/normalizer";
import { BertTokenizer, trainWordPiece } from "@kcbert/tokenizer";
import {
  decodeShard,
  parseShardIndex,
  readShard,
  type ShardIndex,
  tokenizerSha256,
} from "@kcbert/trainer/shards";
import { beforeAll, describe, expect, test } from "vitest";
import { ended, runCli, startCli, temporaryFolder } from "../../test/run_cli.ts";

const folder = temporaryFolder();
const rows = gunzipSync(
  readFileSync(new URL("../../../../examples/data/reviews.sample.tsv.gz", import.meta.url)),
)
  .toString()
  .trimEnd()
  .split("\n")
  .slice(0, 6000);
const texts = rows.map((row) => row.split("\t")[2]!);
const kept = [...cleanCorpus(texts)];
const table = file("reviews.tsv", `${rows.join("\n")}\n`);
const columns = ["--text-column=3", "--date-column=1"];
let tokenizer: BertTokenizer;
let vocab: string;

beforeAll(async () => {
  const { tokens } = await trainWordPiece(kept, { vocabSize: 2000, limitAlphabet: 600 });
  tokenizer = BertTokenizer.fromVocab(tokens);
  vocab = file("vocab.txt", tokenizer.vocabText());
});

describe("shards of tokens", () => {
  test("hold every text once, cleaned and tokenised, in an order that is none", async () => {
    const { output, report, index } = await make("tokens", [table, ...columns, "-t", vocab, "--shards=3"]);
    const found = (await sequencesOf(output, index)).map((ids) => ids.join(" "));
    const wanted = kept.map((text) => [...tokenizer.encode(text).ids].join(" "));
    expect(found.toSorted()).toEqual(wanted.toSorted());
    expect(found).not.toEqual(wanted);
    expect(index.shards.map(({ file }) => file)).toEqual(["00000.kcs", "00001.kcs", "00002.kcs"]);
    for (const { sequences } of index.shards) expect(Math.abs(sequences - kept.length / 3)).toBeLessThan(200);
    expect(index).toMatchObject({
      clean: "2021",
      sequences: kept.length,
      tokenizer: { sha256: await tokenizerSha256(tokenizer), vocabSize: tokenizer.vocabSize },
      recipe: { textColumn: "3", minLength: 10, sample: 1, seed: 1, shards: 3 },
    });
    const cleaned = texts.map((text) => [...cleanCorpus([text], { minLength: 0 })][0]!);
    const short = cleaned.filter((text) => countCodePoints(text) < 10).length;
    expect(report.lines).toMatchObject({
      read: rows.length,
      short,
      repeated: rows.length - short - kept.length,
      kept: kept.length,
      changed: cleaned.filter((text, i) => text !== texts[i]).length,
    });
    const ids = wanted.join(" ").split(" ").map(Number);
    const words = ids.filter((id) => id !== tokenizer.clsId && id !== tokenizer.sepId);
    const unknown = words.filter((id) => id === tokenizer.unkId).length;
    expect(report.tokens).toEqual({
      total: ids.length,
      unknownRate: expect.closeTo(unknown / words.length, 10) as number,
      cut: 0,
    });
    expect(report.lengths.reduce((sum, count, length) => sum + count * length, 0)).toBe(ids.length);
    expect(readdirSync(output).filter((name) => name.startsWith("."))).toEqual([]);
    expect(readFileSync(join(output, "lengths.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
  });

  test("are the same bytes with any number of threads, and by their own recipe", async () => {
    const one = await make("one", [table, ...columns, "-t", vocab, "--shards=3", "--threads=1"]);
    const again = await make("again", ["--config", join(one.output, "index.json"), "--threads=4"]);
    expect(again.index).toEqual(one.index);
    const seeded = await make("seeded", ["--config", join(one.output, "index.json"), "--seed=2"]);
    expect(seeded.index.sequences).toBe(one.index.sequences);
    expect(seeded.index.shards).not.toEqual(one.index.shards);
  });

  test("cut what is longer than --max-tokens, and keep its [SEP]", async () => {
    const { output, report, index } = await make("cut", [table, ...columns, "-t", vocab, "--max-tokens=16"]);
    const wanted = kept.map((text) => [
      ...tokenizer.encode(text, { maxLength: 16, truncation: "longest_first" }).ids,
    ]);
    const found = await sequencesOf(output, index);
    expect(found.map(String).toSorted()).toEqual(wanted.map(String).toSorted());
    const longer = kept.filter((text) => tokenizer.encode(text).ids.length > 16);
    expect(report.tokens!.cut).toBe(longer.length);
  });
});

test("a sample takes its share of every day, to within one text", async () => {
  const { output, report } = await make("tenth", [table, ...columns, "--sample=0.1", "--shards=2"]);
  const dayOf = new Map<string, string>();
  for (const row of rows) {
    const [text] = cleanCorpus([row.split("\t")[2]!]);
    if (text !== undefined && !dayOf.has(text)) dayOf.set(text, row.split("\t")[0]!);
  }
  const chosen = ["00000.txt.gz", "00001.txt.gz"].flatMap((name) =>
    gunzipSync(readFileSync(join(output, name)))
      .toString()
      .trimEnd()
      .split("\n"),
  );
  expect(chosen.length).toBe(Math.floor(kept.length * 0.1));
  expect(new Set(chosen).size).toBe(chosen.length);
  const count = (days: Iterable<string>) => {
    const counts = new Map<string, number>();
    for (const day of days) counts.set(day, (counts.get(day) ?? 0) + 1);
    return counts;
  };
  const all = count(dayOf.values());
  const some = count(chosen.map((text) => dayOf.get(text)!));
  for (const [day, n] of all) expect(Math.abs((some.get(day) ?? 0) - n * 0.1)).toBeLessThanOrEqual(1);
  expect(report.lines).toMatchObject({ kept: chosen.length, notSampled: kept.length - chosen.length });
  expect(report.tokens).toBeUndefined();
});

test("--exclude leaves out every text of other files, cleaned alike", async () => {
  const held = texts.filter((_, i) => i % 7 === 0);
  const exclude = file("test.tsv", `id\tdocument\n${held.map((text, i) => `${i}\t${text}♡`).join("\n")}`);
  const quoted = file("quoted.txt", `"${kept[0]}"\n"""${kept[1]!.replaceAll('"', '""""')}"""\n`);
  const flags = [`--exclude=${exclude}:document,${quoted}`];
  const { output, report } = await make("without", [table, ...columns, ...flags]);
  const gone = new Set([...cleanCorpus(held.map((text) => `${text}♡`)), kept[0], kept[1]]);
  const found = gunzipSync(readFileSync(join(output, "00000.txt.gz")))
    .toString()
    .trimEnd()
    .split("\n");
  expect(found.toSorted()).toEqual(kept.filter((text) => !gone.has(text)).toSorted());
  expect(report.lines.excluded).toBeGreaterThanOrEqual(gone.size);
});

describe("formats", () => {
  const lines = texts.slice(0, 500);
  const wanted = [...cleanCorpus(lines)].toSorted();
  const objects = lines.map((text, i) => JSON.stringify({ id: i, text, date: rows[i]!.split("\t")[0] }));

  const third = (part: number) => lines.filter((_, i) => i % 3 === part);
  const half = (part: number) => objects.filter((_, i) => i % 2 === part);

  test.each([
    [
      "lines, plain and compressed, with a byte order mark, with CR",
      [
        ["a.txt", () => third(0).join("\n")],
        ["b.txt.gz", () => gzipSync(third(1).join("\r\n"))],
        ["c.txt.zst", () => zstdCompressSync(`\uFEFF${third(2).join("\n")}`)],
      ],
      [],
    ],
    [
      "JSON objects, with blank lines between them",
      [
        ["d.jsonl", () => half(0).join("\n\n")],
        ["e.ndjson.zst", () => zstdCompressSync(half(1).join("\n"))],
      ],
      ["--date-column=date"],
    ],
    ["JSON objects under another name", [["f.csv", () => objects.join("\n")]], ["--format=jsonl"]],
    [
      "a table whose first line names its columns",
      [["g.tsv", () => ["text\tday", ...lines.map((text) => `${text}\t20120101`)].join("\n")]],
      ["--text-column=text", "--date-column=day"],
    ],
  ] as [string, [string, () => string | Uint8Array][], string[]][])("%s", async (name, files, flags) => {
    const paths = files.map(([path, content]) => file(path, content()));
    const { output, report } = await make(`from ${name}`, [...paths, ...flags]);
    expect(textsOf(output).toSorted()).toEqual(wanted);
    expect(Object.values(report.lines.problems)).toEqual([0, 0, 0, 0, 0]);
  });

  test("Parquet", async () => {
    const path = join(folder, "h.parquet");
    const rows = file("h.jsonl", objects.join("\n"));
    await duckDb(
      `COPY (SELECT text, date::DATE AS day FROM read_json('${rows}')) TO '${path}' (FORMAT parquet)`,
    );
    const { output, report } = await make("from-parquet", [path, "--date-column=day"]);
    expect(textsOf(output).toSorted()).toEqual(wanted);
    expect(report.lines.problems.date).toBe(0);
    const missing = await runCli(["corpus", path, "--text-column=body", "-o", join(folder, "none")]);
    expect(missing.stderr).toMatch(
      /^kcbert-cli: Cannot take column body of .*h\.parquet: it has text, day\n$/,
    );
  });

  test("standard input", async () => {
    const output = join(folder, "from-stdin");
    const { code, stderr } = await runCli(["corpus", "-", "-o", output, "--shards=2"], {
      input: lines.join("\n"),
    });
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("Prepared 500 lines") as string,
    });
    expect(textsOf(output).toSorted()).toEqual(wanted);
  });

  test("text that is not cleaned stays on its line", async () => {
    const path = file(
      "raw.jsonl",
      [`{"text":"한 줄\\n두 줄\\t세 줄 \\u0000!"}`, `{"text":"한자 漢字 그대로 둔다"}`].join("\n"),
    );
    const { output } = await make("raw", [path, "--clean=none"]);
    expect(textsOf(output).toSorted()).toEqual(
      ["한 줄 두 줄 세 줄 \u0000!", "한자 漢字 그대로 둔다"].toSorted(),
    );
    expect((await runCli(["corpus", path, "-o", output])).stderr).toMatch(
      /it holds a corpus already; name another/,
    );
  });
});

describe("lines that give no text", () => {
  const broken = Buffer.concat([
    Buffer.from(
      `2015-01-01\t9\t이 줄은 아무 문제가 없다\n2015-01-01\t9\n2015-99-01\t9\t날짜가 없는 날짜인 줄이다\n2015-01-02\t9\t`,
    ),
    Buffer.from([0xc0, 0xaf]),
    Buffer.from("\n2015-01-02\t3\t마지막 줄도 문제가 없다"),
  ]);

  test("are counted by what is wrong with them, and named", async () => {
    const path = file("broken.tsv", broken);
    const { report } = await make("broken", [path, ...columns]);
    expect(report.lines.problems).toEqual({ columns: 1, json: 0, key: 0, date: 1, encoding: 1 });
    expect(report.lines).toMatchObject({ read: 5, kept: 2 });
    expect(report.examples).toEqual([
      { input: path, line: 2, problem: "columns" },
      { input: path, line: 3, problem: "date" },
      { input: path, line: 4, problem: "encoding" },
    ]);
    const json = file("broken.jsonl", '{"text":"괜찮은 글이 여기에 있다"}\n{"text":3}\n[1]\n{"text"\n');
    const objects = await make("broken-json", [json]);
    expect(objects.report.lines.problems).toEqual({ columns: 0, json: 2, key: 1, date: 0, encoding: 0 });
  });

  test("are refused with --strict", async () => {
    const path = file("broken.tsv", broken);
    const output = join(folder, "strict");
    const { code, stderr } = await runCli(["corpus", path, ...columns, "-o", output, "--strict"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `kcbert-cli: Cannot take a text of line 2 of ${path}: it has too few columns; without --strict such lines are counted and left out\n`,
    );
    expect(existsSync(join(output, "index.json"))).toBe(false);
  });
});

test.each([
  [[table, "--text-column=body"], /Cannot take column body of .*: its first line names \d{4}-/],
  [[table], /Cannot take texts out of .* as it is a table: name its column with --text-column/],
  [
    [table, "--text-column=9"],
    /Cannot make a corpus as no text is left: line 1 of .* it has too few columns/,
  ],
  [
    [table, "--text-column=3", "--min-length=5000"],
    /no text is left: 6000 of 6000 lines are too short, 0 too long/,
  ],
  [[table, "--text-column=3", "--sample=0"], /Cannot use --sample 0: it takes a number above 0/],
  [
    [table, "--text-column=3", "--memory=1"],
    /Cannot use --memory 1: it takes an amount of bytes such as 4GB/,
  ],
  [[table, "--text-column=3", "--format=csv"], /Cannot use --format csv: it takes one of auto, lines, tsv/],
])("%j is refused", async (args, message) => {
  const { code, stderr } = await runCli(["corpus", ...args, "-o", join(folder, "refused"), "--overwrite"]);
  expect(stderr).toMatch(message);
  expect(code).toBeGreaterThan(0);
});

test("--dry-run says what would be done, and does nothing", async () => {
  const output = join(folder, "planned");
  const { stdout } = await runCli(["corpus", table, ...columns, "-o", output, "--dry-run", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    inputs: [{ file: table, bytes: statSync(table).size, format: "tsv" }],
    shards: 1,
    kind: "text",
  });
  expect(existsSync(output)).toBe(false);
});

test("a killed run goes on, and makes what one that was not killed makes", async () => {
  const large = file("large.tsv", `${rows.join("\n")}\n`.repeat(12)); // 7 MB: several checkpoints and blocks
  const args = [
    large,
    ...columns,
    "-t",
    vocab,
    "--shards=6",
    "--checkpoint=1MB",
    "--sample=0.5",
    "--threads=2",
  ];
  const whole = await make("whole", args);
  const output = join(folder, "killed");
  const work = join(output, ".work");
  const milestones = ["clean.json", "distinct-00001.json", "sample.json", "shard-00000.json"];
  for (const milestone of milestones) {
    const child = startCli(["corpus", ...args, "-o", output, "-q"]);
    const end = ended(child);
    while (child.exitCode === null && !existsSync(join(work, milestone))) await sleep(2);
    child.kill("SIGKILL");
    expect((await end).code, milestone).toBeNull();
    expect(existsSync(join(output, "index.json"))).toBe(false);
  }
  const other = await runCli(["corpus", ...args, "-o", output, "--seed=9"]);
  expect(other.stderr).toMatch(
    /it was begun with other settings \(seed\); use the same, or --overwrite to begin anew/,
  );
  const resumed = await make("killed", args);
  expect(resumed.index).toEqual(whole.index);
  expect(resumed.report).toMatchObject({
    lines: whole.report.lines,
    tokens: whole.report.tokens,
    bytes: whole.report.bytes,
  });
});

test("Ctrl-C ends with 130, and two processes do not work in one folder", async () => {
  const output = join(folder, "interrupted");
  const child = startCli(["corpus", "-", "-o", output]);
  const end = ended(child);
  child.stdin!.write(`${texts.join("\n")}\n`.repeat(20));
  while (!existsSync(join(output, ".work", "settings.json"))) await sleep(5);
  const second = await runCli(["corpus", "-", "-o", output], { input: "가나다라마바사아자차카타\n" });
  expect(second.stderr).toMatch(/Cannot work in .*: another process is at it \(\d+\)/);
  child.kill("SIGINT");
  expect(await end).toEqual({ code: 130, stdout: "", stderr: "" });
});

test.each(["deno", "bun"] as const)("the corpus is the same under %s", async (runtime) => {
  const args = [table, ...columns, "-t", vocab, "--shards=2", "--sample=0.3"];
  const node = existsSync(join(folder, "node")) ? indexOf("node") : (await make("node", args)).index;
  const output = join(folder, runtime);
  const { code, stderr } = await runCli(["corpus", ...args, "-o", output, "-q"], { runtime });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(indexOf(runtime)).toEqual(node);
});

// --- internal ---

interface Report {
  readonly lines: Readonly<Record<string, number>> & { readonly problems: Readonly<Record<string, number>> };
  readonly examples: readonly object[];
  readonly tokens?: { readonly total: number; readonly unknownRate: number; readonly cut: number };
  readonly lengths: readonly number[];
  readonly bytes: object;
}

function file(name: string, content: string | Uint8Array): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function make(
  name: string,
  args: readonly string[],
): Promise<{ output: string; report: Report; index: ShardIndex }> {
  const output = join(folder, name);
  const { code, stdout, stderr } = await runCli(["corpus", ...args, "-o", output, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return { output, report: JSON.parse(stdout) as Report, index: indexOf(name) };
}

function indexOf(name: string): ShardIndex {
  const text = readFileSync(join(folder, name, "index.json"), "utf8");
  return text.includes('"kcbert-text"') ? (JSON.parse(text) as ShardIndex) : parseShardIndex(text);
}

async function sequencesOf(output: string, { shards }: ShardIndex): Promise<number[][]> {
  const sequences: number[][] = [];
  for (const entry of shards) {
    const bytes = Uint8Array.from(readFileSync(join(output, entry.file)));
    expect(decodeShard(bytes).ids.length).toBe(entry.tokens);
    const { ids, rowStarts } = await readShard(bytes, entry);
    for (let i = 0; i < entry.sequences; i++)
      sequences.push([...ids.subarray(rowStarts[i], rowStarts[i + 1])]);
  }
  return sequences;
}

function textsOf(output: string): string[] {
  return readdirSync(output)
    .filter((name) => name.endsWith(".txt.gz"))
    .flatMap((name) =>
      gunzipSync(readFileSync(join(output, name)))
        .toString()
        .trimEnd()
        .split("\n"),
    );
}

async function duckDb(sql: string): Promise<void> {
  const { DuckDBInstance } = createRequire(import.meta.url)(
    "@duckdb/node-api",
  ) as typeof import("@duckdb/node-api");
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(sql);
  connection.closeSync();
}
