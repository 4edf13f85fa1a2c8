// `--trace`: every packet, both ways, on standard error, explained in short or byte by byte; by
// clients and by the broker.

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { connect } from "../../../mod.ts";
import { Recorder } from "../recorder.ts";
import { begin, beginBare, brokerTest, cli } from "../server.ts";
import { optionsTest } from "../tested_options.ts";

/** The packets that a trace shows, in their order. */
function packetsIn(trace: string): string[] {
  return Array.from(
    trace.matchAll(/^([→←] [A-Z]+), \d+ bytes? §[\d.]+$/gm),
    ([, packet]) => packet!,
  );
}

const EXCHANGE = [
  ...["→ CONNECT", "← CONNACK", "→ SUBSCRIBE", "← SUBACK"],
  ...["← PUBLISH", "→ PUBREC"],
];

for (const option of ["-d", "--trace", "--trace=full"]) {
  brokerTest(
    `sub ${option} shows every packet, and keeps standard output for data`,
    async (broker, client) => {
      await using sub = begin(broker, ["sub", option, "-t", "a", "-q", "2", "-C", "1"]);
      await sub.untilTold(/← SUBACK/);
      await client.publish("a", "esc\x1b[2J", { qos: 2 });
      const { exitCode, stdout, stderr } = await sub.end();
      assertEquals([exitCode, stdout], [0, "esc\x1b[2J\n"]);
      const shown = packetsIn(stderr);
      assertEquals(shown.slice(0, 6), EXCHANGE);
      // How far the exchange comes before the good-bye is up to the broker.
      assertStringIncludes(shown.join(), "→ DISCONNECT");
      assertStringIncludes(stderr, '"esc\\u{1B}[2J"');
      for (const line of stderr.split("\n")) assert(line.length <= 80, line);
    },
  );
}

Deno.test("--trace shows a packet's bytes and what they say, --trace=full each byte by itself", async () => {
  const traces = ["--trace", "--trace=full"].map(async (option) => {
    await using server = new Recorder();
    return (await cli(server, ["pub", "-t", "home", "-m", "on", "-r", option])).stderr;
  });
  const [compact, full] = await Promise.all(traces);
  assertMatch(
    compact!,
    /\n→ PUBLISH, 11 bytes §3\.3\n {4}31 09 00 04 68 6F 6D 65 00 6F 6E\n {4}RETAIN 1 [^\n]*; Topic Name "home" §3\.3\.2\.1; Payload "on" §3\.3\.3\n/,
  );
  assertNotMatch(compact!, /Fixed header/);
  assertMatch(
    full!,
    /\n→ PUBLISH, 11 bytes §3\.3\n {2}Fixed header\n {5}0 {2}31 +MQTT Control Packet type/,
  );
  assertMatch(
    full!,
    /\n {5}2 {2}00 04 +Topic Name, 4 bytes +§3\.3\.2\.1\n {5}4 {2}68 6F 6D 65 +"home"\n/,
  );
});

Deno.test("--trace shows what a server says that breaks the standard", async () => {
  await using server = new Recorder({ connect: () => [{ type: "connack" }, { type: "connack" }] });
  const { exitCode, stderr } = await cli(server, ["sub", "-t", "a", "--trace"]);
  assertEquals(exitCode, 1);
  assertEquals(packetsIn(stderr).filter((packet) => packet === "← CONNACK").length, 2);
  assertMatch(stderr, /\nmqtt5: localhost:\d+ violated the MQTT protocol: [^\n]*\n$/);
});

for (
  const [option, sign] of [["--trace", /\n {4}10 |not shown/], [
    "--trace=full",
    /Fixed header/,
  ]] as const
) {
  Deno.test(`broker ${option} shows what each client says and is told, as the client sees it`, async () => {
    await using broker = beginBare(["--allow-net=127.0.0.1"], ["broker", "-p", "0", option]);
    const [, url] = await broker.until(/listening on (mqtt:\S+)/);
    for (const clientId of ["one", "two"]) {
      const client = await connect(url!, { clientId, username: "alice", password: "s3cret" });
      await client.publish("a", "b", { qos: 1 });
      await client.disconnect();
      await broker.until(new RegExp(`- "${clientId}"`));
    }
    broker.kill("SIGINT");
    const { exitCode, stdout, stderr } = await broker.end();
    assertEquals(exitCode, 0);
    const each = ["→ CONNECT", "← CONNACK", "→ PUBLISH", "← PUBACK", "→ DISCONNECT"];
    assertEquals(packetsIn(stderr), [...each, ...each]);
    // Whose packets follow stands before them, once.
    const addresses = Array.from(
      stdout.matchAll(/from (127\.0\.0\.1:\d+)/g),
      ([, address]) => address,
    );
    assertEquals(stderr.match(/^127\.0\.0\.1:\d+$/gm), addresses);
    assertMatch(stderr, sign);
    assertNotMatch(stderr, /s3cret|73 33 63/);
  });

  Deno.test(`connect ${option} shows the packets once more, on standard error`, async () => {
    await using server = new Recorder();
    const args = ["connect", option, "-u", "alice", "-P", "s3cret"];
    const { exitCode, stdout, stderr } = await cli(server, args);
    assertEquals(exitCode, 0);
    assertEquals(packetsIn(stderr), ["→ CONNECT", "← CONNACK", "→ DISCONNECT"]);
    assertMatch(stdout, /^· TCP connection to localhost:\d+\n\n→ Client to Server: CONNECT/);
    assertMatch(stderr, sign);
    assertNotMatch(stderr + stdout, /s3cret|73 33 63/);
  });
}

optionsTest(import.meta.url);
