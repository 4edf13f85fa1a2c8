// The command `inspect`: between Mosquitto's tools and a real Mosquitto it shows what they say, and
// records it so that tshark, and `decode`, read the same packets.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "../../../mod.ts";
import { serve } from "../../../src/broker/mod.ts";
import { temporaryFolder } from "../../broker_net/broker_net.ts";
import { withinPatience } from "../../interop/interop.ts";
import { type Mosquitto, mosquittoTest, noMosquitto, startMosquitto } from "../../io/mosquitto.ts";
import { run } from "../run.ts";
import { beginBare, fileWith } from "../server.ts";
import { optionsTest } from "../tested_options.ts";
import { noTshark, tshark } from "../tshark.ts";

/**
 * Runs `inspect` on a free port while `work` makes so many connections to that, and ends it as a
 * person does when they are closed.
 */
async function inspecting(
  args: readonly string[],
  work: (port: string) => Promise<void>,
  connections = 1,
): Promise<string> {
  await using inspect = beginBare(["--allow-all"], ["inspect", "--listen", "0", ...args]);
  const [, port] = await inspect.untilTold(/mqtt:\/\/127\.0\.0\.1:(\d+) is relayed to /);
  await work(port!);
  await inspect.until(new RegExp(`(closed[^]*){${connections}}`));
  inspect.kill("SIGINT");
  const { exitCode, stdout, stderr } = await inspect.end();
  assertEquals(exitCode, 0, stderr);
  return stdout;
}

/** Publishes with Mosquitto's own tool. */
async function publish(port: string, version: string, id: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("mosquitto_pub", {
    args: [
      ...["-p", port, "-V", version, "-i", id, "-u", "user", "-P", "geheim"],
      ...["-t", "a/b", "-m", "hello", "-q", "2"],
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

const PACKETS = ["CONNECT", "CONNACK", "PUBLISH", "PUBREC", "PUBREL", "PUBCOMP", "DISCONNECT"];

mosquittoTest(
  "inspect shows what mosquitto_pub and Mosquitto say, in 5.0 and in 3.1.1",
  async () => {
    await using mosquitto = await startMosquitto();
    const text = await inspecting([mosquitto.url], async (port) => {
      await publish(port, "5", "five");
      await publish(port, "311", "three");
    }, 2);
    const names = Array.from(text.matchAll(/^[→←] ([A-Z]+), /gm), ([, name]) => name);
    // The second may come before the relay has read the last bytes of the first.
    assertEquals(names.toSorted(), [...PACKETS, ...PACKETS].toSorted());
    assertMatch(text, /\n→ PUBLISH, 15 bytes §3\.3\n[^]*Payload "hello" §3\.3\.3\n/);
    assertMatch(text, /\n→ PUBLISH, 14 bytes MQTT 3\.1\.1 §3\.3\n[^]*Payload "hello" §3\.3\.3\n/);
    assertEquals([text.includes("geheim"), text.includes('Password "******"')], [false, true]);
    assert(!text.includes("!"), text);
  },
);

function needsTshark(name: string, test: (mosquitto: Mosquitto) => Promise<void>): void {
  const why = noMosquitto ?? noTshark;
  const ignore = why !== undefined;
  Deno.test({
    name: ignore ? `${name} (skipped: ${why})` : name,
    ignore,
    async fn() {
      await using mosquitto = await startMosquitto();
      await withinPatience(test(mosquitto));
    },
  });
}

needsTshark(
  "tshark and decode read the same packets in a capture of inspect",
  async (mosquitto) => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/device.pcapng`;
    const text = await inspecting(["--write", path, mosquitto.url], async (port) => {
      await publish(port, "5", "five");
      await publish(port, "311", "three");
    }, 2);
    // The second client may be there before the relay has read the last bytes of the first.
    for (const stream of [0, 1]) {
      const types = await tshark(path, ["mqtt.msgtype"], `mqtt && tcp.stream == ${stream}`);
      assertEquals(types.flat(), ["1", "2", "3", "5", "6", "7", "14"]);
    }
    const published = await tshark(
      path,
      ["mqtt.topic", "mqtt.msg", "mqtt.msgid"],
      "mqtt.msgtype==3",
    );
    assertEquals(published, Array(2).fill(["a/b", "68656c6c6f", "1"]));
    const connects = await tshark(path, ["mqtt.clientid", "mqtt.passwd"], "mqtt.msgtype==1");
    assertEquals(connects, [["five", "******"], ["three", "******"]]);
    // 1: good.
    const checked = await tshark(path, ["ip.checksum.status", "tcp.checksum.status"]);
    assert(checked.length > 20);
    assert(checked.every((each) => each.join() === "1,1"));
    assertEquals(await tshark(path, ["frame.number"], "tcp.analysis.flags || _ws.malformed"), []);
    // A trace that is a little late knows the Client Identifier when it tells of the connection.
    const plain = (text: string) =>
      text.replaceAll(/\n\+ connected to .*/g, "").replaceAll(/( #\d) "\w+"/g, "$1");
    const { exitCode, stdout } = await run(["decode", path]);
    assertEquals([exitCode, plain(stdout)], [0, plain(text)]);
    const fromInput = await run(["decode", "--raw"], { stdin: await Deno.readFile(path) });
    assertEquals(fromInput.stdout, stdout);
  },
);

/** A client of ours, once there and back. */
async function visit(port: string): Promise<void> {
  const client = await connect(`mqtt://127.0.0.1:${port}`, {
    clientId: "device",
    username: "user",
    password: "geheim",
    reconnect: false,
  });
  await client.publish("a", "hello", { qos: 1 });
  await client.disconnect();
}

Deno.test("inspect --json has a line for each packet, and --show-password shows all", async () => {
  await using broker = await serve({ port: 0 });
  await using file = await fileWith(JSON.stringify({ "show-password": true }));
  for (const options of [[], ["--show-password"], ["--options", file.path]]) {
    const text = await inspecting(["--json", ...options, "-L", broker.url], visit);
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    const packets = lines.filter(({ event }) => event === "packet");
    assertEquals(
      packets.map(({ direction, name }) => `${name} ${direction}`),
      [
        ...["CONNECT client to server", "CONNACK server to client", "PUBLISH client to server"],
        ...["PUBACK server to client", "DISCONNECT client to server"],
      ],
    );
    const [{ packet, hex, connection, size, time }] = packets;
    assertEquals(packet.password, options.length > 0 ? "geheim" : "******");
    assertEquals([hex.length, connection], [2 * size, 1]);
    assertMatch(time, /^20\d\d-.*Z$/);
    const { event, fault, clientId } = lines.at(-1);
    assertEquals([event, fault, clientId], ["closed", undefined, "device"]);
  }
});

Deno.test("inspect --full explains every byte, to the server of -h and -p", async () => {
  await using broker = await serve({ port: 0 });
  const server = ["-h", "127.0.0.1", "-p", String(broker.port)];
  const text = await inspecting(["--full", ...server], visit);
  assertMatch(text, /→ CONNECT, \d+ bytes §3\.1\n {2}Fixed header\n {5}0 {2}10 /);
});

Deno.test("inspect says which rule is broken", async () => {
  await using broker = await serve({ port: 0 });
  const text = await inspecting([broker.url], async (port) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    await connection.write(Uint8Array.fromHex("100d00044d5154540502003c000000"));
    await connection.write(Uint8Array.fromHex("100d00044d5154540502003c000000"));
    while (await connection.read(new Uint8Array(100)) !== null);
  });
  assertMatch(text, /→ CONNECT, [^]*→ CONNECT, [^→]*\n {4}! [^→]*\[MQTT-3\.1\.0-2\]/);
});

Deno.test("inspect listens at several places, and pages of other origins need --allow-origin", async () => {
  await using broker = await serve({ port: 0 });
  const args = ["--listen", "ws://127.0.0.1:0", "--allow-origin", "https://a.example"];
  await using inspect = beginBare(["--allow-all"], [
    "inspect",
    ...args,
    "--listen",
    "0",
    broker.url,
  ]);
  const [, url] = await inspect.untilTold(/(ws:\S+) is relayed/);
  const at = async (origin: string) => {
    try {
      const headers = { Origin: origin };
      await using client = await connect(url!, { reconnect: false, headers });
      return client.server.clientId !== "";
    } catch {
      return false;
    }
  };
  assertEquals([await at("https://a.example"), await at("https://b.example")], [true, false]);
  await inspect.until(/← CONNACK/);
  await inspect.untilTold(/the WebSocket was refused/);
  inspect.kill("SIGINT");
  assertEquals((await inspect.end()).exitCode, 0);
});

Deno.test("inspect --quiet says nothing, and ends when nobody reads", async () => {
  const { exitCode, stderr } = await run(["inspect", "--quiet", "-l", "0", "mqtt://127.0.0.1:1"], {
    signal: AbortSignal.abort(),
  });
  assertEquals([exitCode, stderr], [0, ""]);
});

const WRONG: readonly (readonly [args: readonly string[], message: string])[] = [
  [["-l", "x"], "--listen: expected a port or a URL with one"],
  [["-l", "mqtt://127.0.0.1"], "--listen: expected a port or a URL with one"],
  [["-l", "65536"], "--listen: expected a port or a URL with one"],
  [["-l", "mqtt://127.0.0.1:1/a"], "mqtt:// URLs end after the port"],
  [["-l", "mqtts://127.0.0.1:1"], "--listen with mqtts:// or wss:// needs --cert and --key"],
  [["--cert", "c", "--key", "k"], "--cert and --key need --listen with mqtts:// or wss://"],
  [["--allow-origin", "*"], "--allow-origin needs --listen with ws:// or wss://"],
  [["--client-cert", "c", "-p", "8883"], "--client-cert and --client-key must be given together"],
  [["--client-cert", "c", "--client-key", "k"], "--client-cert needs a server with"],
  [["mqtt://user:pass@127.0.0.1"], "A relay sends no user and password of its own"],
  [["--json", "--full"], "--json and --full cannot be used together"],
];

for (const [args, message] of WRONG) {
  Deno.test(`inspect ${args.join(" ")} is refused`, async () => {
    const { exitCode, stderr } = await run(["inspect", ...args]);
    assertEquals(exitCode, 2);
    assertStringIncludes(stderr, message);
    assert(!stderr.includes("pass@"));
  });
}

Deno.test("decode refuses captures of other programs, and those that are damaged", async () => {
  const foreign = Uint8Array.fromHex("0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000");
  await using file = await fileWith(foreign);
  const path = `${file.path}.pcapng`;
  await Deno.rename(file.path, path);
  const { exitCode, stderr } = await run(["decode", path]);
  await Deno.rename(path, file.path);
  assertEquals(exitCode, 1);
  assertMatch(
    stderr,
    /^mqtt5: The capture was not written by mqtt5 inspect; [^\n]*tshark[^\n]*\n$/,
  );
  const missing = await run(["decode", "missing.pcapng"]);
  assertEquals(missing.stderr, 'mqtt5: Cannot read "missing.pcapng": no such file or directory\n');
});

optionsTest(import.meta.url);
