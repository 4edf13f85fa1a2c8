// What `completions` does: it writes for each shell, from the tables of options, the script that
// completes commands and options.

import type { Context } from "../context.ts";
import { usageFailure } from "../failure.ts";
import { CHAPTERS } from "../lessons/registry.ts";
import type { Option, OptionTable, ParsedArguments } from "../options/parse.ts";
import { COMMANDS } from "../registry.ts";

const SHELLS = { bash, zsh, fish };

/** Runs `completions`. */
export async function run(
  { stdout }: Context,
  { operands }: ParsedArguments<Record<never, never>>,
): Promise<number> {
  const [name] = operands;
  if (operands.length !== 1 || !Object.hasOwn(SHELLS, name!)) {
    throw usageFailure("Expected one shell: bash, zsh or fish");
  }
  const described = await Promise.all([...COMMANDS].map(async ([name, { summary, load }]) => ({
    name,
    summary,
    options: (await load()).options,
  })));
  stdout.write(SHELLS[name as keyof typeof SHELLS](described));
  return 0;
}

/** A command as a shell should know it. */
interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: OptionTable;
}

/** What the only operand of a command may be. */
const OPERANDS: Readonly<Record<string, readonly string[]>> = {
  completions: Object.keys(SHELLS),
  demo: [...CHAPTERS.keys()],
  help: [...COMMANDS.keys()],
};

/** Commands whose first operand is a file. */
const FILE_OPERAND: ReadonlySet<string> = new Set(["passwd"]);

/** What an option is called when it is typed. */
function formsOf(name: string, { short }: Option): readonly string[] {
  return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
}

/** The values of an option, where there are few: `"0|1|2"`, or the one of an optional value. */
function choicesOf({ value = "", isOptional, looksLike }: Option): readonly string[] {
  const isOnly = isOptional === true && looksLike === undefined;
  return isOnly || value.includes("|") ? value.split("|") : [];
}

/** Whether the next word may be the value. */
function takesValue({ value, isOptional }: Option): boolean {
  return value !== undefined && isOptional !== true;
}

function bash(commands: readonly Described[]): string {
  const cases = commands.map(({ name, options }) => {
    const entries = Object.entries(options);
    const withValue = entries.filter(([, { value }]) => value !== undefined);
    const actions = Map.groupBy(withValue, ([, option]) => bashAction(option));
    const values = [...actions].map(([action, options]) => {
      const before = options.flatMap(([name, option]) => [
        ...takesValue(option) ? formsOf(name, option) : [],
        `--${name}=`,
      ]);
      return `        ${before.join("|")}) ${action} ;;\n`;
    });
    const forms = entries.flatMap(([name, option]) => formsOf(name, option));
    const words = `words="${[...forms, ...OPERANDS[name] ?? []].join(" ")}"`;
    const rest = FILE_OPERAND.has(name)
      ? `case $current in -*) ${words} ;; *) files=1 ;; esac`
      : words;
    return `    ${name})
      case $previous in
${values.join("")}        *) ${rest} ;;
      esac ;;
`;
  });
  return `# Completions of mqtt5 for bash.
_mqtt5() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words= files= word
  COMPREPLY=()
  # Bash makes three words of --qos=1.
  if [ "$current" = = ]; then current= previous+==
  elif [ "$previous" = = ]; then previous=\${COMP_WORDS[COMP_CWORD-2]}=; fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...commands.map(({ name }) => name), "help", "--help", "--version"].join(" ")}"
  else case \${COMP_WORDS[1]} in
    help) words="${OPERANDS["help"]!.join(" ")}" ;;
${cases.join("")}  esac; fi
  [ -z "$files" ] || compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(
    if [ -n "$files" ]; then compgen -f -- "$current"; else compgen -W "$words" -- "$current"; fi
  )
}
complete -F _mqtt5 mqtt5
`;
}

/** What bash does for the value of an option. */
function bashAction(option: Option): string {
  if (option.isFile === true) return "files=1";
  const choices = choicesOf(option);
  return choices.length === 0 ? "return" : `words="${choices.join(" ")}"`;
}

function zsh(commands: readonly Described[]): string {
  const cases = commands.map(({ name, options }) => {
    const specs = Object.entries(options).map(([name, option]) => zshOption(name, option));
    const operands = OPERANDS[name];
    const rest = FILE_OPERAND.has(name)
      ? "'1: :_files'"
      : operands === undefined
      ? "'*: : '"
      : `'1: :(${operands.join(" ")})'`;
    return `    ${name}) _arguments -s ${specs.join(" \\\n      ")} \\\n      ${rest} ;;\n`;
  });
  return `#compdef mqtt5
# Completions of mqtt5 for zsh.
_mqtt5() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${
    commands.map(({ name, summary }) => `      ${single(`${name}:${summary}`)}\n`).join("")
  }      'help:show the help of a command'
      '--help:show the help'
      '--version:print the version'
    )
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) _arguments '1: :(${OPERANDS["help"]!.join(" ")})' ;;
${cases.join("")}  esac
}
if [ "$funcstack[1]" = _mqtt5 ]; then _mqtt5 "$@"; else compdef _mqtt5 mqtt5; fi
`;
}

function zshOption(name: string, option: Option): string {
  const { short, value, many, help, isFile, isOptional } = option;
  const text = `[${help.replaceAll(/[[\]\\:]/g, "\\$&")}]`;
  const choices = choicesOf(option);
  const action = isFile ? "_files" : choices.length > 0 ? `(${choices.join(" ")})` : " ";
  const what = value === undefined
    ? ""
    : `${isOptional ? "::" : ":"}${value.replaceAll(/[:|]/g, " ")}:${action}`;
  // Either form, once; or as often as one likes.
  const often = many === true ? "*" : `(${formsOf(name, option).join(" ")})`;
  const long = value === undefined ? `--${name}` : isOptional ? `--${name}=-` : `--${name}=`;
  const forms = short === undefined ? [long] : [`-${short}${takesValue(option) ? "+" : ""}`, long];
  return forms
    .map((form) =>
      single(`${often}${form}${text}${form.startsWith("--") || takesValue(option) ? what : ""}`)
    )
    .join(" ");
}

function fish(commands: readonly Described[]): string {
  const lines = commands.flatMap(({ name, summary, options }) => [
    `complete -c mqtt5 -n '__mqtt5_is ""' -a ${name} -d ${fishText(summary)}`,
    ...(OPERANDS[name] ?? []).map((operand) =>
      `complete -c mqtt5 -n '__mqtt5_is ${name}' -a ${operand}`
    ),
    ...FILE_OPERAND.has(name) ? [`complete -c mqtt5 -n '__mqtt5_is ${name}' -F`] : [],
    ...Object.entries(options).map(([long, option]) => {
      const { short, help, isFile, isOptional } = option;
      const choices = choicesOf(option);
      return [
        `complete -c mqtt5 -n '__mqtt5_is ${name}'`,
        // Fish would take -d for an option with a value: -dfull.
        ...short === undefined || isOptional === true ? [] : [`-s ${short}`],
        `-l ${long}`,
        ...takesValue(option) ? [isFile === true ? "-rF" : "-x"] : [],
        ...choices.length > 0 ? [`-a '${choices.join(" ")}'`] : [],
        `-d ${fishText(help)}`,
      ].join(" ");
    }),
  ]);
  return `# Completions of mqtt5 for fish.
function __mqtt5_is -d 'Whether this is the command'
  set -l words (commandline -opc)
  test "$words[2]" = "$argv[1]"
end
complete -c mqtt5 -f
complete -c mqtt5 -n '__mqtt5_is ""' -a help -d 'show the help of a command'
complete -c mqtt5 -n '__mqtt5_is ""' -l help -d 'show the help'
complete -c mqtt5 -n '__mqtt5_is ""' -l version -d 'print the version'
complete -c mqtt5 -n '__mqtt5_is help' -a '${OPERANDS["help"]!.join(" ")}'
${lines.join("\n")}
`;
}

/** A text in single quotation marks, for a POSIX shell. */
function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The same for fish. */
function fishText(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
