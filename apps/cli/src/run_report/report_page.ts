import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CheckpointManifest } from "../run_folder.ts";
import { formatBytes, formatDuration } from "../progress.ts";
import { lossChart, otherCharts } from "./charts.ts";
import { escapeXml } from "./line_chart.ts";
import type { RunMetrics } from "./metrics.ts";

/** A run as one HTML page that needs nothing else: figures, curves, samples, checkpoints. */
export function reportPage(folder: string, name: string, metrics: RunMetrics): string {
  const [loss, ...others] = [lossChart(metrics), ...otherCharts(metrics)].map((svg, i) => ownIds(svg, i));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(name)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeXml(name)}</h1>
<p class="lead">${escapeXml(summary(metrics))}</p>
<figure>${loss}</figure>
<div class="charts">${others.map((svg) => `<figure>${svg}</figure>`).join("")}</div>
<h2>The run</h2>
${table(["", ""], facts(metrics))}
<h2>Held-out scores</h2>
${table(["step", "loss, nats", "against unigrams", "accuracy"], scores(metrics))}
${samples(metrics)}
<h2>Checkpoints</h2>
${table(["folder", "step", "held-out loss", "size"], checkpoints(folder))}
</body>
</html>
`;
}

// --- internal ---

const STYLE = [
  ":root{color-scheme:light dark;--line:#dadce0;--soft:#5f6368}@media(prefers-color-scheme:dark){:root{--line:#3c4043;--soft:#9aa0a6}}",
  "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}",
  ".lead{color:var(--soft)}figure{margin:1rem 0}svg{width:100%;height:auto;border:1px solid var(--line);border-radius:8px}",
  ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(24rem,1fr));gap:0 1rem}",
  "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{text-align:left;padding:.2rem 1.5rem .2rem 0;border-bottom:1px solid var(--line);font-weight:inherit}th{color:var(--soft)}",
].join("");

type Cells = readonly (readonly (string | number)[])[];

/** Pictures of one page must not share ids. */
function ownIds(svg: string, number: number): string {
  return svg.replaceAll('id="plot"', `id="plot${number}"`).replaceAll("url(#plot)", `url(#plot${number})`);
}

function table(head: readonly string[], rows: Cells): string {
  const cells = (row: readonly (string | number)[], tag: string) =>
    `<tr>${row.map((cell) => `<${tag}>${escapeXml(String(cell))}</${tag}>`).join("")}</tr>`;
  const header = head.every((text) => text === "") ? "" : cells(head, "th");
  return `<table>${header}${rows.map((row) => cells(row, "td")).join("")}</table>`;
}

function summary({ starts, steps, evaluations, end }: RunMetrics): string {
  const { unigramLoss } = starts.at(-1)!;
  const best = evaluations.reduce((least, { loss }) => Math.min(least, loss), Infinity);
  const state =
    end === undefined
      ? "The run has not come to its end"
      : end.reason === "done"
        ? "The run is done"
        : "The run was interrupted";
  const gain = Number.isFinite(best)
    ? `: best held-out loss ${best.toFixed(3)}, a unigram model's is ${unigramLoss.toFixed(3)}`
    : "";
  return `${state} after ${count(steps.at(-1)?.step ?? 0)} steps${gain}.`;
}

function facts({ starts, steps }: RunMetrics): Cells {
  const { config, parameters, trainLines, heldOutLines, batchSize, rowLength, flopsPerToken, time } =
    starts[0]!;
  const last = steps.at(-1);
  const speeds = steps.map(({ tokensPerSecond }) => tokensPerSecond).sort((a, b) => a - b);
  const median = speeds[Math.floor(speeds.length / 2)];
  return [
    ["begun", new Date(time).toISOString().replace("T", " ").slice(0, 16)],
    [
      "model",
      `${config.numHiddenLayers} layers of ${config.hiddenSize}, ${config.numAttentionHeads} heads, ${count(config.vocabSize)} tokens: ${count(parameters)} parameters`,
    ],
    ["learns from", `${count(trainLines)} lines; ${count(heldOutLines)} are held out`],
    ["a batch", `${batchSize} rows of ${rowLength} tokens`],
    ["steps", count(last?.step ?? 0)],
    ["time", last === undefined ? "" : formatDuration(last.elapsedMs)],
    ["sessions", starts.length],
    ...(median === undefined
      ? []
      : [
          ["tokens per second, median", count(Math.round(median))],
          [
            "arithmetic",
            `${((median * flopsPerToken) / 1e12).toPrecision(3)} TFLOP/s at ${(flopsPerToken / 1e9).toPrecision(3)} GFLOP a token`,
          ],
        ]),
  ];
}

function scores({ starts, evaluations }: RunMetrics): Cells {
  const { unigramLoss } = starts.at(-1)!;
  return evaluations.map(({ step, loss, accuracy }) => [
    count(step),
    loss.toFixed(4),
    `${loss < unigramLoss ? "−" : "+"}${Math.abs(loss - unigramLoss).toFixed(3)}`,
    `${(accuracy * 100).toFixed(1)} %`,
  ]);
}

function samples({ samples: all }: RunMetrics): string {
  const last = all.at(-1);
  if (last === undefined) return "";
  const shown = [...new Set([all[0]!, all[Math.floor(all.length / 2)]!, last])];
  const rows = last.samples.map(({ text }, i) => [
    text,
    ...shown.map(
      ({ samples }) =>
        samples[i]?.fills.map(({ token, score }) => `${token} ${(score * 100).toFixed(0)} %`).join(", ") ??
        "",
    ),
  ]);
  return `<h2>What it says</h2>${table(["", ...shown.map(({ step }) => `step ${count(step)}`)], rows)}`;
}

function checkpoints(folder: string): Cells {
  const names = readdirSync(folder).filter((name) => name === "best" || name.startsWith("checkpoint-"));
  return names.flatMap((name) => {
    const path = join(folder, name, "manifest.json");
    if (!existsSync(path)) return [];
    const { step, evalLoss, files } = JSON.parse(readFileSync(path, "utf8")) as CheckpointManifest;
    const bytes = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
    return [[name, count(step), evalLoss?.toFixed(4) ?? "", formatBytes(bytes)]];
  });
}

function count(number: number): string {
  return number.toLocaleString("en");
}
