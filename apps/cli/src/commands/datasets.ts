import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import type { ArgsDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { DATASETS, type Dataset } from "../datasets/catalog.ts";
import {
  type DatasetRecord,
  downloadDataset,
  type DownloadOptions,
  filesOf,
} from "../datasets/download_dataset.ts";
import { UsageError } from "../failure.ts";
import { openOutput } from "../io/output.ts";
import { localized } from "../locale/translate.ts";
import { formatBytes, formatDuration, type Progress, startProgress } from "../progress.ts";
import { useProxyFromEnvironment } from "../proxy.ts";
import { writeReport } from "../report.ts";
import { suggest } from "../suggest.ts";
import { padToWidth, styled } from "../terminal.ts";

const args = {
  action: {
    type: "positional",
    required: false,
    description: "list (what there is), or download and the names of what is wanted",
  },
  output: {
    type: "string",
    alias: "o",
    default: "data",
    valueHint: "folder",
    description: "Where the folders of the datasets go; finetune --data takes it",
  },
  mirror: {
    type: "string",
    valueHint: "url",
    description: "Ask this address instead: <url>/<host>/<path>; KCBERT_DATASETS_MIRROR says so, too",
  },
  ...commonArgs,
  "dry-run": { type: "boolean", description: "Say what would be downloaded, and do nothing" },
} as const satisfies ArgsDef;

/** `kcbert-cli datasets`. */
export const datasetsCommand: Command = defineExampledCommand(
  {
    meta: { description: "List and download the public data sets, with licence and checksum" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const [action = "list", ...names] = args._;
      if (action === "list") return list(args.json);
      if (action !== "download") throw unknownAction(action);
      useProxyFromEnvironment();
      const wanted = datasetsNamed(names);
      const mirror = args.mirror ?? process.env["KCBERT_DATASETS_MIRROR"];
      const options = { signal, mirror: mirror === "" ? undefined : requireUrl(mirror) };
      for (const dataset of wanted) {
        const folder = join(args.output, dataset.name);
        if (args["dry-run"] === true) await plan(dataset, folder, options, args);
        else await download(dataset, folder, options, args);
      }
    },
  },
  [
    ["kcbert-cli datasets", "What there is"],
    ["kcbert-cli datasets download nsmc korsts", "Into data/nsmc and data/korsts"],
    ["kcbert-cli datasets download kcbert-v1 -o corpora", "KcBERT's own corpus; after Ctrl-C it goes on"],
    [
      "kcbert-cli finetune nsmc --data data --model beomi/kcbert-base -o nsmc",
      "To train on what was downloaded",
    ],
  ],
);

// --- internal ---

interface Flags {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

async function list(json: boolean | undefined): Promise<void> {
  const output = openOutput(undefined);
  if (json === true) {
    for (const dataset of DATASETS) await output.write(`${JSON.stringify(dataset)}\n`);
    return;
  }
  for (const { name, title, licence, notice, home } of DATASETS) {
    const heading = styled("cyan", padToWidth(name, 16), process.stdout);
    const more = notice === undefined ? "" : `. ${notice}`;
    await output.write(
      `${heading} ${title}\n${" ".repeat(17)}${licence}${more}\n${" ".repeat(17)}${home}\n\n`,
    );
  }
}

function unknownAction(action: string): UsageError {
  const near = suggest(action, ["list", "download"]);
  const named = DATASETS.some(({ name }) => name === action);
  const hint = named
    ? `write datasets download ${action}`
    : near === undefined
      ? "it takes list or download"
      : `did you mean ${near}?`;
  return new UsageError(`Cannot ${action} datasets: ${hint}`);
}

function datasetsNamed(names: readonly string[]): Dataset[] {
  if (names.length === 0)
    throw new UsageError("Cannot download without a name: see kcbert-cli datasets list");
  return names.map((name) => {
    const found = DATASETS.find((dataset) => dataset.name === name);
    if (found !== undefined) return found;
    const near = suggest(
      name,
      DATASETS.map((dataset) => dataset.name),
    );
    const hint = near === undefined ? "see kcbert-cli datasets list" : `did you mean ${near}?`;
    throw new UsageError(`Unknown dataset ${name}: ${hint}`);
  });
}

function requireUrl(mirror: string | undefined): string | undefined {
  if (mirror === undefined || (URL.canParse(mirror) && /^https?:/.test(mirror))) return mirror;
  throw new UsageError(`Cannot use the mirror ${mirror}: it takes an address such as https://mirror.example`);
}

async function plan(dataset: Dataset, folder: string, options: DownloadOptions, flags: Flags): Promise<void> {
  const files = await filesOf(dataset, options);
  const told = files.map(({ name, url, bytes }) => ({
    name,
    url,
    bytes,
    present: existsSync(join(folder, name)),
  }));
  const lines = told.map(
    ({ name, url, bytes, present }) =>
      `${join(folder, name)}: ${present ? "there already" : `${bytes === undefined ? "" : `${formatBytes(bytes)} `}from ${url}`}`,
  );
  await writeReport(
    lines.join("\n"),
    { dataset: dataset.name, licence: dataset.licence, folder, files: told },
    flags,
  );
}

async function download(
  dataset: Dataset,
  folder: string,
  options: DownloadOptions,
  flags: Flags,
): Promise<void> {
  const { quiet = false } = flags;
  const start = performance.now();
  let progress: Progress = startProgress({ title: "Downloading", quiet: true });
  if (!quiet) process.stderr.write(`${localized(`${dataset.name}: ${licenceOf(dataset)}`)}\n`);
  try {
    const { record, fresh } = await downloadDataset(dataset, folder, {
      ...options,
      onPlan(total) {
        progress = startProgress({ title: "Downloading", total, quiet });
      },
      onFile: (name) => progress.note(name),
      onBytes: (bytes) => progress.advance(bytes),
      onUnpack(total) {
        progress.done();
        progress = startProgress({ title: "Unpacking", total, quiet });
      },
    });
    progress.done();
    const text = describe(record, fresh, performance.now() - start);
    await writeReport(text, { ...record, folder: resolve(folder), fresh }, flags);
    if (flags.json !== true) await openOutput(undefined).write(`${resolve(folder)}\n`);
  } finally {
    progress.done();
  }
}

function licenceOf({ licence, notice, home }: Dataset): string {
  return `licence ${licence}${notice === undefined ? "" : ` (${notice.slice(0, 1).toLowerCase()}${notice.slice(1)})`}, ${home}`;
}

function describe(
  { name, files, unpacked = [] }: DatasetRecord,
  fresh: number,
  milliseconds: number,
): string {
  const size = (all: readonly { readonly bytes: number }[]) =>
    formatBytes(all.reduce((sum, { bytes }) => sum + bytes, 0));
  const many = files.length === 1 ? "1 file" : `${files.length} files`;
  const more =
    unpacked.length === 0
      ? ""
      : `; unpacked ${unpacked.map((file) => file.name).join(", ")} (${size(unpacked)})`;
  if (fresh === 0) return `Found ${name}: ${many}, ${size(files)}, as published${more}`;
  return `Downloaded ${name}: ${many}, ${size(files)} in ${formatDuration(milliseconds)}${more}`;
}
