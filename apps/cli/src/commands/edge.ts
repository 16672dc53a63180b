import process from "node:process";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { startBackend } from "../backend.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { measureModel, type Measured } from "../edge/measure_model.ts";
import { judge, TARGETS, type Target, type Verdict } from "../edge/targets.ts";
import { UsageError } from "../failure.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { withOutput } from "../io/output.ts";
import { modelFolder } from "../model_folder.ts";
import { styled } from "../terminal.ts";

const args = {
  action: { type: "positional", required: true, description: "What to do: plan" },
  model: {
    type: "positional",
    required: true,
    description: "A model folder, or the name of a downloaded model",
  },
  target: {
    type: "string",
    valueHint: "target",
    description: `Only this one: ${Object.keys(TARGETS).join(", ")}`,
  },
  tokens: {
    type: "string",
    default: "64",
    valueHint: "n",
    description: "Tokens of a comment, for the time that it takes",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli edge plan`. */
export const edgeCommand: Command = defineExampledCommand(
  {
    meta: { description: "Say where a model fits: Workers, Deno Deploy, Node; from what it takes here" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      if (args.action !== "plan") {
        throw new UsageError(`Cannot edge ${args.action}: the one thing it does is plan`);
      }
      const names =
        args.target === undefined ? undefined : oneOf(args.target, "target", Object.keys(TARGETS));
      const tokens = wholeNumber(args.tokens, "tokens", { min: 2, max: 512 })!;
      const source = modelFolder(resolveModel(args.model));
      await startBackend("wasm");
      const measured = await measureModel(source, { tokens, signal });
      const targets = Object.entries(TARGETS).filter(([name]) => names === undefined || name === names);
      const verdicts = targets.map(([name, target]) => [name, target, judge(measured, target)] as const);
      const json = {
        ...measured,
        targets: Object.fromEntries(verdicts.map(([name, , verdict]) => [name, verdict])),
      };
      const text = args.json ? `${JSON.stringify(json)}\n` : table(measured, verdicts);
      await withOutput(undefined, (output) => output.write(text));
    },
  },
  [
    ["kcbert-cli edge plan my-model", "Where it fits, and why not elsewhere"],
    ["kcbert-cli edge plan my-model --target workers-paid --json", "One target, for a script"],
  ],
);

// --- internal ---

/** For people: what was measured, then a line a target. */
function table(measured: Measured, verdicts: readonly (readonly [string, Target, Verdict])[]): string {
  const { architecture, parameters, weights, memory, peakMemory, millisecondsPerText, tokens } = measured;
  const lines = [
    `${architecture}, ${parameters.toLocaleString("en")} parameters, ${weights}`,
    `memory ${megabytes(memory)}, at most ${megabytes(peakMemory)} while it loads; ${millisecondsPerText.toFixed(1)} ms for ${tokens} tokens on one thread of this machine`,
    "",
  ];
  for (const [name, target, { fits, reasons }] of verdicts) {
    const mark = fits
      ? styled("green", "fits", process.stdout)
      : styled("red", "does not fit", process.stdout);
    lines.push(`${name.padEnd(13)} ${mark}  ${fits ? target.note : reasons.join("; ")}`);
  }
  return `${lines.join("\n")}\n`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
