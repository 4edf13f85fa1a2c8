// What is observed of connections: their packets with what was found in them, and exact counts.

import { concat } from "jsr:@std/bytes@^1/concat";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodePacket, type PacketInit } from "../../../mod.ts";
import type { Output } from "../../../src/cli/context.ts";
import { EntryFormatter } from "../../../src/cli/inspect/format.ts";
import { entryToJson } from "../../../src/cli/inspect/json.ts";
import { type Entry, LinkObserver } from "../../../src/cli/inspect/link_observer.ts";
import { PacketStore } from "../../../src/cli/inspect/packet_store.ts";
import { Observer } from "../../../src/cli/inspect/observer.ts";
import { SessionMonitor } from "../../../src/monitor/mod.ts";
import { bytesOf } from "../../hex.ts";

const TIME = Date.UTC(2026, 0, 31, 12);
const PLACE = { client: "127.0.0.1:4711", server: "127.0.0.1:1883", listener: "mqtt://a:1884" };
const encoder = new TextEncoder();

/** An output without colours, of the usual width. */
const PLAIN: Output = {
  write() {},
  writeBytes: () => Promise.resolve(),
  status() {},
  isTerminal: false,
  colors: false,
  columns: 80,
};

function begin(options: ConstructorParameters<typeof Observer>[0] = {}) {
  const observer = new Observer(options);
  return { observer, cursor: observer.follow(), link: observer.open(PLACE, TIME) };
}

function send(link: LinkObserver, from: "client" | "server", ...packets: PacketInit[]): void {
  link.pass(from, concat(packets.map((packet) => encodePacket(packet))), TIME);
}

const CONNECT: PacketInit = {
  type: "connect",
  clientId: "device",
  username: "user",
  password: encoder.encode("geheim"),
};

/** All that is shown of a conversation. */
function shown({ cursor }: ReturnType<typeof begin>, full = false): string {
  const formatter = new EntryFormatter(PLAIN, { full });
  return cursor.take(Infinity).entries.map((entry) => formatter.format(entry)).join("");
}

Deno.test("each packet has its findings, with the statement and a sentence", () => {
  const scene = begin();
  send(scene.link, "client", CONNECT);
  send(scene.link, "server", { type: "connack" });
  send(scene.link, "client", { type: "pingreq" }, { type: "connect", clientId: "device" });
  const packets = scene.cursor.take(Infinity).entries.filter(({ type }) => type === "packet");
  assertEquals(
    packets.map((entry) =>
      entry.type === "packet" && entry.findings.map(({ statement }) => statement)
    ),
    [[], [], [], ["MQTT-3.1.0-2"]],
  );
  const formatter = new EntryFormatter(PLAIN, { full: false });
  assertMatch(formatter.format(packets[3]!), /\n {4}! [^\n]*\[MQTT-3\.1\.0-2\]\n$/);
  const json = JSON.parse(entryToJson(packets[3]!));
  assertEquals(json.findings[0].statement, "MQTT-3.1.0-2");
  assertEquals(json.packet.clientId, "device");
});

Deno.test("the Password is hidden in text, JSON, hex and captures, unless it is to be shown", () => {
  for (const showsSecrets of [false, true]) {
    const captured: Uint8Array[] = [];
    const capture = {
      opened() {},
      ended() {},
      closed() {},
      bytes: (_link: unknown, _from: unknown, bytes: Uint8Array) =>
        void captured.push(bytes.slice()),
    };
    const scene = begin({ showsSecrets, capture });
    send(scene.link, "client", CONNECT);
    const json = scene.cursor.take(Infinity).entries.map((entry) => entryToJson(entry)).join("");
    const other = begin({ showsSecrets });
    send(other.link, "client", CONNECT);
    const text = shown(other);
    const latin1 = new TextDecoder("latin1").decode(concat(captured));
    for (
      const [where, secret, hidden] of [
        [json, "geheim", '"******"'],
        [json, encoder.encode("geheim").toHex(), "2a2a2a2a2a2a"],
        [text, "geheim", '"******"'],
        [text, "67 65 68 65 69 6D", "2A 2A 2A 2A 2A 2A"],
        [latin1, "geheim", "******"],
      ] as const
    ) {
      assertEquals([where.includes(secret), where.includes(hidden)], [showsSecrets, !showsSecrets]);
    }
  }
});

Deno.test("MQTT 3.1.1 is decoded, both ways, with its own sections, and judged by no rule of MQTT 5.0", () => {
  const scene = begin();
  scene.link.pass("client", bytesOf("10 0D 0004 4D515454 04 02 003C 0001 64"), TIME);
  scene.link.pass("server", bytesOf("20 02 00 00"), TIME);
  scene.link.pass("client", bytesOf("30 05 0001 61 6869"), TIME);
  assertEquals(scene.link.info.clientId, "d");
  const text = shown(scene);
  assertMatch(text, /→ CONNECT, 15 bytes MQTT 3\.1\.1 §3\.1\n[^]*Protocol Level 4 §3\.1\.2\.2;/);
  assertMatch(text, /← CONNACK, 4 bytes MQTT 3\.1\.1 §3\.2\n[^]*0x00 accepted §3\.2\.2\.3\n/);
  assertMatch(text, /→ PUBLISH, 7 bytes MQTT 3\.1\.1 §3\.3\n[^]*Payload "hi" §3\.3\.3\n/);
  assert(!text.includes("!"), text);
});

Deno.test("bytes that are no packet are shown as what they are", () => {
  const scene = begin();
  scene.link.pass("client", encoder.encode("GET / HTTP/1.1\r\n"), TIME);
  scene.link.pass("server", bytesOf("16 03 03 00"), TIME);
  const text = shown(scene);
  assertMatch(text, /→ not MQTT, 1\d bytes\n {4}"/);
  assertMatch(text, /← TLS, not MQTT, \d bytes\n {4}16 03/);
});

Deno.test("a malformed packet is shown up to its fault, and every byte of it if that is wanted", () => {
  for (const full of [false, true]) {
    const scene = begin();
    send(scene.link, "client", CONNECT);
    send(scene.link, "server", { type: "connack" });
    scene.link.pass("client", bytesOf("82 02 00 00"), TIME);
    const text = shown(scene, full);
    assertMatch(text, /→ SUBSCRIBE, 4 bytes/);
    assertEquals(text.match(/Packet Identifier at byte 2 is 0/g)?.length, 1);
    assertEquals(text.includes("    ! SUBSCRIBE Packet Identifier at byte 2 is 0"), !full);
    assert(text.split("\n").every((line) => line.length <= 80), text);
    assertEquals(text.includes("Fixed header"), full);
  }
});

Deno.test("a packet whose flags are wrong is called malformed, with the rule that it breaks", () => {
  const scene = begin();
  send(scene.link, "client", CONNECT);
  send(scene.link, "server", { type: "connack" });
  scene.link.pass("client", bytesOf("60 02 00 07"), TIME);
  assertMatch(shown(scene), /→ malformed packet, 4 bytes\n.*\n {4}! PUBREL Reserved flags /);
});

Deno.test("a packet that is too large is flagged though the server breaks off before its end", () => {
  const scene = begin();
  send(scene.link, "client", CONNECT);
  send(scene.link, "server", { type: "connack", properties: { maximumPacketSize: 200 } });
  scene.link.pass("client", bytesOf("30 8C 27 00 01 61 00 78"), TIME);
  scene.link.close("the connection to the server broke: connection reset by peer", TIME);
  const text = shown(scene);
  assertMatch(text, /cut off: the connection ended after 8 of the packet's 5007 bytes\n/);
  assertMatch(text, /! The Client sends PUBLISH of 5007 bytes;[^]*200 \[MQTT-3\.2\.2-15\]\n/);
});

Deno.test("the end of each direction and of the connection are told, and what was cut off", () => {
  const scene = begin();
  scene.link.pass("client", bytesOf("10 20 00 04"), TIME);
  scene.link.end("client", TIME);
  scene.link.close("the connection to the server broke: timed out", TIME);
  const text = shown(scene);
  assertMatch(
    text,
    /cut off[^]*- The client sends no more\n- closed: the connection to the server/,
  );
  assertEquals(scene.observer.connections, []);
});

Deno.test("an answer that is missing for long when a connection ends is told", () => {
  for (const [seconds, isTold] of [[4, false], [7, true]] as const) {
    const scene = begin();
    send(scene.link, "client", CONNECT);
    send(scene.link, "server", { type: "connack" });
    send(scene.link, "client", { type: "publish", topic: "a", qos: 1, packetId: 5 });
    scene.link.end("client", TIME + seconds * 1000);
    scene.link.close(undefined, TIME + seconds * 1000);
    const closed = scene.observer.follow().take(Infinity).entries.at(-1)!;
    const count = isTold ? 1 : 0;
    assertEquals([scene.link.info.findings, scene.observer.counts.findings], [count, count]);
    assertEquals("findings" in JSON.parse(entryToJson(closed)), isTold);
    const told = "The Server has not answered PUBLISH 5 with PUBACK, due for 7 s\n";
    const text = shown(scene);
    assertEquals(text.includes(`- closed\n    ! ${told}      [MQTT-4.3.2-4]\n`), isTold, text);
  }
});

Deno.test("all is counted exactly, however little is kept", () => {
  const scene = begin({ limits: { entries: 10, bytes: 1_000_000 } });
  send(scene.link, "client", CONNECT);
  for (let count = 0; count < 100; count++) {
    send(scene.link, "client", { type: "publish", topic: "a", payload: encoder.encode("x") });
  }
  const { missed, entries } = scene.cursor.take(Infinity);
  assertEquals([missed, entries.length], [92, 10]);
  const { packets, connections } = scene.observer.counts;
  assertEquals([packets, connections], [101, 1]);
  assertEquals(scene.observer.connections[0]!.sent.client.packets, 101);
  assertEquals(scene.observer.counts.bytes, scene.observer.connections[0]!.sent.client.bytes);
});

Deno.test("of a large PUBLISH the size is told, and JSON has the beginning of its payload", () => {
  const scene = begin();
  const payload = encoder.encode("x".repeat(100_000));
  send(scene.link, "client", CONNECT, { type: "publish", topic: "a", payload });
  const { entries } = scene.cursor.take(Infinity);
  const json = JSON.parse(entryToJson(entries.at(-1)!));
  assertEquals([json.size, json.packet.topic, json.hex.length], [100_008, "a", 131_072]);
  assertMatch(json.packet.payload, /^x{60000,}$/);
  const text = new EntryFormatter(PLAIN, { full: false }).format(entries.at(-1)!);
  assertMatch(text, /PUBLISH, 100008 bytes[^]*only 65536 bytes kept/);
});

Deno.test("payloads are text in JSON, and base64 where they are none", () => {
  const scene = begin();
  const payloads = [encoder.encode("text"), new Uint8Array([0xff, 0x00])];
  send(scene.link, "client", CONNECT);
  for (const payload of payloads) {
    send(scene.link, "client", { type: "publish", topic: "a", payload });
  }
  const packets = scene.cursor.take(Infinity).entries.slice(-2).map((entry) =>
    JSON.parse(entryToJson(entry))
  );
  assertEquals(packets.map(({ packet }) => packet.payload), ["text", { base64: "/wA=" }]);
  assertEquals(packets.map(({ direction }) => direction), Array(2).fill("client to server"));
  assertEquals(packets[0].time, "2026-01-31T12:00:00.000Z");
});

Deno.test("what a server says of a session is judged by the connections before", () => {
  const observer = new Observer();
  const cursor = observer.follow();
  const visit = (clientId: string, cleanStart: boolean, sessionPresent: boolean) => {
    const link = observer.open(PLACE, TIME);
    send(link, "client", { ...CONNECT, clientId, cleanStart } as PacketInit);
    send(link, "server", { type: "connack", sessionPresent });
    send(link, "client", { type: "disconnect" });
    link.end("client", TIME);
    link.close(undefined, TIME);
  };
  visit("device", true, false);
  // Its Session Expiry Interval was 0: there is none.
  visit("device", false, true);
  visit("other", false, false);
  const findings = cursor.take(Infinity).entries.flatMap((entry) =>
    entry.type === "packet"
      ? entry.findings.map(({ by, section }) => [entry.link.id, by, section])
      : []
  );
  assertEquals(findings, [[2, "server", "3.2.2"]]);
});

Deno.test("a server that answers what nobody can read, or nobody has sent, breaks nothing", () => {
  const observer = new Observer();
  const cursor = observer.follow();
  const broken = observer.open(PLACE, TIME);
  broken.pass("client", bytesOf("10 0D 0004 4D515454 05 03 003C 00 0000"), TIME);
  send(broken, "server", { type: "connack" });
  const early = observer.open(PLACE, TIME);
  send(early, "server", { type: "connack" });
  send(early, "client", CONNECT);
  const found = cursor.take(Infinity).entries.flatMap((entry) =>
    entry.type === "packet"
      ? entry.findings.map(({ by, section }) => [entry.link.id, by, section])
      : []
  );
  assertEquals(found, [[1, "client", "3.1.2.3"], [2, "server", "3.2"]]);
});

Deno.test("a mistake in judging is told once; packets go on to be shown, unjudged", () => {
  const entries: Entry[] = [];
  const failures: unknown[] = [];
  const sessions = {
    of() {
      throw new Error("a mistake");
    },
  };
  const options = {
    sessions: sessions as unknown as SessionMonitor,
    hides: true,
    store: new PacketStore(),
    publishes: undefined,
  };
  const link = new LinkObserver({ id: 1, ...PLACE }, options, {
    entry: (entry) => void entries.push(entry),
    failed: (error) => void failures.push(error),
    hold: () => true,
    bytes() {},
    ended() {},
    closed() {},
  });
  send(link, "client", CONNECT);
  send(link, "client", CONNECT);
  send(link, "client", { type: "pingreq" });
  link.close(undefined, TIME);
  assertEquals(failures.map(String), ["Error: a mistake"]);
  assertEquals(entries.map(({ type }) => type), ["packet", "packet", "packet", "closed"]);
});

Deno.test("when too much waits for the rest of its packet, the connection is not judged any further", () => {
  for (const [isWithin, expected] of [[true, ["MQTT-3.1.0-2"]], [false, []]] as const) {
    const found: unknown[] = [];
    const options = {
      sessions: new SessionMonitor(),
      hides: true,
      store: new PacketStore(),
      publishes: undefined,
    };
    const link = new LinkObserver({ id: 1, ...PLACE }, options, {
      entry: (entry) => {
        if (entry.type === "packet") {
          found.push(...entry.findings.map(({ statement }) => statement));
        }
      },
      failed() {},
      hold: () => isWithin,
      bytes() {},
      ended() {},
      closed() {},
    });
    const connect = encodePacket(CONNECT);
    link.pass("client", connect, TIME);
    link.pass("client", connect.subarray(0, 9), TIME);
    link.pass("client", connect.subarray(9), TIME);
    assertEquals(found, expected);
  }
});

Deno.test("a packet with a huge topic and many properties takes no more than a screen", () => {
  const scene = begin();
  send(scene.link, "client", CONNECT);
  const userProperties = Array.from({ length: 2000 }, () => ["name", "value"] as const);
  const properties = { userProperties };
  send(scene.link, "client", { type: "publish", topic: "t".repeat(10_000), properties });
  const text = shown(scene);
  assert(text.split("\n").length < 40, text.slice(0, 3000));
  assertMatch(text, /\n {4}… \d{3,4} more lines\n/);
});

Deno.test("on a terminal, JSON has escapes in place of what that might obey or hide", () => {
  const scene = begin();
  send(scene.link, "client", {
    type: "publish",
    topic: "a\u202eb",
    payload: encoder.encode("\x9b2J"),
  });
  const entry = scene.cursor.take(Infinity).entries.at(-1)!;
  const [raw, safe] = [entryToJson(entry), entryToJson(entry, true)];
  assertStringIncludes(raw, "a\u202eb");
  assertStringIncludes(safe, "\\u009b2J");
  assertMatch(safe, /^[\x20-\x7e]+\n$/);
  assertEquals(JSON.parse(safe), JSON.parse(raw));
});
