// Bytes that are no packets, or not of MQTT 5.0; how bytes are cut; and what is told of each packet.

import { assert, assertEquals } from "@std/assert";
import { encodePacket } from "../../mod.ts";
import { LinkMonitor, type Observed } from "../../src/monitor/mod.ts";
import normative from "../conformance/normative.json" with { type: "json" };
import { client, connected, listen, server, testCases } from "./conversation.ts";

testCases([
  {
    name: "bytes of the Client that are no packet",
    rule: "MQTT-2.1.3-1",
    by: "client",
    wrong: [[...connected(), client("C1 00")]],
    right: [[...connected(), client("C0 00")]],
  },
  {
    name: "a SUBSCRIBE without a Topic Filter",
    rule: "MQTT-3.8.3-2",
    by: "client",
    wrong: [[...connected(), client("82 03 0001 00")]],
    right: [[...connected(), client("82 07 0001 00 0001 61 00")]],
  },
  {
    name: "a CONNECT with a reserved flag",
    rule: "MQTT-3.1.2-3",
    by: "client",
    wrong: [[client("10 0D 0004 4D515454 05 01 0000 00 0000")]],
    right: [[client("10 0D 0004 4D515454 05 02 0000 00 0000")]],
    isExercised: false,
  },
  {
    name: "an answer in the form of MQTT 3.1.1",
    rule: "§3.2",
    by: "server",
    wrong: [[client({ type: "connect" }), server("20 02 00 01")]],
    right: [connected()],
  },
  {
    name: "a packet that is larger than it reads",
    rule: "§2.1.4",
    by: "client",
    wrong: [[...connected(), client("30 7F"), client("30 7F")]],
    right: [[...connected(), client("30 04 0001 74 00")]],
    options: { largestPacket: 100 },
  },
]);

Deno.test("the monitor leaves other versions of MQTT and other protocols alone", () => {
  const protocolOf = (hex: string) => {
    const { link, findings } = listen([[
      client(hex),
      server("20 02 00 00"),
      client("30 03 0001 61"),
    ]]);
    return [link.protocol, findings.length];
  };
  assertEquals(protocolOf("10 0C 0004 4D515454 04 02 003C 0000"), ["MQTT 3.1.1", 0]);
  assertEquals(protocolOf("10 0E 0006 4D5149736470 03 02 003C 0000"), ["MQTT 3.1", 0]);
  assertEquals(protocolOf("10 0C 0004 4D515454 06 02 003C 0000"), ["other", 0]);
  assertEquals(protocolOf("47 45 54 20 2F 20"), ["other", 0]);
  assertEquals(protocolOf("16 03 01 00 00"), ["other", 0]);
});

Deno.test("the monitor judges nothing more once it cannot read one direction", () => {
  const said = listen([[
    ...connected({}, { properties: { receiveMaximum: 1 } }),
    client({ type: "publish", topic: "t", qos: 1, packetId: 1 }),
    server("41 02 0001"),
    client({ type: "publish", topic: "t", qos: 1, packetId: 2 }),
    client({ type: "publish", topic: "t", qos: 1, packetId: 2 }),
  ]]);
  assertEquals(said.rules, ["MQTT-2.1.3-1"]);
});

Deno.test("the monitor tells of each packet where it lies, however its bytes are cut", () => {
  const packets = [
    encodePacket({ type: "connect", clientId: "a" }),
    encodePacket({ type: "publish", topic: "t", payload: new Uint8Array([1, 2, 3]) }),
    encodePacket({ type: "pingreq" }),
  ];
  const bytes = new Uint8Array(packets.flatMap((packet) => [...packet]));
  const places = (cut: number) => {
    const seen: unknown[] = [];
    const observe = ({ from, start, size, packet, findings, now }: Observed) => {
      seen.push([from, start, size, packet?.type, findings.length, now]);
    };
    const link = new LinkMonitor({ observe });
    link.client(bytes.subarray(0, cut), 5);
    link.client(bytes.subarray(cut), 5);
    return seen;
  };
  const [first, second] = [packets[0]!.length, packets[1]!.length];
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(places(cut), [
      ["client", 0, first, "connect", 0, 5],
      ["client", first, second, "publish", 0, 5],
      ["client", first + second, 2, "pingreq", 0, 5],
    ]);
  }
});

Deno.test("the monitor keeps nothing of bytes that change once it has been given them", () => {
  const link = new LinkMonitor();
  const topics: string[] = [];
  const watched = new LinkMonitor({
    observe: ({ packet }) => packet?.type === "publish" && topics.push(packet.topic),
  });
  const buffer = new Uint8Array(1);
  const connect = encodePacket({ type: "connect", clientId: "a" });
  for (const byte of [...connect, ...encodePacket({ type: "publish", topic: "kept" })]) {
    buffer[0] = byte;
    watched.client(buffer, 0);
    link.client(buffer, 0);
  }
  assertEquals(topics, ["kept"]);
});

Deno.test("every statement that the monitor names is one of the standard", async () => {
  const known = new Set(normative.map(({ id }) => id));
  const named = new Set<string>();
  const folder = new URL("../../src/monitor/", import.meta.url);
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(new URL(name, folder));
    for (const [id] of text.matchAll(/MQTT-\d+\.\d+\.\d+-\d+/g)) named.add(id);
  }
  for (const [id] of listen([connected()]).exercised) named.add(id);
  assert(named.size > 100);
  assertEquals([...named].filter((id) => !known.has(id)), []);
});
