// What was received, on a terminal: what it might obey, hide or turn round is escaped, by every
// command that prints it. Into a pipe goes what came.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../../../mod.ts";
import type { Broker } from "../../../src/broker/mod.ts";
import { escaped, escapedBytes, escapedJson, quoted } from "../../../src/cli/terminal/text.ts";
import { withServer } from "../../broker_net/broker_net.ts";
import { run } from "../run.ts";
import { optionsTest } from "../tested_options.ts";

/** Characters that do something to a terminal or to a reader, and how they are shown. */
const UNSEEN: readonly (readonly [character: string, shown: string])[] = [
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\x07", "\\u{7}"],
  ["\b", "\\u{8}"],
  ["\x1b", "\\u{1B}"],
  ["\x7f", "\\u{7F}"],
  ["\u{85}", "\\u{85}"],
  ["\u{9B}", "\\u{9B}"],
  ["\u{A0}", "\\u{A0}"],
  ["\u{AD}", "\\u{AD}"],
  ["\u{34F}", "\\u{34F}"],
  ["\u{61C}", "\\u{61C}"],
  ["\u{115F}", "\\u{115F}"],
  ["\u{200B}", "\\u{200B}"],
  ["\u{200E}", "\\u{200E}"],
  ["\u{200F}", "\\u{200F}"],
  ["\u{2028}", "\\u{2028}"],
  ["\u{202A}", "\\u{202A}"],
  ["\u{202E}", "\\u{202E}"],
  ["\u{2060}", "\\u{2060}"],
  ["\u{2066}", "\\u{2066}"],
  ["\u{2069}", "\\u{2069}"],
  ["\u{3164}", "\\u{3164}"],
  ["\u{E000}", "\\u{E000}"],
  ["\u{FEFF}", "\\u{FEFF}"],
  ["\u{E0041}", "\\u{E0041}"],
];

/**
 * Each of them may still be in what is printed to a terminal: one that obeys or hides it must not
 * be.
 */
const ALL = UNSEEN.map(([character]) => character).join("");
const SHOWN = UNSEEN.map(([, shown]) => shown).join("");

/** The end of a line is the only one of them that a line has. */
function assertHarmless(printed: string): void {
  for (const [character] of UNSEEN) {
    const found = printed.trimEnd().includes(character);
    assert(!found, `${Deno.inspect(character)} in ${Deno.inspect(printed)}`);
  }
}

Deno.test("escaped() and quoted() escape what a terminal might obey, hide or turn round, and nothing else", () => {
  for (const [character, shown] of UNSEEN) assertEquals(escaped(`a${character}b`), `a${shown}b`);
  assertEquals(quoted(`a"${ALL}\\`), `"a\\"${SHOWN}\\\\"`);
  const plain = 'a b "c" \\ é 漢 😀 ❤️ नमस्ते שלום';
  assertEquals(escaped(plain), plain);
});

Deno.test("escapedBytes() shows text as text, and each byte that is none in hexadecimal", () => {
  const encoder = new TextEncoder();
  assertEquals(escapedBytes(encoder.encode(`é\u{FFFD}${ALL}😀`)), `é\u{FFFD}${SHOWN}😀`);
  const cases: readonly (readonly [string, string])[] = [
    ["", ""],
    ["9b", "\\x9B"],
    ["61 9b 32 4a", "a\\x9B2J"],
    ["c3 28", "\\xC3("],
    ["c3 a9 c3", "é\\xC3"],
    ["e2 82", "\\xE2\\x82"],
    ["ed a0 80", "\\xED\\xA0\\x80"],
    ["f0 9f 98 80 ff", "😀\\xFF"],
    ["c0 9b", "\\xC0\\x9B"],
    ["ef bb bf 61", "\\u{FEFF}a"],
  ];
  for (const [hex, shown] of cases) {
    assertEquals(escapedBytes(Uint8Array.fromHex(hex.replaceAll(" ", ""))), shown, hex);
  }
});

Deno.test("escapedJson() keeps the value", () => {
  const value = { [ALL]: ["é 😀", ALL] };
  const json = escapedJson(JSON.stringify(value));
  assertHarmless(json);
  assertEquals(JSON.parse(json), value);
});

/**
 * Those that a topic and a User Property may hold: the standard has receivers refuse some others
 * (§1.5.4).
 */
const IN_TEXT = UNSEEN.filter(([character]) => character > "\u{9F}");
const TOPIC = `t/${IN_TEXT.map(([character]) => character).join("")}`;
const TOPIC_SHOWN = `t/${IN_TEXT.map(([, shown]) => shown).join("")}`;

/** A broker that has retained a message with all of them in it. */
async function withMessage(test: (broker: Broker) => Promise<void>): Promise<void> {
  await withServer(async (broker) => {
    await using client = await connect(broker.url, { reconnect: false });
    await client.publish(TOPIC, ALL, {
      qos: 1,
      retain: true,
      contentType: TOPIC,
      responseTopic: TOPIC,
      correlationData: Uint8Array.of(0x9b, 0x61),
      userProperties: [[TOPIC, TOPIC]],
    });
    await test(broker);
  }, { port: 0 });
}

/** Commands that print messages. */
const COMMANDS: readonly (readonly string[])[] = [
  ["sub", "-t", "t/#", "-C", "1"],
  ["retained", "-t", "t/#", "--settle", "0.3"],
];

/** How they print them, and what that is. */
const FORMATS: readonly (readonly [args: readonly string[], shown: string])[] = [
  [["-F", "%p"], SHOWN],
  [["-F", "%t %p"], `${TOPIC_SHOWN} ${SHOWN}`],
  [
    ["-F", "\\e[1m%C|%R|%P|%D"],
    `\x1b[1m${`${TOPIC_SHOWN}|`.repeat(2)}${TOPIC_SHOWN}:${TOPIC_SHOWN}|\\x9Ba`,
  ],
  [["-F", "%-8.3t|%8.2t|%3p|"], `t/\\xC2  |      t/|\\n\\r\\t|`],
  [["-F", "%x"], new TextEncoder().encode(ALL).toHex()],
];

for (const command of COMMANDS) {
  for (const [args, shown] of FORMATS) {
    Deno.test(`${command[0]} ${args.join(" ")} escapes on a terminal what was received`, () =>
      withMessage(async ({ url }) => {
        const { stdout } = await run([...command, ...args, url], { colors: true });
        assertEquals(stdout, `${shown}\n`);
      }));
  }

  for (const args of [["--json"], ["--json", "--raw"], ["-F", "%j"], ["-F", "%J"]]) {
    Deno.test(`${command[0]} ${args.join(" ")} is harmless to a terminal, and says the same`, () =>
      withMessage(async ({ url }) => {
        const { stdout } = await run([...command, ...args, url], { colors: true });
        assertHarmless(stdout);
        const { topic, payload } = JSON.parse(stdout);
        assertEquals([topic, payload], [TOPIC, ALL]);
        const { stdout: piped } = await run([...command, ...args, url]);
        assert(piped.includes("\u{9B}") && piped.includes(TOPIC));
      }));
  }

  Deno.test(`${command[0]} writes what came into a pipe, and with --raw to a terminal`, () =>
    withMessage(async ({ url }) => {
      const args = [...command, "-F", "%t %p", url];
      assertEquals((await run(args)).stdout, `${TOPIC} ${ALL}\n`);
      assertEquals((await run([...args, "--raw"], { colors: true })).stdout, `${TOPIC} ${ALL}\n`);
    }));
}

Deno.test("sub -v and retained show topic and payload escaped on a terminal", () =>
  withMessage(async ({ url }) => {
    for (const [name, ...args] of [["sub", "-v", "-C", "1"], ["retained", "--settle", "0.3"]]) {
      const { stdout } = await run([name!, ...args, "-t", "t/#", url], { colors: true });
      assertEquals(stdout, `${TOPIC_SHOWN} ${SHOWN}\n`);
    }
  }));

Deno.test("request shows the answer escaped on a terminal, and with --raw as it is", () =>
  withServer(async (broker) => {
    await using client = await connect(broker.url, { reconnect: false });
    const requests = await client.subscribe("ask", { qos: 1 });
    const answering = (async () => {
      for await (const { responseTopic, correlationData } of requests) {
        await client.publish(responseTopic!, ALL, { correlationData });
      }
    })();
    const args = ["request", "-t", "ask", "-n", broker.url];
    assertEquals((await run(args, { colors: true })).stdout, `${SHOWN}\n`);
    assertEquals((await run([...args, "--raw"], { colors: true })).stdout, `${ALL}\n`);
    assertEquals((await run(args)).stdout, `${ALL}\n`);
    await requests.unsubscribe();
    await answering;
  }, { port: 0 }));

optionsTest(import.meta.url);
