// Commands on a terminal: what a person sees, and what the terminal is like afterwards. Python
// makes the terminal; what comes to its standard input is typed, what is shown comes out of its
// standard output.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Client, connect } from "../../../mod.ts";
import { type Broker, serve, type ServeOptions } from "../../../src/broker/mod.ts";
import { isInstalled, temporaryFolder } from "../../broker_net/broker_net.ts";
import { Running } from "../run.ts";

/**
 * Runs a command on a terminal of so many columns; says in the end whether the terminal echoes what
 * is typed.
 */
const TERMINAL = `
import fcntl, os, pty, select, struct, sys, termios
columns, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(columns), 0, 0))
    os.execvp(command[0], command)
sources = [0, terminal]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed: os.write(terminal, typed)
        else: sources.remove(0)
    if terminal in ready:
        try: shown = os.read(terminal, 65536)
        except OSError: break
        if not shown: break
        os.write(1, shown)
_, status = os.waitpid(pid, 0)
echoes = termios.tcgetattr(terminal)[3] & termios.ECHO
sys.stderr.write("echo is " + ("on" if echoes else "off"))
sys.exit(os.waitstatus_to_exitcode(status))
`;
import { optionsTest, recordOptions } from "../tested_options.ts";

/** How the terminal is left, whatever happens on it. */
const GOOD = "echo is on";

const CTRL_C = "\x03";
const CTRL_D = "\x04";

const CLI = new URL("../../../cli.ts", import.meta.url).href;

interface TerminalOptions {
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A line for a shell in which `"$@"` is the command; without, the command alone. */
  readonly shell?: string;
}

/**
 * Starts a command on a terminal. It may connect to the broker of that port, or with 0 listen on
 * this machine.
 */
function begin(port: number, args: readonly string[], options: TerminalOptions = {}): Running {
  const net = port === 0 ? "127.0.0.1" : `localhost:${port}`;
  return beginWith([`--allow-net=${net}`], args, options);
}

/** Starts a command on a terminal with these permissions. */
function beginWith(
  permissions: readonly string[],
  args: readonly string[],
  { columns = 80, env = {}, shell = 'exec "$@"' }: TerminalOptions = {},
): Running {
  const command = [Deno.execPath(), "run", "--quiet", "--no-prompt", ...permissions, CLI];
  const child = new Deno.Command("python3", {
    args: ["-c", TERMINAL, String(columns), "sh", "-c", shell, "sh", ...command, ...args],
    // Whoever runs the tests may want no colours.
    env: { NO_COLOR: "", FORCE_COLOR: "", TERM: "xterm-256color", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  void child.status.then(({ code }) => recordOptions(args, code));
  return new Running(child);
}

const isHere = await isInstalled("python3", "-c", "import pty");

/** A test that needs a terminal. */
function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: isHere ? name : `${name} (skipped: python3 cannot be found)`,
    ignore: !isHere,
    fn,
  });
}

/** A broker that writes down the passwords of those who connect, and what was published. */
class Witness implements AsyncDisposable {
  readonly passwords: (string | undefined)[] = [];
  readonly published: string[] = [];
  readonly #broker: Broker;
  #heard = Promise.withResolvers<void>();

  private constructor(broker: Broker) {
    this.#broker = broker;
  }

  static async serve(options: ServeOptions = {}): Promise<Witness> {
    const decoder = new TextDecoder();
    const witness: Witness = new Witness(
      await serve({
        port: 0,
        authenticate(_, { password }) {
          witness.passwords.push(password && decoder.decode(password));
          witness.#hear();
          return true;
        },
        onMessage(_, { payload }) {
          witness.published.push(decoder.decode(payload));
          witness.#hear();
        },
        ...options,
      }),
    );
    return witness;
  }

  /** Waits until this holds, looking each time that something comes. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#heard.promise;
  }

  #hear(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }

  get port(): number {
    return this.#broker.port;
  }

  /** A client of the library. */
  client(): Promise<Client> {
    return connect(this.#broker.url, { reconnect: false });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#broker.shutDown();
  }
}

/** A command to the terminal, or a character. */
const PIECE = new RegExp("\x1b\\[[\\d;]*[A-Za-z]|[^]", "g");

/**
 * What stands on the terminal in the end, without colours: carriage returns and erased lines have
 * had their effect.
 */
function screenOf(shown: string): string {
  const lines = [""];
  let column = 0;
  for (const [piece] of shown.matchAll(PIECE)) {
    const line = lines.at(-1)!;
    if (piece === "\n") lines.push("");
    else if (piece === "\r") column = 0;
    else if (piece === "\x1b[K") lines[lines.length - 1] = line.slice(0, column);
    else if (piece.length === 1) {
      lines[lines.length - 1] = line.slice(0, column) + piece + line.slice(column + 1);
      column++;
    }
  }
  return lines.join("\n");
}

terminalTest(
  "--ask-password echoes nothing, takes Backspace, and leaves standard output alone",
  async () => {
    await using broker = await Witness.serve();
    await using folder = await temporaryFolder();
    await using client = await broker.client();
    await client.publish("a", "hello", { qos: 1, retain: true });
    const args = ["sub", "-p", String(broker.port), "-t", "a", "-C", "1", "--ask-password"];
    const sub = begin(broker.port, args, { shell: `exec "$@" > '${folder.path}/output'` });
    await sub.until(/Password: $/);
    // A character of two bytes goes at once; terminals send either code for Backspace.
    await sub.type("\x7fséx\b\x7fecret\r");
    assertEquals(await sub.end(), { exitCode: 0, stdout: "Password: \r\n", stderr: GOOD });
    assertEquals(broker.passwords.at(-1), "secret");
    assertEquals(await Deno.readTextFile(`${folder.path}/output`), "hello\n");
  },
);

terminalTest("Ctrl-C ends --ask-password at once, and the terminal echoes again", async () => {
  await using broker = await Witness.serve();
  const sub = begin(broker.port, ["sub", "-p", String(broker.port), "-t", "a", "--ask-password"]);
  await sub.until(/Password: $/);
  await sub.type(`sec${CTRL_C}`);
  assertEquals(await sub.end(), { exitCode: 130, stdout: "Password: \r\n", stderr: GOOD });
  assertEquals(broker.passwords, []);
});

terminalTest("what is typed after the password is for the command", async () => {
  await using broker = await Witness.serve();
  const args = ["pub", "-p", String(broker.port), "-t", "a", "-l", "-q", "1", "--ask-password"];
  const pub = begin(broker.port, args);
  await pub.until(/Password: $/);
  await pub.type("secret\nhello\nwörld\n");
  await broker.until(() => broker.published.length === 2);
  // Before the terminal edits lines again, this would be a character.
  await pub.type(CTRL_D);
  const { exitCode, stdout, stderr } = await pub.end();
  assertEquals([exitCode, stderr], [0, GOOD]);
  assert(!stdout.includes("secret"));
  assertEquals(broker.passwords, ["secret"]);
  assertEquals(broker.published, ["hello", "wörld"]);
});

terminalTest(
  "the password is asked for before the payload is read, and is no part of it",
  async () => {
    await using broker = await Witness.serve();
    const args = ["pub", "-p", String(broker.port), "-t", "a", "-s", "--ask-password"];
    const pub = begin(broker.port, args);
    await pub.until(/Password: $/);
    await pub.type("secret\n");
    await broker.until(() => broker.passwords.length > 0);
    await pub.type(`hello\n${CTRL_D}`);
    const { exitCode, stdout, stderr } = await pub.end();
    assertEquals([exitCode, stderr], [0, GOOD]);
    assert(!stdout.includes("secret"));
    assertEquals([broker.passwords, broker.published], [["secret"], ["hello\n"]]);
  },
);

terminalTest(
  "passwd asks for the password twice, echoes nothing, and refuses two that differ",
  async () => {
    await using folder = await temporaryFolder();
    const file = `${folder.path}/passwords`;
    for (const [again, exitCode] of [["secret", 0], ["secrets", 1]] as const) {
      const permissions = [`--allow-read=${folder.path}`, `--allow-write=${folder.path}`];
      const passwd = beginWith(permissions, ["passwd", file, "alice"]);
      await passwd.until(/Password: $/);
      await passwd.type("secret\r");
      await passwd.until(/Again: $/);
      await passwd.type(`${again}\r`);
      const { exitCode: code, stdout, stderr } = await passwd.end();
      const told = exitCode === 0 ? "" : "\x1b[31mmqtt5:\x1b[0m The passwords differ\r\n";
      assertEquals([code, stdout, stderr], [exitCode, `Password: \r\nAgain: \r\n${told}`, GOOD]);
    }
    assertMatch(await Deno.readTextFile(file), /^alice:\$7\$100000\$\S+\n$/);
  },
);

terminalTest("--ask-password is refused where standard input is not a terminal", async () => {
  const args = ["sub", "-t", "a", "--ask-password"];
  const { exitCode, stdout } = await begin(1, args, { shell: '"$@" < /dev/null' }).end();
  assertEquals(exitCode, 2);
  assertMatch(screenOf(stdout), /^mqtt5: --ask-password needs a terminal [^\n]*\n$/);
});

/** A broker that takes three messages, and more only when the gate is opened. */
async function serveWithGate(): Promise<Gate> {
  const gate = Promise.withResolvers<boolean>();
  let count = 0;
  const broker = await Witness.serve({
    authorizePublish: () => ++count <= 3 ? true : gate.promise,
  });
  return { broker, open: () => gate.resolve(true), refuse: () => gate.resolve(false) };
}

interface Gate {
  readonly broker: Witness;
  readonly open: () => void;
  readonly refuse: () => void;
}

/** What the line of progress says, whatever the number. */
const PROGRESS = /\d (sent|received), /;

/** Waits for as long as a command that was started before would need to show its progress. */
async function untilProgressIsDue(): Promise<void> {
  const { broker, open } = await serveWithGate();
  await using _ = broker;
  const args = ["pub", "-p", String(broker.port), "-t", "a", "-l", "-q", "1"];
  const pub = begin(broker.port, args, { shell: `printf '1\n2\n3\n4\n' | "$@"` });
  await pub.until(PROGRESS);
  open();
  await pub.end();
}

terminalTest("pub -l tells how far it is, and leaves nothing of that", async () => {
  const { broker, open } = await serveWithGate();
  await using _ = broker;
  const args = ["pub", "-p", String(broker.port), "-t", "a", "-l", "-q", "1"];
  const pub = begin(broker.port, args, { shell: `printf '1\n2\n3\n4\n' | "$@"` });
  await pub.until(/3 sent, .*\d+ a second/);
  open();
  const { exitCode, stdout, stderr } = await pub.end();
  assertEquals([exitCode, stderr], [0, GOOD]);
  assertEquals(screenOf(stdout), "");
});

terminalTest("what is told while there is progress stands on a line of its own", async () => {
  const { broker, refuse } = await serveWithGate();
  await using _ = broker;
  const args = ["pub", "-p", String(broker.port), "-t", "a", "-l", "-q", "1"];
  const pub = begin(broker.port, args, { shell: `printf '1\n2\n3\n4\n' | "$@"` });
  await pub.until(PROGRESS);
  refuse();
  const { exitCode, stdout } = await pub.end();
  assertEquals(exitCode, 0x87);
  assertMatch(screenOf(stdout), /^mqtt5: [^\n]*Not authorized[^\n]*\n$/);
});

terminalTest("sub -C into a file tells how far it is, and Ctrl-C ends it with 0", async () => {
  await using broker = await Witness.serve();
  await using folder = await temporaryFolder();
  await using client = await broker.client();
  await client.publish("a", "1", { qos: 1, retain: true });
  const args = ["sub", "-p", String(broker.port), "-t", "a", "-C", "2"];
  const sub = begin(broker.port, args, { shell: `exec "$@" > '${folder.path}/output'` });
  await sub.until(/1 received, /);
  await sub.type(CTRL_C);
  const { exitCode, stdout, stderr } = await sub.end();
  assertEquals([exitCode, stderr], [0, GOOD]);
  assertEquals(screenOf(stdout), "");
  assertEquals(await Deno.readTextFile(`${folder.path}/output`), "1\n");
});

/** Where there is no place for a line of progress: a command line, and how it is run. */
const UNWATCHED: readonly (readonly [why: string, args: readonly string[], shell: string])[] = [
  [
    "standard error is a file",
    ["pub", "-l", "-q", "1"],
    `printf '1\n2\n3\n4\n' | "$@" 2> /dev/null`,
  ],
  ["a person types the lines", ["pub", "-l"], 'exec "$@"'],
  ["a person types the payload", ["pub", "-s"], 'exec "$@"'],
  ["no end is in sight, and another program writes", ["sub"], '"$@" | cat'],
  ["nothing is to be told", ["pub", "-l", "-q", "1", "--quiet"], `printf '1\n2\n3\n4\n' | "$@"`],
  ["there is a trace", ["pub", "-l", "-q", "1", "-d"], `printf '1\n2\n3\n4\n' | "$@"`],
  ["there is a trace", ["sub", "-d"], '"$@" > /dev/null'],
  ["the messages are on the terminal", ["sub"], 'exec "$@"'],
];

for (const [why, args, shell] of UNWATCHED) {
  terminalTest(`${args.join(" ")} shows no progress where ${why}`, async () => {
    const { broker, open } = await serveWithGate();
    await using _ = broker;
    const more = ["-p", String(broker.port), "-t", "a"];
    const running = begin(broker.port, [...args, ...more], { shell });
    await broker.until(() => broker.passwords.length > 0);
    await untilProgressIsDue();
    open();
    await running.type(args.includes("sub") ? CTRL_C : CTRL_D);
    const { stdout } = await running.end();
    assert(!PROGRESS.test(stdout), stdout);
  });
}

terminalTest("sub ends quietly with 0 when the program behind it has had enough", async () => {
  await using broker = await Witness.serve();
  await using client = await broker.client();
  await client.publish("a", "first", { qos: 1, retain: true });
  const args = ["sub", "-p", String(broker.port), "-t", "a"];
  // What is said when the reader has closed its end of the pipe.
  const shell =
    `{ "$@"; echo "ended with $?" >&2; } | { head -n 1; exec < /dev/null; echo gone; cat; }`;
  const sub = begin(broker.port, args, { shell });
  await sub.until(/first\r\ngone\r\n/);
  await client.publish("a", "second", { qos: 1 });
  const { stdout } = await sub.end();
  assertEquals(screenOf(stdout), "first\ngone\nended with 0\n");
});

/**
 * Colours that can be seen on a dark ground and on a bright one: no black, no white, and no ground
 * of their own.
 */
const SEEN = [0, 1, 2, 31, 32, 33, 36];

const SGR = new RegExp("\x1b\\[([\\d;]*)m", "g");

/** The codes that set colours. */
function colorsIn(shown: string): number[] {
  const codes = Array.from(shown.matchAll(SGR), ([, codes]) => codes!.split(";").map(Number));
  return [...new Set(codes.flat())];
}

/** Command lines that show much, with PORT for the broker's, and where they show it. */
const COLORFUL: readonly (readonly [args: readonly string[], where: "output" | "error"])[] = [
  [["decode", "20 03 00 00 00 c0"], "output"],
  [["demo"], "output"],
  [["connect", "-p", "PORT"], "output"],
  [["sub", "-p", "PORT", "-t", "a", "-E", "--trace"], "error"],
  [["sub", "-p", "PORT", "-t", "a", "-E", "--trace=full"], "error"],
  [["nope"], "error"],
];

for (const [args, where] of COLORFUL) {
  terminalTest(
    `${args.join(" ")} has colours on a terminal, if they are welcome, and fits it`,
    async () => {
      await using broker = await Witness.serve();
      const words = args.map((word) => word.replace("PORT", String(broker.port)));
      const port = args.includes("PORT") ? broker.port : 0;
      const shown = async (columns: number, options: TerminalOptions) => {
        const { stdout } = await begin(port, words, { columns, ...options }).end();
        for (const line of screenOf(stdout).split("\n")) {
          // A sentence is the terminal's to break.
          if (/^(Connected:|mqtt5:)/.test(line)) continue;
          assert([...line].length <= columns, `${[...line].length} of ${columns}: ${line}`);
        }
        return colorsIn(stdout);
      };
      const codes = await shown(80, {});
      assert(codes.length > 1, `${codes}`);
      for (const code of codes) assert(SEEN.includes(code), `${code}`);
      assertEquals(await shown(120, { env: { NO_COLOR: "1" } }), []);
      // What goes into a pipe has none, though the other output is the terminal.
      const shell = where === "output" ? '"$@" | cat' : '"$@" 2>&1 | cat';
      assertEquals(await shown(80, { shell }), []);
    },
  );
}

terminalTest("broker tells its story in colours, and Ctrl-C ends it with 0", async () => {
  const broker = begin(0, ["broker", "-p", "0"]);
  const [, url] = await broker.until(/listening on (\S+)\r\n/);
  const client = await connect(url!, { reconnect: false, clientId: "somebody" });
  await client.disconnect();
  await broker.until(/- "somebody".*\r\n|-\S* "somebody".*\r\n/);
  await broker.type(CTRL_C);
  const { exitCode, stdout, stderr } = await broker.end();
  assertEquals([exitCode, stderr], [0, GOOD]);
  assertMatch(screenOf(stdout), /^[\d:]+ \* listening [^\n]*\n.*\n.*\n[^\n]*\* shut down\n$/);
  for (const code of colorsIn(stdout)) assert(SEEN.includes(code), `${code}`);
});

for (const args of [["sub", "-v", "-C", "1"], ["retained", "--settle", "0.3"]]) {
  terminalTest(`${args[0]} shows escaped what a terminal would obey`, async () => {
    await using broker = await Witness.serve();
    await using client = await broker.client();
    await client.publish("a/\u{202E}b", "\x1b[2J\u{9B}31m\r\n", { qos: 1, retain: true });
    const words = [...args, "-p", String(broker.port), "-t", "a/#"];
    const { stdout } = await begin(broker.port, words).end();
    assertEquals(stdout, "a/\\u{202E}b \\u{1B}[2J\\u{9B}31m\\r\\n\r\n");
    const raw = await begin(broker.port, [...words, "--raw"]).end();
    assertEquals(raw.stdout, "a/\u{202E}b \x1b[2J\u{9B}31m\r\r\n\r\n");
  });
}

optionsTest(import.meta.url, terminalTest);
