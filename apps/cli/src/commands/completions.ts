import type { ArgsDef } from "citty";
import { commonArgs, oneOf } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { bashCompletions, type CompletedCommand, fishCompletions, zshCompletions } from "../completions.ts";
import { openOutput } from "../io/output.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

const args = {
  shell: { type: "positional", required: true, description: "bash, zsh or fish" },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli completions`. */
export const completionsCommand: Command = defineExampledCommand(
  {
    meta: { description: "Print a script that completes commands and flags in a shell" },
    args,
    async run({ args, data }) {
      const { commands } = data as CommandData;
      const shell = oneOf(args.shell, "shell", SHELLS);
      const completed: CompletedCommand[] = [];
      for (const [name, { description, load }] of Object.entries(commands)) {
        const { definition } = await load();
        completed.push({ name, description, args: (definition.args ?? {}) as ArgsDef });
      }
      const scripts = { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions };
      await openOutput(undefined).write(scripts[shell](completed));
    },
  },
  [
    ["source <(kcbert-cli completions bash)", "In this shell of bash"],
    ['kcbert-cli completions zsh > "${fpath[1]}/_kcbert-cli"', "For every zsh to come"],
    ["kcbert-cli completions fish > ~/.config/fish/completions/kcbert-cli.fish", "For every fish to come"],
  ],
);
