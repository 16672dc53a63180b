import { basename, join, resolve } from "node:path";
import type { ArgsDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { type Command, defineExampledCommand } from "../command.ts";
import { withOutput } from "../io/output.ts";
import { writeReport } from "../report.ts";
import { readRunMetrics } from "../run_report/metrics.ts";
import { reportPage } from "../run_report/report_page.ts";

const args = {
  folder: { type: "positional", required: true, description: "The folder of a training run" },
  output: {
    type: "string",
    alias: "o",
    valueHint: "file",
    description: "The page to write, - for standard output (default: report.html in the folder)",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli report`. */
export const reportCommand: Command = defineExampledCommand(
  {
    meta: { description: "Show a training run as one HTML page: curves, scores, samples, checkpoints" },
    args,
    async run({ args }) {
      const metrics = readRunMetrics(args.folder);
      const output = args.output ?? join(args.folder, "report.html");
      const page = reportPage(args.folder, basename(resolve(args.folder)), metrics);
      await withOutput(output, async (file) => file.write(page));
      const data = {
        output,
        steps: metrics.steps.at(-1)?.step ?? 0,
        evaluations: metrics.evaluations.length,
      };
      await writeReport(`Wrote the report on ${args.folder}: ${output}`, data, {
        ...args,
        stdoutTaken: output === "-",
      });
    },
  },
  [["kcbert-cli report model", "Write model/report.html, of a run that is over or still goes on"]],
);
