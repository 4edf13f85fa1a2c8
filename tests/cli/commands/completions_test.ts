// The command `completions`: what it prints is run by the shells themselves, which then are asked
// to complete command lines.

import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../../src/cli/registry.ts";
import { isInstalled, temporaryFolder } from "../../broker_net/broker_net.ts";
import { run } from "../run.ts";

/** A shell that is asked. */
interface Shell {
  readonly name: string;
  /**
   * How to run it with a script, the file with the completions, and the words: the last one is to
   * be completed.
   */
  readonly command: (file: string, words: readonly string[]) => readonly [string, ...string[]];
  /** What it prints, as one completion each, without what stands before the `=`. */
  readonly completions: (stdout: string) => readonly string[];
}

/** Bash calls the function with the words, and takes `=` for a word of its own. */
const BASH = `source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _mqtt5
[ \${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`;

/**
 * Zsh completes only on a terminal: there, Tab is pressed, and each \`compadd\` prints what it is
 * given.
 */
const ZSH = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=; autoload -U compinit; compinit -u -D; source \${(q)1}"
zpty -w shell 'compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits; builtin compadd -A hits "$@"
  (( $#hits )) && print -rl -- $hits; builtin compadd "$@"
}
edge() { print -r -- "<"">" }; compprefuncs=(edge); comppostfuncs=(edge exit)
bindkey "^I" complete-word; print "REA""DY"'
zpty -r shell output "*READY*"
zpty -w -n shell "$2"$'\\t'
zpty -r shell output "*<>*<>*"
print -r -- "\${\${output#*<>}%<>*}"`;

const SHELLS: readonly Shell[] = [
  {
    name: "bash",
    command: (file, words) => {
      const separate = words.flatMap((word) => word.split(/(?<==)|(?==)/));
      return ["bash", "--norc", "--noprofile", "-c", BASH, "bash", file, ...separate];
    },
    completions: (stdout) => stdout.split("\n"),
  },
  {
    name: "zsh",
    command: (file, words) => ["zsh", "-f", "-c", ZSH, "zsh", file, words.join(" ")],
    completions: (stdout) => stdout.split(/\s*\n/).map((line) => line.replaceAll("\\", "")),
  },
  {
    name: "fish",
    command: (file, words) => [
      ...["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]"] as const,
      ...[file, words.join(" ")],
    ],
    completions: (stdout) =>
      // It marks folders, and options that may have a value.
      stdout.split("\n").map((line) => line.replace(/\t.*/, "").replace(/[=/]$/, "")),
  },
];

/** Command lines, and what may be there at their ends. */
const CASES: readonly (readonly [line: string, completions: readonly string[]])[] = [
  ["su", ["sub"]],
  ["re", ["request", "respond", "retained"]],
  ["sub --no-", ["--no-clean-start", "--no-eol", "--no-local", "--no-retained"]],
  ["sub -v --no-l", ["--no-local"]],
  ["decode --", [
    "--full",
    "--help",
    "--hex",
    "--options",
    "--print-permissions",
    "--protocol-version",
    "--quiet",
    "--raw",
  ]],
  ["pub -q ", ["0", "1", "2"]],
  ["pub --qos ", ["0", "1", "2"]],
  ["pub --qos=", ["0", "1", "2"]],
  ["pub -t a --request-problem-information ", ["0", "1"]],
  ["pub --trace=", ["full"]],
  ["pub --help=", ["all"]],
  ["pub -f a", ["a b.txt", "a.txt", "attic"]],
  ["pub --file=at", ["attic"]],
  ["broker --cert a.", ["a.txt"]],
  ["passwd a", ["a b.txt", "a.txt", "attic"]],
  ["passwd --d", ["--delete"]],
  ["broker --acl-file=at", ["attic"]],
  ["completions f", ["fish"]],
  ["demo re", ["request", "resume", "retained"]],
  ["help dec", ["decode"]],
  // What is a value is neither a command nor an option.
  ["pub -t ", []],
  ["pub -t sub --filter", []],
  // What no table knows.
  ["pub a", []],
  ["nope ", []],
  ["decode --nope", []],
];

/** Runs a program to its end. */
async function outputOf([program, ...args]: readonly [string, ...string[]], cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    // Nothing of the person's own.
    env: { HOME: cwd, XDG_CONFIG_HOME: cwd, XDG_DATA_HOME: cwd, TERM: "dumb" },
    stdin: "null",
    // A shell that still waits then waits for ever.
    signal: AbortSignal.timeout(30_000),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

for (const shell of SHELLS) {
  const { name } = shell;
  const isHere = await isInstalled(name, "-c", "true");
  const test = (title: string, fn: (complete: Complete) => Promise<void>) =>
    Deno.test({
      name: isHere ? title : `${title} (skipped: ${name} cannot be found)`,
      ignore: !isHere,
      async fn() {
        await using folder = await temporaryFolder();
        const file = `${folder.path}/completions of ${name}`;
        await Deno.writeTextFile(file, (await run(["completions", name])).stdout);
        await Deno.mkdir(`${folder.path}/here/attic`, { recursive: true });
        await Deno.writeTextFile(`${folder.path}/here/a b.txt`, "");
        await Deno.writeTextFile(`${folder.path}/here/a.txt`, "");
        await fn(async (line) => {
          const words = ["mqtt5", ...line.split(" ")];
          const output = await outputOf(shell.command(file, words), `${folder.path}/here`);
          assertEquals([output.code, output.stderr], [0, ""]);
          const completions = shell.completions(output.stdout)
            .map((completion) => completion.replace(/^--[\w-]+=/, ""))
            .filter((completion) => completion !== "");
          return [...new Set(completions)].toSorted();
        });
      },
    });

  for (const [line, completions] of CASES) {
    const title = completions.length === 0 ? "nothing" : completions.join(", ");
    test(`${name} completes ${JSON.stringify(line)}: ${title}`, async (complete) => {
      assertEquals(await complete(line), completions);
    });
  }

  test(`${name} knows all commands`, async (complete) => {
    const options = ["--help", "--version"];
    const commands = [...COMMANDS.keys(), "help"];
    const found = await complete("");
    assertEquals(found.filter((word) => !options.includes(word)), commands.toSorted());
    assertEquals(await complete("--"), options);
  });

  test(`${name} knows all options of all commands`, async (complete) => {
    for (const [command, { load }] of COMMANDS) {
      const names = Object.keys((await load()).options).map((name) => `--${name}`);
      assertEquals(await complete(`${command} --`), names.toSorted());
    }
  });
}

/** Completes a command line without `mqtt5`. */
type Complete = (line: string) => Promise<readonly string[]>;
