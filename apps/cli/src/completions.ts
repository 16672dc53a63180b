/** Scripts that complete the command line in shells, made of the table of commands. */
import type { ArgsDef } from "citty";
import { localized } from "./locale/translate.ts";

/** A command to complete. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly args: ArgsDef;
}

/** For bash 3 or later, without its completion library. */
export function bashCompletions(commands: readonly CompletedCommand[]): string {
  const cases = commands.map((command) => {
    const flags = flagsOf(command);
    const words = [...flags.map(({ long }) => long), "--help"].join(" ");
    const folders = flags.filter(({ takes }) => takes === "folder").flatMap(spellings);
    const nothing = flags.filter(({ takes }) => takes === "word").flatMap(spellings);
    return [
      `    ${command.name})`,
      `      words=${quoted(words)}`,
      `      folders=${quoted(` ${folders.join(" ")} `)}`,
      `      unknown=${quoted(` ${nothing.join(" ")} `)} ;;`,
    ].join("\n");
  });
  return `# Completes kcbert-cli in bash: source <(kcbert-cli completions bash)
_kcbert_cli() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local words="" folders="" unknown=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=( $(compgen -W ${quoted([...commands.map(({ name }) => name), "--help", "--version"].join(" "))} -- "$current") )
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=( $(compgen -W "$words" -- "$current") ); return ;;
  esac
  case "$unknown" in *" $previous "*) return ;; esac
  compopt -o filenames 2>/dev/null
  case "$folders" in
    *" $previous "*) COMPREPLY=( $(compgen -d -- "$current") ) ;;
    *) COMPREPLY=( $(compgen -f -- "$current") ) ;;
  esac
}
complete -F _kcbert_cli kcbert-cli
`;
}

/** For zsh, as a file of its function path. */
export function zshCompletions(commands: readonly CompletedCommand[]): string {
  const names = commands.map(
    ({ name, description }) => `    ${quoted(`${name}:${localized(description).replaceAll(":", "\\:")}`)}`,
  );
  const cases = commands.map((command) => {
    const lines = flagsOf(command).map((flag) => `        ${zshFlag(flag)} \\`);
    return `    ${command.name})\n      _arguments -s \\\n${lines.join("\n")}\n        '*:file:_files' ;;`;
  });
  return `#compdef kcbert-cli
# Completes kcbert-cli in zsh: kcbert-cli completions zsh > "\${fpath[1]}/_kcbert-cli"
_kcbert_cli() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_kcbert-cli" ]; then _kcbert_cli "$@"; else compdef _kcbert_cli kcbert-cli; fi
`;
}

/** For fish. */
export function fishCompletions(commands: readonly CompletedCommand[]): string {
  const names = commands.map(
    ({ name, description }) =>
      `complete -c kcbert-cli -n __fish_use_subcommand -f -a ${name} -d ${quoted(localized(description))}`,
  );
  const flags = commands.flatMap((command) =>
    flagsOf(command).map(({ long, short, description, takes }) => {
      const of = `complete -c kcbert-cli -n '__fish_seen_subcommand_from ${command.name}' -l ${long.slice(2)}`;
      const one = short === undefined ? "" : ` -s ${short.slice(1)}`;
      const value = {
        nothing: "",
        word: " -x",
        file: " -r -F",
        folder: " -x -a '(__fish_complete_directories)'",
      };
      return `${of}${one}${value[takes]} -d ${quoted(description)}`;
    }),
  );
  return `# Completes kcbert-cli in fish: kcbert-cli completions fish > ~/.config/fish/completions/kcbert-cli.fish
${[...names, ...flags].join("\n")}
`;
}

// --- internal ---

interface CompletedFlag {
  readonly long: string;
  readonly short: string | undefined;
  readonly description: string;
  /** What follows it; `word` is what no shell can know. */
  readonly takes: "nothing" | "word" | "file" | "folder";
}

function flagsOf({ args }: CompletedCommand): CompletedFlag[] {
  const own = Object.entries(args).filter(([, { type }]) => type !== "positional");
  return own.map(([name, definition]) => {
    const aliases = "alias" in definition ? [definition.alias ?? []].flat() : [];
    const short = aliases.find((alias) => alias.length === 1);
    const on = definition.type === "boolean" && definition.default === true; // only turning it off says something
    const description = on
      ? (definition.negativeDescription ?? definition.description)
      : definition.description;
    return {
      long: on ? `--no-${name}` : `--${name}`,
      short: short === undefined || on ? undefined : `-${short}`,
      description: localized(description ?? ""),
      takes: definition.type === "boolean" ? "nothing" : valueKind(definition.valueHint),
    };
  });
}

function valueKind(hint: string | undefined): CompletedFlag["takes"] {
  if (hint === undefined) return "word";
  if (/folder/.test(hint)) return "folder";
  return /file|path|pattern/.test(hint) ? "file" : "word";
}

function spellings({ long, short }: CompletedFlag): string[] {
  return short === undefined ? [long] : [long, short];
}

function zshFlag({ long, short, description, takes }: CompletedFlag): string {
  const told = `[${description.replaceAll(/[[\]\\:]/g, "\\$&")}]`;
  const value = { nothing: "", word: ":value: ", file: ":file:_files", folder: ":folder:_files -/" }[takes];
  const equals = takes === "nothing" ? "" : "=";
  const names = short === undefined ? quoted(`${long}${equals}${told}${value}`) : "";
  if (names !== "") return names;
  return `'(${long} ${short})'{${long}${equals},${short}}${quoted(`${told}${value}`)}`;
}

/** A word for any of the three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
