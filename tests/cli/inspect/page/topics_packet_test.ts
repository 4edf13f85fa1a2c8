// What a whole PUBLISH tells of a topic: from packets as mqtt5 explains them.

import { assertEquals } from "@std/assert";
import { encodePacket, explainPacket, type PublishInit } from "../../../../src/packets/mod.ts";
import type { PacketDetail, TopicRow } from "../../../../src/cli/inspect/page/events.ts";
import { payloadOf, propertiesIn } from "../../../../src/cli/inspect/page/topics_packet.js";

function detailOf(packet: Omit<PublishInit, "type" | "topic">, kept = Infinity): PacketDetail {
  const bytes = encodePacket({ type: "publish", topic: "a", ...packet });
  const { packetType: name, section, fields } = explainPacket(bytes);
  return {
    n: 1,
    name,
    section,
    size: bytes.length,
    hex: bytes.subarray(0, kept).toHex(),
    isWhole: true,
    isPacket: true,
    fields: fields.map(({ value, meaning, bits: _, ...field }) => ({
      ...field,
      value: value instanceof Uint8Array ? { hex: value.toHex() } : value,
      ...meaning !== undefined && { meaning },
      text: String(value),
      bits: [],
    })),
    json: {},
    findings: [],
    decode: "",
  };
}

function rowWith(payload: TopicRow["last"]["payload"]): TopicRow {
  const last = {
    n: 1,
    connection: 1,
    time: 0,
    from: "client",
    qos: 0,
    retain: false,
    payload,
  } as const;
  return { topic: "a", published: 1, delivered: 0, bytes: payload.size, last };
}

Deno.test("the properties of a message have their values and sections", () => {
  const properties = propertiesIn(detailOf({
    properties: {
      payloadFormatIndicator: 1,
      contentType: "text/\u202eplain",
      correlationData: new Uint8Array([1, 255]),
      userProperties: [["a", "b"], ["a", "c"]],
    },
  }));
  assertEquals(
    properties.toSorted((a, b) => a.section < b.section ? -1 : 1)
      .map(({ name, value, section }) => `${section} ${name} ${value}`),
    [
      "3.3.2.3.2 Payload Format Indicator 1",
      "3.3.2.3.6 Correlation Data 1,255",
      "3.3.2.3.7 User Property a: b",
      "3.3.2.3.7 User Property a: c",
      "3.3.2.3.9 Content Type text/\\u{202e}plain",
    ],
  );
  assertEquals(propertiesIn(detailOf({})), []);
});

Deno.test("of a long payload all that is kept is shown once it has come", () => {
  const text = "0123456789".repeat(200);
  const row = rowWith({ size: 2000, text: text.slice(0, 1024), isCut: true });
  const payload = new TextEncoder().encode(text);
  assertEquals(payloadOf(row, undefined), row.last.payload);
  assertEquals(payloadOf(row, detailOf({ payload })), { size: 2000, text, isCut: false });
  assertEquals(payloadOf(row, detailOf({ payload }, 1207)), {
    size: 2000,
    text: text.slice(0, 1200),
    isCut: true,
  });
  const short = rowWith({ size: 1, text: "x", isCut: false });
  assertEquals(payloadOf(short, detailOf({ payload })), short.last.payload);
});
