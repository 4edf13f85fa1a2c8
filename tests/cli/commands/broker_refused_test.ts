// The lines of `broker` about connections that it refuses: one for each with the reason, and a bound.

import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../../mod.ts";
import type { Refusal } from "../../../src/broker/mod.ts";
import { RefusedLog } from "../../../src/cli/commands/broker_refused_log.ts";
import { numbers } from "../../broker_net/broker_net.ts";
import { bytesOf } from "../../hex.ts";
import { beginBare } from "../server.ts";

/** Sends bytes, and waits until the server has closed the connection. */
async function send(port: number, bytes: Uint8Array): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(bytes);
  const buffer = new Uint8Array(64);
  while (await connection.read(buffer).catch(() => null) !== null);
}

const text = (text: string) => new TextEncoder().encode(text);

const SENT: readonly (readonly [Uint8Array, RegExp])[] = [
  [
    bytesOf("10 0D 00044D515454 04 02 003C 0001 63"),
    /: the client speaks MQTT 3\.1\.1, and this broker MQTT 5\.0 only; [^\n]* need -V 5\n/,
  ],
  [text("GET / HTTP/1.1\r\n\r\n"), /: the client speaks HTTP, not MQTT\n/],
  [bytesOf("16 03 01 00 05 01 00 00 01 03"), /: the client speaks TLS, not MQTT\n/],
  [text("SSH-2.0-x\r\n"), /: the client did not begin with CONNECT\n/],
  // What is no client of MQTT 3 is not told what mosquitto's tools need.
  [
    bytesOf("10 0E 00044D515454 06 02 0000 00 0001 63"),
    /: the client speaks version 6 of MQTT, and this broker MQTT 5\.0 only\n/,
  ],
  [bytesOf("10 0E 00044D515454 05 01 0000 00 0001 63"), /: CONNECT Reserved at byte 9 is 1 /],
];

Deno.test("broker tells why it refuses a connection, in a line each", async () => {
  const args = ["broker", "-p", "0", "--accept-protocol-versions", "5"];
  await using broker = beginBare(["--allow-net=127.0.0.1"], args);
  const [, port] = await broker.until(/listening on mqtt:\/\/127\.0\.0\.1:(\d+)\n/);
  for (const [bytes, says] of SENT) {
    await send(Number(port), bytes);
    const [line] = await broker.until(new RegExp(`! refused 127\\.0\\.0\\.1:\\d+${says.source}`));
    assertMatch(line, says);
  }
  // It lets others in, and gives the names of those that it knows.
  await using _ = await connect(`mqtt://127.0.0.1:${port}`, { clientId: "accepted" });
  const packet = bytesOf("10 17 00044D515454 05 80 0000 04 150001 78 0001 63 0003 616C69");
  await send(Number(port), packet);
  await broker.until(/ ! refused "c" from 127[^ ]* as "ali": Bad authentication method \(0x8C\)\n/);
  broker.kill("SIGINT");
  assertEquals((await broker.end()).exitCode, 0);
});

function refusal(why: Refusal["why"], address: string, message = "because"): Refusal {
  return { why, message, reasonCode: undefined, address, listener: undefined, client: undefined };
}

Deno.test("a flood of refused connections is counted beyond ten lines, and the counts are told", () => {
  const lines: string[] = [];
  const log = new RefusedLog((line) => lines.push(line));
  for (const number of numbers(10_000)) {
    log.add(refusal(Number(number) % 4 === 0 ? "credentials" : "not MQTT", `host:${number}`));
  }
  assertEquals(lines.length, 10);
  log.end();
  assertEquals(lines.slice(10), [
    "refused more connections: 7493 that did not speak MQTT, " +
    "2497 for their credentials or rights; the last one from host:9999",
  ]);
  log.end();
  log.add(refusal("limit", "host:1"));
  assertEquals(lines.at(-1), "refused host:1: because");
  log.end();
  assertEquals(lines.length, 12);
});

Deno.test("a line about a refused connection is short, and safe for a terminal", () => {
  const lines: string[] = [];
  const log = new RefusedLog((line) => lines.push(line));
  log.add(refusal("malformed", "host:1", `\x1b[2J${"x".repeat(100_000)}`));
  log.end();
  assertMatch(lines[0]!, /^refused host:1: \\u\{1B\}\[2Jx{200,300}…$/);
});
