// Where `pub` and `sub` differ from mosquitto's tools on purpose: what each does, and why ours does
// not do the same.

import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../../mod.ts";
import { publishOnce, textsUntil } from "../../interop/interop.ts";
import {
  end,
  run,
  runBoth,
  type Side,
  sideBySideTest,
  SIDES,
  start,
  told,
  watch,
} from "./side_by_side.ts";

/** What comes of a `pub`: its exit code, and what is published. */
type Published = readonly [exitCode: number, messages: readonly string[]];

/** Why they differ, arguments, standard input, and what comes of them. */
const PUBLISHING: readonly (readonly [
  why: string,
  args: string[],
  input: string,
  theirs: Published,
  ours: Published,
])[] = [
  [
    "publishes to every topic given, not the last alone",
    ["-t", "a", "-t", "b", "-m", "x"],
    "",
    [0, ['b 1 "x"']],
    [0, ['a 1 "x"', 'b 1 "x"']],
  ],
  [
    "publishes each line to every topic given",
    ["-t", "a", "-t", "b", "-l"],
    "x\ny\n",
    [0, ['b 1 "x"', 'b 1 "y"']],
    [0, ['a 1 "x"', 'b 1 "x"', 'a 1 "y"', 'b 1 "y"']],
  ],
  [
    "keeps a NUL of a line, and the lines behind it",
    ["-t", "a", "-l"],
    "one\0two\nthree\n",
    [0, ['a 1 "one"']],
    [0, ['a 1 "one\\u0000two"', 'a 1 "three"']],
  ],
  [
    "takes an empty standard input for a payload, as an empty file is one",
    ["-t", "a", "-s"],
    "",
    [1, []],
    [0, ['a 1 ""']],
  ],
  [
    "takes any Keep Alive that the standard knows, 0 for none",
    ["-t", "a", "-m", "x", "-k", "0"],
    "",
    [1, []],
    [0, ['a 1 "x"']],
  ],
  [
    "lets the server choose where the Client Identifier is empty",
    ["-t", "a", "-m", "x", "-i", ""],
    "",
    [1, []],
    [0, ['a 1 "x"']],
  ],
  [
    "says that an empty topic is a mistake",
    ["-t", "", "-m", "x"],
    "",
    [0, []],
    [2, []],
  ],
  [
    "says that lines cannot be repeated, and does not leave --repeat out",
    ["-t", "a", "-l", "--repeat", "2"],
    "x\n",
    [0, ['a 1 "x"']],
    [2, []],
  ],
];

for (const [why, args, input, theirs, ours] of PUBLISHING) {
  sideBySideTest(`pub ${why}`, async (server) => {
    await using watcher = await watch(server);
    for (const side of SIDES) {
      const { exitCode } = await run(server, side, "pub", [...args, "-q", "1"], { input });
      const expected = side === "theirs" ? theirs : ours;
      assertEquals([exitCode, await watcher.published()], [...expected], side);
    }
  });
}

sideBySideTest(
  "-L is a URL: what is escaped in it is no longer escaped in what it says",
  async (server) => {
    const address = ["-L", `mqtt://m%40e@127.0.0.1:${server.port}/a%20b`];
    await using watcher = await watch(server);
    const seen = [];
    for (const side of SIDES) {
      await run(server, side, "pub", ["-m", "x"], { address });
      seen.push(await watcher.publishedBy(side));
    }
    assertEquals(seen, [
      { messages: ['a%20b 0 "x"'], began: "(p5, c1, k60, u'm%40e')." },
      { messages: ['a b 0 "x"'], began: "(p5, c1, k60, u'm@e')." },
    ]);
  },
);

sideBySideTest(
  "-d explains packets on standard error, and leaves standard output to data",
  async (server) => {
    await publishOnce(server, "a", "x", { retain: true });
    const [theirs, ours] = await runBoth(server, "sub", ["-t", "a", "-C", "1", "-d"]);
    assertEquals([theirs.exitCode, theirs.stderr], [0, ""]);
    assertMatch(theirs.stdout, /^Client theirs sending CONNECT\n(.*\n)+x\n/);
    assertEquals(told(ours), [0, "x\n"]);
    assertMatch(ours.stderr, /^→ CONNECT/);
  },
);

sideBySideTest("sub may end a subscription without another", async (server) => {
  const [theirs, ours] = await runBoth(server, "sub", ["-U", "a", "-E"]);
  assertEquals([theirs.exitCode, ours.exitCode], [1, 0]);
});

sideBySideTest("sub -W 0 gives up at once, for scripts that count down", async (server) => {
  const [theirs, ours] = await runBoth(server, "sub", ["-t", "a", "-W", "0"]);
  assertEquals([theirs.exitCode, ours.exitCode], [1, 27]);
});

sideBySideTest(
  "sub --remove-retained comes to its end, where mosquitto_sub waits until its time is out",
  async (server) => {
    for (const ends of [["-C", "2"], ["--retained-only"]]) {
      const outcomes = await Promise.all(SIDES.map(async (side) => {
        await publishOnce(server, `${side}/1`, "1", { retain: true });
        await publishOnce(server, `${side}/2`, "2", { retain: true });
        const args = ["-t", `${side}/+`, "--remove-retained", "-W", "1", ...ends];
        const outcome = await run(server, side, "sub", args);
        await using client = await connect(server.url);
        const messages = await client.subscribe(`${side}/+`);
        await client.publish(`${side}/end`, "end");
        assertEquals(await textsUntil(messages, "end"), [], side);
        return outcome;
      }));
      assertEquals(outcomes.map(told), [[27, "1\n2\n"], [0, "1\n2\n"]]);
    }
  },
);

sideBySideTest(
  "sub leaves no Will when it is told to end, unless it is asked to",
  async (server) => {
    await using watcher = await watch(server);
    const will = ["--will-topic", "w", "--will-payload", "bye"];
    const interrupted = async (side: Side, args: readonly string[]) => {
      const child = start(server, side, "sub", ["-t", "none", ...will, ...args]);
      await watcher.untilLogged(new RegExp(`: ${side} 0 none`));
      child.kill("SIGINT");
      assertEquals(told(await end(child)), [0, ""], side);
      const { messages } = await watcher.publishedBy(side);
      return [...messages, ...await watcher.published()];
    };
    assertEquals(await interrupted("theirs", []), ['w 0 "bye"']);
    assertEquals(await interrupted("ours", []), []);
    assertEquals(await interrupted("ours", ["--disconnect-with-will"]), ['w 0 "bye"']);
  },
);

sideBySideTest(
  "pub -m refuses bytes that are not UTF-8, which mosquitto_pub sends as they are",
  async (server) => {
    await using client = await connect(server.url);
    const messages = await client.subscribe("a");
    const address = `-V 5 -p ${server.port} -t a -m "$(printf 'caf\\351')"`;
    const cli = new URL("../../../cli.ts", import.meta.url).pathname;
    const exitCodes: number[] = [];
    for (const tool of [`"$1" run --quiet --allow-net ${cli} pub`, "mosquitto_pub"]) {
      const args = ["-c", `${tool} ${address}`, "sh", Deno.execPath()];
      exitCodes.push((await new Deno.Command("sh", { args }).output()).code);
    }
    assertEquals(exitCodes, [2, 0]);
    for await (const { payload } of messages) {
      assertEquals(payload, Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
      break;
    }
  },
);
