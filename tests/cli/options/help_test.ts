// Help: it fits a screen and is whole, its examples can be typed, and a typo leads to the name that
// was meant.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../../src/cli/registry.ts";
import { run, runProcess } from "../run.ts";
import { optionsTest } from "../tested_options.ts";

/** A terminal as it has been since there are terminals, less a line for the next prompt. */
const SCREEN = { columns: 80, lines: 24 };

/** The help of a command, or of all. */
async function helpOf(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(args);
  assertEquals([exitCode, stderr], [0, ""]);
  return stdout;
}

function linesOf(text: string): readonly string[] {
  assert(text.endsWith("\n"));
  return text.slice(0, -1).split("\n");
}

function assertNarrow(text: string): void {
  for (const line of linesOf(text)) {
    assert(line.length <= SCREEN.columns, `${line.length} columns: ${line}`);
    assertEquals(line, line.trimEnd());
  }
}

/** The command lines in the help, without what is for the shell. */
function examplesIn(help: string): readonly string[] {
  const examples = help.split("\nExamples:\n")[1]!.split("\n\n")[0]!;
  return examples.split("\n").map((line) => line.replace(/ [<>] .*/, ""));
}

/** The words of a command line, as a shell sees them. */
async function wordsOf(line: string): Promise<readonly string[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `mqtt5() { for word; do printf '%s\\n' "$word"; done; }\n${line}`],
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("the help of all fits a screen and names every command with what it is for", async () => {
  const help = await helpOf("--help");
  assertNarrow(help);
  assert(linesOf(help).length <= SCREEN.lines);
  for (const [name, { summary }] of COMMANDS) {
    assertMatch(help, new RegExp(`^  ${name} +${summary}$`, "m"));
  }
});

for (const [name, { load }] of COMMANDS) {
  Deno.test(`the help of ${name} fits a screen`, async () => {
    const help = await helpOf(name, "--help");
    assertNarrow(help);
    const { length } = linesOf(help);
    assert(length <= SCREEN.lines, `${length} lines`);
  });

  Deno.test(`the help of ${name} has a line of usage, the exit codes and two examples`, async () => {
    for (const help of [await helpOf(name, "--help"), await helpOf(name, "--help=all")]) {
      assertMatch(help, new RegExp(`\n\nUsage: mqtt5 ${name}( .+)?\n\n`));
      assertMatch(help, /\n\nExit code: 0\b[^]*\b2\b[^]*\.\n$/);
      const examples = examplesIn(help);
      assertEquals(examples.length, 2);
      for (const example of examples) assertMatch(example, new RegExp(`^  mqtt5 ${name}\\b`));
    }
  });

  Deno.test(`the examples in the help of ${name} can be typed`, async () => {
    for (const example of examplesIn(await helpOf(name, "--help"))) {
      const words = await wordsOf(example);
      const { exitCode, stdout, stderr } = await run([...words, "--print-permissions"]);
      assertEquals(exitCode, 0, stderr);
      assertMatch(stdout, /^deno run /);
    }
  });

  Deno.test(`the whole help of ${name} has all options, and is narrow`, async () => {
    const help = await helpOf(name, "--help=all");
    assertNarrow(help);
    const rows = Array.from(
      help.matchAll(/^ {2}(-\S,| {3}) (--[\w-]+)((?: ?\S+)*) {2,}(\S.*)$/gm),
      ([, letter, option, value, text]) => [letter, option, value!.trim(), text],
    );
    const expected = Object.entries((await load()).options).map(
      ([name, { short, value = "", isOptional, looksLike, many, help }]) => {
        assert(help.trim() !== "", name);
        return [
          short === undefined ? "   " : `-${short},`,
          `--${name}`,
          isOptional === true ? looksLike ? `[${value}]` : `[=${value}]` : value,
          many === true ? `${help}; repeatable` : help,
        ];
      },
    );
    assertEquals(rows.toSorted(), expected.toSorted());
  });

  Deno.test(`each letter means one option of ${name}`, async () => {
    const { options } = await load();
    const letters = Object.values(options).flatMap(({ short }) => short ?? []);
    assertEquals(letters, [...new Set(letters)]);
    for (const letter of letters) assertMatch(letter, /^[A-Za-z]$/);
  });

  Deno.test(`there are three ways to the help of ${name}`, async () => {
    const help = await helpOf(name, "--help");
    assertEquals(await helpOf("help", name), help);
    // Whatever else is there.
    assertEquals(await helpOf(name, "--quiet", "--help"), help);
  });
}

for (const [name, { load }] of COMMANDS) {
  Deno.test(`the help of ${name} has port and password, and says what each property is`, async () => {
    const { options } = await load();
    const help = await helpOf(name, "--help");
    for (const [option, letter] of [["port", "-p"], ["password", "-P"]] as const) {
      if (!Object.hasOwn(options, option)) continue;
      assertMatch(help, new RegExp(`^  ${letter}, --${option} \\S+ +\\S`, "m"));
    }
    for (const [option, { help, group = "" }] of Object.entries(options)) {
      if (!group.startsWith("Properties of ")) continue;
      assertMatch(help, /^\w[^§]+, §[\d.]+$/, option);
      const isTime = /-interval$/.test(option);
      assertEquals(/\bseconds\b/.test(help), isTime, option);
    }
  });
}

Deno.test("help alone is the help of all", async () => {
  assertEquals(await helpOf("help"), await helpOf("--help"));
});

Deno.test("help needs no permission", async () => {
  for (const args of [["help"], ["help", "sub"], ["broker", "--help=all"]]) {
    const { exitCode, stderr } = await runProcess([], args);
    assertEquals([exitCode, stderr], [0, ""]);
  }
});

/** What is typed, and what is suggested. */
const TYPOS: readonly (readonly [typed: readonly string[], suggested: string])[] = [
  [["pubb"], "pub"],
  [["sbu"], "sub"],
  [["reqeust"], "request"],
  [["resp"], "respond"],
  [["retianed"], "retained"],
  [["borker"], "broker"],
  [["completion", "bash"], "completions"],
  [["help", "decod"], "decode"],
  [["hlep"], "help"],
  [["--hlep"], "--help"],
  [["--verison"], "--version"],
  [["pub", "--topci", "a"], "--topic"],
  [["pub", "--mesage", "a"], "--message"],
  [["pub", "--user", "a"], "--username"],
  [["pub", "--repeat-dely", "1"], "--repeat-delay"],
  [["sub", "--no-locla"], "--no-local"],
  [["pub", "--ca-file", "a"], "--cafile"],
  [["sub", "--session-expiry-interwal=1"], "--session-expiry-interval"],
  [["sub", "--hlep"], "--help"],
  [["broker", "--prot", "1"], "--port"],
  [["decode", "--rwa"], "--raw"],
];

for (const [typed, suggested] of TYPOS) {
  Deno.test(`${typed.join(" ")}: did you mean ${suggested}?`, async () => {
    const { exitCode, stdout, stderr } = await run(typed);
    assertEquals([exitCode, stdout], [2, ""]);
    assertMatch(stderr, /^mqtt5: Unknown (command|option) [^\n]*\n$/);
    assertStringIncludes(stderr, `; did you mean ${suggested}?\n`);
  });
}

for (
  const typed of [["nope"], ["pub", "--nope"], ["decode", "--cafile"], ["pub", "-Z"], [
    "sub",
    "-vZ",
  ]]
) {
  Deno.test(`${typed.join(" ")}: nothing is near, and the help is named`, async () => {
    const { exitCode, stdout, stderr } = await run(typed);
    assertEquals([exitCode, stdout], [2, ""]);
    assertMatch(stderr, /^mqtt5: Unknown (command|option) [^\n]*; see --help(=all)?\n$/);
  });
}

/** Options of mosquitto's tools that there are not, and what is said of them. */
const MOSQUITTO: readonly (readonly [typed: readonly string[], says: string])[] = [
  [["pub", "--id", "a"], "--id; use --client-id"],
  [["sub", "--id-prefix=a"], "--id-prefix; use --client-id-prefix"],
  [["sub", "--keepalive", "5"], "--keepalive; use --keep-alive"],
  [["pub", "--pw", "a"], "--pw; use --password"],
  [["pub", "--will-msg", "a"], "--will-msg; use --will-payload"],
  [["pub", "--cacert", "a"], "--cacert; use --cafile"],
  [["request", "--debug"], "--debug; use --trace"],
  [["sub", "--disable-clean-session"], "--disable-clean-session; use --no-clean-start"],
  [["sub", "--pretty"], "--pretty; pipe the output through a formatter such as jq"],
  [["pub", "--nodelay"], "--nodelay; leave it out: small packets are never delayed"],
  [["pub", "--keyform", "pem"], "--keyform; private keys are read from files in PEM: --key"],
  [["pub", "--tls-version=x"], "--tls-version; TLS 1.2 and 1.3 are used, with the ciphers of Deno"],
  [["sub", "-A", "::1"], "-A; the local address cannot be chosen"],
  [["sub", "-vS"], "-S; SRV records are not looked up; give --host and --port"],
  [["sub", "--version"], "--version; see mqtt5 --version"],
  [["sub", "--repeat", "2"], "--repeat; see --help=all"],
  [["decode", "--file", "x"], "--file; see --help=all"],
  [["completions", "--cafile"], "--cafile; see --help=all"],
];

for (const [typed, says] of MOSQUITTO) {
  Deno.test(`${typed.join(" ")}: what mosquitto's tools mean by it is known`, async () => {
    const { exitCode, stdout, stderr } = await run(typed);
    assertEquals([exitCode, stdout, stderr], [2, "", `mqtt5: Unknown option ${says}\n`]);
  });
}

Deno.test("an option without its value is told from one that there is not", async () => {
  for (const [args, option] of [[["pub", "-t"], "-t"], [["pub", "--topic"], "--topic"]] as const) {
    const { exitCode, stderr } = await run(args);
    assertEquals([exitCode, stderr], [2, `mqtt5: ${option} needs a value; see --help\n`]);
  }
});

optionsTest(import.meta.url);
