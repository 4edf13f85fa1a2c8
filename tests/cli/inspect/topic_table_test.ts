// The topics that are counted: by name or alias, in bounded memory.

import { assertEquals } from "@std/assert";
import { encodePacket, type PublishInit } from "../../../mod.ts";
import { ChangingTable } from "../../../src/cli/inspect/changing_table.ts";
import { PublishReader } from "../../../src/cli/inspect/publish_outline.ts";
import { TopicTable } from "../../../src/cli/inspect/topic_table.ts";
import { Utf8Decoder } from "../../../src/wire/utf8.ts";
import { Observer } from "../../../src/cli/inspect/observer.ts";
import { ConnectionTable } from "../../../src/cli/inspect/connection_table.ts";
import { bytesOf } from "../../hex.ts";

function publish(init: Omit<PublishInit, "type">): Uint8Array {
  return encodePacket({ type: "publish", ...init });
}

Deno.test("a Topic Alias means what its own end has said last", () => {
  const reader = new PublishReader(new Utf8Decoder());
  const named = publish({ topic: "a", properties: { topicAlias: 1 } });
  const other = publish({ topic: "b", properties: { topicAlias: 1 } });
  const alias = publish({ topic: "", properties: { topicAlias: 1 } });
  const topic = (from: "client" | "server", packet: Uint8Array) =>
    reader.read(from, packet, true)?.topic;
  assertEquals(topic("client", alias), undefined);
  assertEquals(topic("client", named), "a");
  assertEquals(topic("client", alias), "a");
  assertEquals(topic("server", alias), undefined);
  assertEquals(topic("server", publish({ topic: "c", properties: { topicAlias: 1 } })), "c");
  assertEquals([topic("server", alias), topic("client", alias)], ["c", "a"]);
  assertEquals(topic("client", other), "b");
  assertEquals(topic("client", alias), "b");
});

Deno.test("the payload begins behind whatever properties there are", () => {
  const reader = new PublishReader(new Utf8Decoder());
  const packet = publish({
    topic: "a",
    qos: 2,
    packetId: 5,
    payload: bytesOf("01 02 03"),
    properties: {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 5,
      contentType: "text",
      responseTopic: "b",
      correlationData: bytesOf("0102"),
      subscriptionIdentifiers: [300],
      userProperties: [["n", "v"]],
      topicAlias: 9,
    },
  });
  const outline = reader.read("client", packet, true);
  assertEquals([outline?.alias, packet.length - outline!.payloadAt], [9, 3]);
});

Deno.test("of a PUBLISH that makes no sense there is no topic", () => {
  const reader = new PublishReader(new Utf8Decoder());
  for (
    const hex of [
      "30 00",
      "30 03 0001 61",
      "30 04 0005 6162",
      "30 05 0001 61 0263",
      "30 05 0001 FF 00 61",
      "30 05 0000 00 6162",
      "30 80",
    ]
  ) {
    assertEquals(reader.read("client", bytesOf(hex), true), undefined, hex);
  }
});

Deno.test("the names of topics take bounded room", () => {
  const topics = new TopicTable({ topics: 100, characters: 1000 });
  const observer = new Observer({ tables: { connections: new ConnectionTable(), topics } });
  const link = observer.open({ client: "a", server: "b", listener: "c" }, 0);
  link.pass("client", encodePacket({ type: "connect", clientId: "a" }), 0);
  for (let count = 0; count < 50; count++) {
    link.pass("client", publish({ topic: `${count}/`.padEnd(300, "x") }), 0);
  }
  const rows = topics.read().changed(Infinity);
  assertEquals(rows.map(({ key }) => key.split("/")[0]), ["47", "48", "49"]);
  // A single one is kept however long it is.
  link.pass("client", publish({ topic: "y".repeat(5000) }), 0);
  assertEquals(topics.read().changed(Infinity).length, 1);
});

Deno.test("a reader of a table gets each row that has changed once, the longest unseen first", () => {
  const table = new ChangingTable<{ readonly key: string; version: number }>();
  const rows = ["a", "b", "c"].map((key) => ({ key, version: 0 }));
  for (const row of rows) table.changed(row);
  const reader = table.read();
  const take = (most = Infinity) => {
    const changed = reader.changed(most);
    changed.forEach((row) => reader.saw(row));
    return changed.map(({ key }) => key).join("");
  };
  assertEquals([take(2), take(2), take()], ["ab", "c", ""]);
  table.changed(rows[1]!);
  table.changed(rows[0]!);
  table.changed(rows[0]!);
  assertEquals([take(1), take(1), take(1)], ["b", "a", ""]);
  const late = table.read();
  table.delete(rows[2]!);
  assertEquals([reader.forgotten(), late.forgotten(), reader.forgotten()], [["c"], [], []]);
});
