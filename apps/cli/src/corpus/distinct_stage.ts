import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../failure.ts";
import { bucketPath } from "./buckets.ts";
import { type Engine, quoted } from "./duckdb.ts";
import { readJson, syncFile, writeDurably } from "./durable_files.ts";

/** What one partition holds once each text is there only once. */
export interface DistinctPartition {
  /** Different texts. */
  readonly texts: number;
  /** Rows that these texts had. */
  readonly rows: number;
}

/**
 * Make the texts of a partition distinct, and put them into the corpus' order. The date that stays is that of the first
 * line with the text. A text that occurs among the excluded ones goes, with all its lines.
 *
 * Equal texts are in one partition, and partitions follow each other in the order, so the partitions one after the other
 * are the whole corpus, distinct and shuffled. Done before, it is not done again.
 *
 * @param rows Rows of the bucket, excluded ones included.
 * @throws {CliError} If DuckDB cannot do it, or the bucket is damaged.
 */
export async function makeDistinct(
  engine: Engine,
  work: string,
  partition: number,
  rows: number,
): Promise<DistinctPartition> {
  const name = `distinct-${padded(partition)}`;
  const done = readJson(join(work, `${name}.json`)) as DistinctPartition | undefined;
  if (done !== undefined) return done;
  const bucket = bucketPath(work, partition);
  const parquet = distinctPath(work, partition);
  const result = rows === 0 ? { texts: 0, rows: 0 } : await distinct(engine, bucket, parquet, rows);
  writeDurably(work, `${name}.json`, JSON.stringify(result));
  rmSync(bucket, { force: true });
  return result;
}

/** Where the distinct texts of a partition are; not there if it has none. */
export function distinctPath(work: string, partition: number): string {
  return join(work, `distinct-${padded(partition)}.parquet`);
}

/**
 * Draw the sample: of each day the texts with the lowest picks, so many that every day, and all days together, give the
 * wanted share to within one text. Texts without a date are one day.
 *
 * @param share Above 0, below 1.
 * @returns How many texts are in the sample.
 */
export async function drawSample(engine: Engine, work: string, share: number): Promise<number> {
  const done = readJson(join(work, "sample.json")) as { texts: number } | undefined;
  if (done !== undefined) return done.texts;
  const parts = `read_parquet(${quoted(join(work, "distinct-*.parquet"))})`;
  await engine.run(
    `CREATE OR REPLACE TABLE quotas AS
     SELECT day, floor($1 * upto)::BIGINT - floor($1 * (upto - n))::BIGINT AS quota,
       -- picks are uniform: but for one day in millions, the last of the quota lies below the bound
       CASE WHEN n < 1000 THEN ${ALL_PICKS}
         ELSE least(${ALL_PICKS}, ${ALL_PICKS} * ($1 + 6 * sqrt($1 * (1 - $1) / n))) END::BIGINT AS bound
     FROM (SELECT day, n, sum(n) OVER (ORDER BY day) AS upto
       FROM (SELECT coalesce(day, ${NO_DAY}) AS day, count(*) AS n FROM ${parts} GROUP BY ALL))`,
    [share],
  );
  await findLimits(engine, parts);
  const lacking = "FROM quotas LEFT JOIN limits USING (day) WHERE quota > coalesce(found, 0)";
  const [[low]] = (await engine.rows(`SELECT count(*) ${lacking}`)) as [[unknown]];
  if (Number(low) > 0) {
    await engine.run(`UPDATE quotas SET bound = ${ALL_PICKS} WHERE day IN (SELECT day ${lacking})`);
    await findLimits(engine, parts);
  }
  const [[texts]] = (await engine.rows("SELECT coalesce(sum(quota), 0)::BIGINT FROM quotas")) as [[unknown]];
  const sample = samplePath(work);
  await engine.run(
    `COPY (SELECT day, last FROM limits WHERE last IS NOT NULL) TO ${quoted(sample)} (FORMAT parquet)`,
  );
  syncFile(sample);
  writeDurably(work, "sample.json", JSON.stringify({ texts: Number(texts) }));
  return Number(texts);
}

/**
 * Write the texts of a partition, of the sample if one was drawn, to a file, one a line, in the corpus' order.
 *
 * @returns Whether there are any.
 */
export async function exportTexts(
  engine: Engine,
  work: string,
  partition: number,
  path: string,
): Promise<boolean> {
  const parquet = distinctPath(work, partition);
  if (!existsSync(parquet)) return false;
  const sample = samplePath(work);
  const sampled = existsSync(sample)
    ? `JOIN ${quoted(sample)} AS sample ON coalesce(part.day, ${NO_DAY}) = sample.day AND part.pick <= sample.last`
    : "";
  await engine.run(
    `COPY (SELECT part.text FROM ${quoted(parquet)} AS part ${sampled} ORDER BY part.place, part.text)
     TO ${quoted(path)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\t')`,
  );
  return true;
}

// --- internal ---

/** What stands for the day of texts without one. */
const NO_DAY = -2_147_483_648;
const ALL_PICKS = 2 ** 53;

/** The rows of a bucket, as `clean_block.ts` writes them. */
const COLUMNS = "{line: 'BIGINT', day: 'INTEGER', place: 'BIGINT', pick: 'BIGINT', text: 'VARCHAR'}";

async function distinct(
  engine: Engine,
  bucket: string,
  parquet: string,
  rows: number,
): Promise<DistinctPartition> {
  // nothing in the file is quoted or escaped; only an empty column, a day, is NULL
  const source =
    `read_csv(${quoted(bucket)}, delim = '\t', header = false, auto_detect = false, quote = '', escape = '', ` +
    `new_line = '\\n', comment = '', max_line_size = 4194304, columns = ${COLUMNS})`;
  await engine.run(
    `COPY (SELECT arg_min(day, line) AS day, place, pick, count(*) AS n, text FROM ${source}
       GROUP BY place, pick, text HAVING min(line) >= 0 ORDER BY place, text)
     TO ${quoted(parquet)} (FORMAT parquet, COMPRESSION lz4)`,
  );
  const [[read]] = (await engine.rows(`SELECT count(*) FROM ${source}`)) as [[unknown]];
  if (Number(read) !== rows) {
    throw new CliError(
      `Cannot use ${bucket}: it has ${String(read)} rows, and ${rows} were written; remove its folder and begin anew`,
    );
  }
  syncFile(parquet);
  const [result] = await engine.rows(`SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM ${quoted(parquet)}`);
  return { texts: Number(result![0]), rows: Number(result![1]) };
}

/** The last pick that each day's quota takes, and how many picks below the bound were looked at. */
async function findLimits(engine: Engine, parts: string): Promise<void> {
  await engine.run(
    `CREATE OR REPLACE TABLE limits AS
     SELECT day, max(pick) FILTER (nth <= quota) AS last, count(*) AS found
     FROM (SELECT quotas.day, quota, pick, row_number() OVER (PARTITION BY quotas.day ORDER BY pick) AS nth
       FROM ${parts} AS part JOIN quotas ON coalesce(part.day, ${NO_DAY}) = quotas.day AND part.pick <= bound)
     GROUP BY day`,
  );
}

function samplePath(work: string): string {
  return join(work, "sample.parquet");
}

function padded(partition: number): string {
  return String(partition).padStart(5, "0");
}
