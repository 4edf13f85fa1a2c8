// `completions`: what a shell needs to complete commands and options, made from their tables.

import { usageFailure } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { command } from "./definition.ts";
import type { Option, OptionTable } from "./options.ts";

const SHELLS = { bash, zsh, fish };

/** The command `completions`. */
export const completions = command({
  name: "completions",
  about: "Prints what a shell needs to complete the commands and options of mqtt5.",
  usage: "bash|zsh|fish",
  examples: [
    "completions bash > ~/.local/share/bash-completion/completions/mqtt5",
    "completions fish > ~/.config/fish/completions/mqtt5.fish",
  ],
  exitCodes: "0; 2 when the command line is wrong.",
  options: {},
  permissions: () => ({}),
  async run({ stdout }, { operands }) {
    const [name] = operands;
    if (operands.length !== 1 || !Object.hasOwn(SHELLS, name!)) {
      throw usageFailure("Give one shell: bash, zsh or fish");
    }
    const described = await Promise.all([...COMMANDS].map(async ([name, { summary, load }]) => ({
      name,
      summary,
      options: (await load()).options,
    })));
    stdout.write(SHELLS[name as keyof typeof SHELLS](described));
    return 0;
  },
});

/** A command as a shell should know it. */
interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: OptionTable;
}

/** What the only operand of a command may be. */
const OPERANDS: Readonly<Record<string, readonly string[]>> = {
  completions: Object.keys(SHELLS),
  help: [...COMMANDS.keys()],
};

/** All forms of an option that may be typed. */
function formsOf(name: string, { short }: Option): readonly string[] {
  return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
}

/** What the value of an option may be, if there are few: `"0|1|2"` says so itself. */
function choicesOf({ value }: Option): readonly string[] {
  return value?.includes("|") ? value.split("|") : [];
}

/** The forms of the options that `wants` chooses. */
function forms(options: OptionTable, wants: (option: Option) => boolean): readonly string[] {
  return Object.entries(options)
    .filter(([, option]) => wants(option))
    .flatMap(([name, option]) => formsOf(name, option));
}

function takesValue({ value, isOptional }: Option): boolean {
  return value !== undefined && isOptional !== true;
}

function bash(commands: readonly Described[]): string {
  const cases = commands.map(({ name, options }) => {
    const choices = Object.entries(options)
      .filter(([, option]) => choicesOf(option).length > 0)
      .map(([name, option]) =>
        `        ${formsOf(name, option).join("|")}) words="${choicesOf(option).join(" ")}" ;;\n`
      );
    const files = forms(options, ({ isFile }) => isFile === true);
    const others = forms(
      options,
      (option) => takesValue(option) && option.isFile !== true && choicesOf(option).length === 0,
    );
    return `    ${name})
      case $previous in
${choices.join("")}${files.length === 0 ? "" : `        ${files.join("|")}) files=1 ;;\n`}${
      others.length === 0 ? "" : `        ${others.join("|")}) return ;;\n`
    }        *) words="${[...forms(options, () => true), ...OPERANDS[name] ?? []].join(" ")}" ;;
      esac ;;
`;
  });
  return `# Completions of mqtt5 for bash.
_mqtt5() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words= files=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...commands.map(({ name }) => name), "help", "--help", "--version"].join(" ")}"
  else case \${COMP_WORDS[1]} in
    help) words="${OPERANDS["help"]!.join(" ")}" ;;
${cases.join("")}  esac; fi
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}
complete -F _mqtt5 mqtt5
`;
}

function zsh(commands: readonly Described[]): string {
  const cases = commands.map(({ name, options }) => {
    const specs = Object.entries(options).map(([name, option]) => zshOption(name, option));
    const operands = OPERANDS[name];
    const rest = operands === undefined ? "'*: :_files'" : `'1: :(${operands.join(" ")})'`;
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
  const star = many === true ? "*" : "";
  const long = value === undefined ? `--${name}` : isOptional ? `--${name}=-` : `--${name}=`;
  const forms = short === undefined ? [long] : [`-${short}${takesValue(option) ? "+" : ""}`, long];
  return forms
    .map((form) =>
      single(`${star}${form}${text}${form.startsWith("--") || takesValue(option) ? what : ""}`)
    )
    .join(" ");
}

function fish(commands: readonly Described[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = commands.flatMap(({ name, summary, options }) => [
    `complete -c mqtt5 -n __fish_use_subcommand -a ${name} -d ${fishText(summary)}`,
    ...(OPERANDS[name] ?? []).map((operand) =>
      `complete -c mqtt5 -n '__fish_seen_subcommand_from ${name}' -a ${operand}`
    ),
    ...Object.entries(options).map(([option, { short, help, isFile, ...rest }]) => {
      const choices = choicesOf(rest as Option);
      return [
        `complete -c mqtt5 -n '__fish_seen_subcommand_from ${name}'`,
        ...short === undefined ? [] : [`-s ${short}`],
        `-l ${option}`,
        ...takesValue(rest as Option) ? [isFile === true ? "-rF" : "-x"] : [],
        ...choices.length > 0 ? [`-a '${choices.join(" ")}'`] : [],
        `-d ${fishText(help)}`,
      ].join(" ");
    }),
  ]);
  return `# Completions of mqtt5 for fish.
complete -c mqtt5 -f
complete -c mqtt5 -n __fish_use_subcommand -a help -d 'show the help of a command'
complete -c mqtt5 -n '__fish_seen_subcommand_from help' -a '${names}'
${lines.join("\n")}
`;
}

/** A text in single quotation marks, for a POSIX shell. */
function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Likewise, for fish. */
function fishText(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
