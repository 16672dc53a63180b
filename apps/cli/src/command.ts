import type { ArgsDef, CommandDef } from "citty";

/** A command: citty's definition, and examples that `--help` shows. */
export interface Command {
  readonly definition: CommandDef;
  readonly examples: readonly Example[];
}

/** A whole command line, and what it does. */
export type Example = readonly [commandLine: string, meaning: string];

/** A line of the table of commands. */
export interface CommandEntry {
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/** What a command is given in citty's `data`. */
export interface CommandData {
  /** All commands, by name. */
  readonly commands: Readonly<Record<string, CommandEntry>>;
  /** Aborts on Ctrl-C, with `Interrupted` as its reason. */
  readonly signal: AbortSignal;
}

/** Define a command; its `run` sees its own flags with their types. */
export function defineExampledCommand<const T extends ArgsDef>(
  definition: CommandDef<T>,
  examples: readonly Example[],
): Command {
  return { definition: definition as unknown as CommandDef, examples };
}
