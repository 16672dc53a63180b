import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../failure.ts";
import { bucketPath } from "./buckets.ts";
import { type Engine, quoted } from "./duckdb.ts";
import { readJson, syncFile, writeDurably } from "./durable_files.ts";
import { KEYS } from "./row_key.ts";

/** The rows of a partition, as cleaning left them. */
export interface Bucket {
  /** The work folder. */
  readonly work: string;
  readonly partition: number;
  /** How long the bucket's file is. */
  readonly bucketBytes: number;
}

/** What one partition holds once each text is there only once. */
export interface DistinctPartition {
  /** Different texts. */
  readonly texts: number;
  /** Rows that these texts had. */
  readonly rows: number;
}

/**
 * Make the texts of a partition distinct, and write them to a file, one a line, in the corpus' order. Equal texts are in one
 * partition, and partitions follow each other in the order, so the partitions one after the other are the whole corpus,
 * distinct and shuffled. A text that occurs among the excluded ones goes, with all its lines.
 *
 * @param path Where the texts go.
 * @throws {CliError} If DuckDB cannot do it, or the bucket is damaged.
 */
export async function exportDistinct(
  engine: Engine,
  { work, partition, bucketBytes }: Bucket,
  path: string,
): Promise<DistinctPartition> {
  const result = await loadDistinct(engine, { work, partition, bucketBytes });
  if (result.texts > 0) await exportTexts(engine, "part", path);
  return result;
}

/**
 * Make the texts of a partition distinct, and keep them with their dates, for a sample to be drawn from all partitions.
 * The date that stays is that of the first line with the text. Done before, it is not done again.
 *
 * @throws {CliError} If DuckDB cannot do it, or the bucket is damaged.
 */
export async function keepDistinct(engine: Engine, bucket: Bucket): Promise<DistinctPartition> {
  const { work, partition } = bucket;
  const name = `distinct-${padded(partition)}.json`;
  const done = readJson(join(work, name)) as DistinctPartition | undefined;
  if (done !== undefined) return done;
  const result = await loadDistinct(engine, bucket);
  if (result.texts > 0) {
    const parquet = distinctPath(work, partition);
    const columns = "SELECT day, place, pick, text FROM part";
    await engine.run(`COPY (${columns}) TO ${quoted(parquet)} (FORMAT parquet, COMPRESSION lz4)`);
    syncFile(parquet);
  }
  writeDurably(work, name, JSON.stringify(result));
  rmSync(bucketPath(work, partition), { force: true });
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
 * Write the texts of a partition that are in the sample to a file, one a line, in the corpus' order.
 *
 * @returns Whether the partition has texts at all.
 */
export async function exportSampled(
  engine: Engine,
  { work, partition }: Pick<Bucket, "work" | "partition">,
  path: string,
): Promise<boolean> {
  const parquet = distinctPath(work, partition);
  if (!existsSync(parquet)) return false;
  const same = `coalesce(part.day, ${NO_DAY}) = sample.day AND part.pick <= sample.last`;
  await exportTexts(
    engine,
    `${quoted(parquet)} AS part JOIN ${quoted(samplePath(work))} AS sample ON ${same}`,
    path,
  );
  return true;
}

// --- internal ---

/** What stands for the day of texts without one. */
const NO_DAY = -2_147_483_648;
const ALL_PICKS = KEYS;

/** The rows of a bucket, as `row_writer.ts` writes them. */
const COLUMNS = "{text: 'VARCHAR', line: 'BIGINT', day: 'INTEGER', place: 'INTEGER', pick: 'INTEGER'}";

/** Fill the table `part`. */
async function loadDistinct(
  engine: Engine,
  { work, partition, bucketBytes }: Bucket,
): Promise<DistinctPartition> {
  if (bucketBytes === 0) return { texts: 0, rows: 0 };
  const bucket = bucketPath(work, partition);
  requireWhole(bucket, bucketBytes);
  // nothing in the file is quoted or escaped; only an empty column, a day, is NULL
  const source =
    `read_csv(${quoted(bucket)}, delim = '\t', header = false, auto_detect = false, quote = '', escape = '', ` +
    `new_line = '\\n', comment = '', max_line_size = 4194304, columns = ${COLUMNS})`;
  await engine.run(
    `CREATE OR REPLACE TEMP TABLE part AS
     SELECT arg_min(day, line) AS day, place, any_value(pick) AS pick, count(*) AS n, text FROM ${source}
     GROUP BY place, text HAVING min(line) >= 0`,
  );
  const [result] = await engine.rows("SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM part");
  return { texts: Number(result![0]), rows: Number(result![1]) };
}

function requireWhole(bucket: string, bytes: number): void {
  const { size } = statSync(bucket, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size === bytes) return;
  throw new CliError(
    `Cannot use ${bucket}: it has ${size} bytes, and ${bytes} were written; remove its folder and begin anew`,
  );
}

async function exportTexts(engine: Engine, from: string, path: string): Promise<void> {
  await engine.run(
    `COPY (SELECT part.text FROM ${from} ORDER BY part.place, part.text) TO ${quoted(path)}
     (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\t')`,
  );
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
