// The command `decode`: what it prints, what it refuses, and that nothing from the wire reaches the
// terminal as it is.

import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { encodePacket } from "../../../mod.ts";
import type { Output } from "../../../src/cli/context.ts";
import { main } from "../../../src/cli/main.ts";
import { bytesOf, hexOf } from "../../hex.ts";
import { run, runProcess } from "../run.ts";

const CONNACK = "20 06 00 00 03 21 00 14";

const EXPLAINED = `CONNACK, 8 bytes §3.2
  Fixed header
     0  20                       MQTT Control Packet type and flags       §2.1.1
        0010 ....                  MQTT Control Packet type 2: CONNACK    §2.1.2
        .... 0000                  Reserved flags 0                       §2.1.3
     1  06                       Remaining Length 6: 6 bytes follow       §2.1.4
  Variable header
     2  00                       Connect Acknowledge Flags              §3.2.2.1
        0000 000.                  Reserved 0                           §3.2.2.1
        .... ...0                  Session Present 0: the session is  §3.2.2.1.1
                                   new
     3  00                       Connect Reason Code 0x00: Success      §3.2.2.2
                                 (accepted)
     4  03                       Property Length 3: 3 bytes of        §3.2.2.3.1
                                 properties
     5  21                       Property Identifier 0x21: Receive      §2.2.2.2
                                 Maximum
     6  00 14                    Receive Maximum 20: at most 20       §3.2.2.3.3
                                 unacknowledged QoS 1 and 2 messages
`;

Deno.test("decode explains every byte with offset, value, meaning and section", async () => {
  assertEquals(await run(["decode", CONNACK]), { exitCode: 0, stdout: EXPLAINED, stderr: "" });
});

for (
  const [how, args, stdin] of [
    ["as several arguments", ["decode", ...CONNACK.split(" ")]],
    ["with 0x and commas", ["decode", CONNACK.replaceAll(/(\S+) ?/g, "0x$1, ")]],
    ["as an array", ["decode", `[${CONNACK.replaceAll(/(\S)(\S) ?/g, "0x$1$2, ")}]`]],
    ["with single digits after 0x", ["decode", "0x20 0x6 0x0 0x0 0x3 0x21 0x0 0x14"]],
    ["as escapes", ["decode", CONNACK.replaceAll(/(\S+) ?/g, "\\x$1")]],
    ["with colons", ["decode", CONNACK.replaceAll(" ", ":").toLowerCase()]],
    ["as digits on standard input", ["decode"], `${CONNACK}\n`],
    ["as bytes on standard input", ["decode"], bytesOf(CONNACK)],
    ["on standard input, called -", ["decode", "-"], CONNACK],
    ["as bytes that look like digits", ["decode", "--raw"], bytesOf(CONNACK)],
    ["as digits that are asked for", ["decode", "--hex"], CONNACK],
  ] as const
) {
  Deno.test(`decode takes bytes ${how}`, async () => {
    const { stdout } = await run(args, stdin === undefined ? {} : { stdin });
    assertEquals(stdout, EXPLAINED);
  });
}

Deno.test("decode explains what a short form leaves out", async () => {
  const { stdout } = await run(["decode", "62020001 E000"]);
  assertMatch(stdout, /^ +omitted +PUBREL Reason Code 0x00: Success +§3\.6\.2\.1$/m);
  assertMatch(stdout, /^ +omitted +Property Length 0: no properties +§3\.6\.2\.2\.1$/m);
  assertMatch(stdout, /^ +omitted +Disconnect Reason Code 0x00: Normal +§3\.14\.2\.1$/m);
});

Deno.test("decode explains several packets in a row", async () => {
  const { stdout, exitCode } = await run(["decode", `C000${hexOf(bytesOf(CONNACK))}E000`]);
  assertMatch(stdout, /^PINGREQ, 2 bytes §3.12\n[^]*\nCONNACK, 8 bytes[^]*\nDISCONNECT, 2 bytes/);
  assertEquals(exitCode, 0);
});

Deno.test("decode explains a broken packet up to its fault, and stops there", async () => {
  const { stdout, exitCode } = await run(["decode", "30 05 00 01 23 00 41 C000"]);
  assertStringIncludes(stdout, '4  23                       "#"');
  assertStringIncludes(
    stdout.replaceAll(/\n */g, " "),
    "PUBLISH Topic Name at byte 2 contains a wildcard, # or + [MQTT-4.7.0-1] (§3.3.2.1): " +
      "Reason Code 0x81, Malformed Packet",
  );
  assertStringIncludes(stdout, "     5  00 41                    not read");
  assertStringIncludes(stdout, "2 bytes after this packet: not decoded");
  assertFalse(stdout.includes("PINGREQ"));
  assertEquals(exitCode, 1);
});

Deno.test("decode explains what there is of a packet that is cut", async () => {
  const { stdout, exitCode } = await run(["decode", "10 17 0004 4D515454 05 02"]);
  assertStringIncludes(stdout, "Clean Start 1: begin a new session");
  assertStringIncludes(stdout, "CONNECT Keep Alive at byte 10 is missing (§3.1.2.10)");
  assertEquals(exitCode, 1);
});

Deno.test("decode shows long values in part, and in full when asked to", async () => {
  const bytes = Uint8Array.from([
    0x30,
    0x83,
    0x01,
    0x00,
    0x01,
    0x61,
    0x00,
    ...Array(127).fill(0x62),
  ]);
  const short = await run(["decode"], { stdin: bytes });
  assertStringIncludes(short.stdout, "63 bytes more");
  assertMatch(short.stdout, /b" …\n/);
  const long = await run(["decode", "--full"], { stdin: bytes });
  assertEquals(long.stdout.match(/\b62\b/g)?.length, 127);
});

Deno.test("decode escapes all that a terminal might obey", async () => {
  const nasty = '\x1b[2J\x07\r\n\t\x7f\x9b\u202e\u2028\u200b\ufeff"\\';
  const text = new TextEncoder().encode(nasty);
  const bytes = Uint8Array.from([0x30, 3 + text.length * 2, 0, text.length, ...text, 0, ...text]);
  for (const colors of [false, true]) {
    const { stdout } = await run(["decode", "--full"], { stdin: bytes, colors });
    // deno-lint-ignore no-control-regex
    const others = stdout.replaceAll(/\x1b\[\d+m/g, "");
    assertFalse(/[^\P{C}\n]|[\u2028\u2029]/u.test(others));
    assertStringIncludes(
      others.replaceAll(/\n +(?:[0-9A-F]{2} ?)* */g, ""),
      '"\\u{1B}[2J\\u{7}\\r\\n\\t',
    );
  }
});

Deno.test("decode uses colours where they are welcome, and only there", async () => {
  const plain = await run(["decode", CONNACK]);
  assertFalse(plain.stdout.includes("\x1b"));
  const coloured = await run(["decode", CONNACK], { colors: true });
  // deno-lint-ignore no-control-regex
  assertEquals(coloured.stdout.replaceAll(/\x1b\[\d+m/g, ""), EXPLAINED);
  assert(coloured.stdout.includes("\x1b[1m"));
});

for (
  const [what, args, message] of [
    [
      "an odd number of digits",
      ["decode", "123"],
      /"123" has an odd number of hexadecimal digits\n/,
    ],
    ["something other than a digit", ["decode", "12 3G"], /"G" is not a hexadecimal digit/],
    [
      "an escape sequence as digits",
      ["decode", "\x1b[2J"],
      /"\\u\{1B\}" is not a hexadecimal digit/,
    ],
    ["an x that belongs to no 0", ["decode", "10 x1"], /"x" is not a hexadecimal digit/],
    ["digits that are not in pairs", ["decode", "C0 0 D0 0"], /"0" has an odd number/],
    ["digits beside -", ["decode", "-", "C000"], /either as HEX or on standard input/],
    ["digits beside --raw", ["decode", "--raw", "C000"], /either as HEX or on standard input/],
    ["nothing at all", ["decode"], /Expected bytes as HEX or on standard input; see decode --help/],
    ["an empty argument", ["decode", ""], /No bytes to decode/],
    ["an option that does not exist", ["decode", "--nope"], /Unknown option --nope/],
    [
      "options that cannot be used together",
      ["decode", "--raw", "--hex"],
      /--raw and --hex cannot be used together/,
    ],
  ] as const
) {
  Deno.test(`decode refuses ${what} with exit code 2`, async () => {
    const result = await run(args);
    assertEquals(result.exitCode, 2);
    assertEquals(result.stdout, "");
    assertMatch(result.stderr, /^mqtt5: .*\n$/);
    assertMatch(result.stderr, message);
  });
}

Deno.test("decode refuses text on standard input that is not quite digits", async () => {
  const { exitCode, stdout, stderr } = await run(["decode"], { stdin: "C000 # ping" });
  assertEquals([exitCode, stdout], [2, ""]);
  assertMatch(
    stderr,
    /^mqtt5: Standard input contains "#", which is not a hexadecimal digit; use --raw [^\n]*\n$/,
  );
});

Deno.test("decode shows a long payload of any size", async () => {
  const payload = new Uint8Array(1_500_000).fill(0xff);
  const stdin = encodePacket({ type: "publish", topic: "a", payload });
  assertMatch((await run(["decode"], { stdin })).stdout, /Payload, 1500000 bytes: not text/);
  const { exitCode, stdout } = await run(["decode", "--full"], { stdin });
  assertEquals([exitCode, stdout.split("\n").length > 187_500], [0, true]);
  const broken = await run(["decode", "--full"], { stdin: stdin.with(6, 0x23) });
  assertEquals([broken.exitCode, broken.stderr], [1, ""]);
  assertMatch(broken.stdout, /not read/);
});

Deno.test("decode stops when it is interrupted, in its input and in its output", async () => {
  for (const stdin of [undefined, "C000".repeat(100_000)]) {
    const interrupt = new AbortController();
    const stdout: Output = {
      write: () => interrupt.abort(),
      writeBytes: () => Promise.resolve(interrupt.abort()),
      status() {},
      isTerminal: false,
      colors: false,
      columns: 80,
    };
    const readable = stdin === undefined
      ? new ReadableStream<Uint8Array>({ pull: () => interrupt.abort() })
      : new Blob([stdin]).stream();
    const exitCode = await main({
      args: ["decode"],
      program: "cli.ts",
      stdin: { readable, isTerminal: false },
      stdout,
      stderr: stdout,
      signal: interrupt.signal,
    });
    assertEquals(exitCode, 130);
  }
});

Deno.test("decode needs no permission", async () => {
  assertEquals(await runProcess([], ["decode", CONNACK]), {
    exitCode: 0,
    stdout: EXPLAINED,
    stderr: "",
  });
  const piped = await runProcess([], ["decode"], bytesOf(CONNACK));
  assertEquals(piped.stdout, EXPLAINED);
});

Deno.test("decode explains MQTT 3.1.1 by its own sections: after a CONNECT of it, or when it is told", async () => {
  const connect = "100D00044D51545404020000000163";
  const heading = (name: string) =>
    new RegExp(`^${name}, \\d+ bytes MQTT 3\\.1\\.1 §3\\.\\d+$`, "m");
  const { stdout, exitCode } = await run(["decode", connect, "40020001"]);
  assertEquals(exitCode, 0);
  assertMatch(stdout, heading("CONNECT"));
  assertMatch(stdout, heading("PUBACK"));
  assertMatch(stdout, /^ +8 {2}04 +Protocol Level 4: MQTT 3\.1\.1 +§3\.1\.2\.2$/m);
  assertMatch(stdout, /^ {2}Fixed header\n {5}0 {2}10 /m);
  assertEquals(stdout.match(/Property|Reason Code/), null);
  for (const version of ["311", "4", "mqttv311"]) {
    const told = await run(["decode", "-V", version, "20020005"]);
    assertMatch(told.stdout, /^ +3 {2}05 +Connect Return code 0x05: not +§3\.2\.2\.3$/m);
  }
  for (const version of ["31", "3", "mqttv31"]) {
    assertEquals((await run(["decode", "-V", version, "6A020001"])).exitCode, 0);
  }
});

Deno.test("decode says what breaks a rule of MQTT 3.1.1, which has no Reason Code for it", async () => {
  const { stdout, exitCode } = await run(["decode", "-V", "311", "8206000100016104"]);
  assertEquals(exitCode, 1);
  assertMatch(stdout, /is not 0\s+\[MQTT311-3\.8\.3-4\]\s+\(MQTT 3\.1\.1 §3\.8\.3\)\n$/);
});

Deno.test("decode refuses a version that it does not know, and one for a capture, which tells its own", async () => {
  const unknown = await run(["decode", "-V", "6", "C000"]);
  assertEquals(unknown.exitCode, 2);
  assertStringIncludes(unknown.stderr, '--protocol-version: expected 5, 311 or 31, got "6"');
  const capture = bytesOf("0A0D0D0A 1C000000 4D3C2B1A 0100 0000 FFFFFFFFFFFFFFFF 1C000000");
  const told = await run(["decode", "-V", "5"], { stdin: capture });
  assertEquals(told.exitCode, 2);
  assertStringIncludes(told.stderr, "a capture tells the version by its CONNECT");
});
