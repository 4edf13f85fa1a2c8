// Numbers, times and packets as the page writes them.

import { assertEquals } from "@std/assert";
import {
  countText,
  durationText,
  eventText,
  findingText,
  nameOf,
  particularsOf,
  payloadText,
  sizeText,
  subjectOf,
} from "../../../../src/cli/inspect/page/text.js";
import { packet } from "./entries.ts";

Deno.test("sizes and lengths of time are short, and never round up into the wrong unit", () => {
  assertEquals([0, 999, 1000, 9949, 9950, 999_499, 999_500, 12_300_000].map(sizeText), [
    "0 B",
    "999 B",
    "1.0 kB",
    "9.9 kB",
    "10 kB",
    "999 kB",
    "1.0 MB",
    "12 MB",
  ]);
  assertEquals(
    [0, 9.94, 9.96, 999.4, 999.6, 9949, 9950, 59_600, 3_599_000, 7_260_000].map(durationText),
    [
      "0.0 ms",
      "9.9 ms",
      "10 ms",
      "999 ms",
      "1.0 s",
      "9.9 s",
      "10 s",
      "1 min 0 s",
      "59 min 59 s",
      "2 h 1 min",
    ],
  );
  assertEquals([countText(1, "packet"), countText(12_345, "packet")], [
    "1 packet",
    "12,345 packets",
  ]);
});

Deno.test("a packet in a row has its marks, its subject and the beginning of its payload", () => {
  const publish = packet(1, "PUBLISH", {
    topic: "a/b",
    qos: 1,
    dup: true,
    retain: true,
    packetId: 7,
    alias: 2,
    payload: { size: 6, text: "21 \n°C", isCut: false },
  });
  assertEquals(particularsOf(publish), ["DUP", "QoS 1", "retain", "id 7", "alias 2"]);
  assertEquals([subjectOf(publish), payloadText(publish), nameOf(publish)], [
    "a/b",
    "21 °C",
    "PUBLISH",
  ]);
  const success = { code: 0, name: "Success" };
  assertEquals(particularsOf(packet(1, "PUBACK", { packetId: 7, reason: success })), ["id 7"]);
  assertEquals(particularsOf(packet(1, "CONNACK", { reason: success })), ["Success"]);
  assertEquals(particularsOf(packet(1, "CONNECT", { isWhole: false })), ["cut off"]);
  assertEquals(subjectOf(packet(1, "SUBSCRIBE", { topics: ["a", "b"] })), "a, b");
  assertEquals(subjectOf(packet(1, "CONNECT", { clientId: "c" })), "c");
  assertEquals(nameOf(packet(1, "", { isPacket: false })), "not MQTT");
  const finding = { section: "2.1.3", severity: "violation", by: "client", message: "" } as const;
  const findings = [{ ...finding, statement: undefined }];
  assertEquals(nameOf(packet(1, "", { isPacket: false, findings })), "malformed packet");
});

Deno.test("a payload in a row is its beginning, and none where it is no text", () => {
  const payload = (more: object) => payloadText(packet(1, "PUBLISH", more));
  assertEquals(payload({}), "");
  assertEquals(payload({ payload: { size: 1, hex: "ff", isCut: false } }), "");
  const text = "x".repeat(50);
  assertEquals(payload({ payload: { size: 50, text, isCut: false } }), `${"x".repeat(40)}…`);
  assertEquals(payload({ payload: { size: 5000, text: "x", isCut: true } }), "x…");
});

Deno.test("what happens on a connection is a few words", () => {
  const place = { n: 1, connection: 1, time: 0 };
  assertEquals(eventText({ ...place, type: "opened" }), "connected");
  assertEquals(eventText({ ...place, type: "ended", from: "client" }), "the client sends no more");
  assertEquals(
    eventText({ ...place, type: "missing", from: "server", count: 2000 }),
    "2.0 kB of the server are missing",
  );
  assertEquals(eventText({ ...place, type: "closed" }), "closed");
  assertEquals(eventText({ ...place, type: "closed", fault: "reset" }), "closed: reset");
});

Deno.test("a finding names its rule once", () => {
  const finding = {
    statement: "MQTT-3.3.4-9",
    section: "3.3.4",
    severity: "violation",
    by: "client",
    message: "Too much [MQTT-3.3.4-9]",
  } as const;
  assertEquals(findingText(finding), "Too much [MQTT-3.3.4-9]");
  assertEquals(
    findingText({ ...finding, statement: undefined, message: "Too much (§3.3.4)" }),
    "Too much §3.3.4",
  );
});

Deno.test("characters that are not seen, or turn the text around them, are written out", () => {
  const hostile = packet(1, "PUBLISH", {
    topic: "a\u202eb",
    payload: { size: 4, text: "\u2066x\u001b", isCut: false },
  });
  assertEquals(subjectOf(hostile), "a\\u{202e}b");
  assertEquals(subjectOf(packet(1, "SUBSCRIBE", { topics: ["a", "\u202e"] })), "a, \\u{202e}");
  assertEquals(payloadText(hostile), "\\u{2066}x\\u{1b}");
  const message = 'The Server sends a message on "\u202e"';
  const finding = { section: "3.3.2", statement: "MQTT-3.3.2-3", severity: "violation" } as const;
  assertEquals(
    findingText({ ...finding, by: "server", message }),
    'The Server sends a message on "\\u{202e}" [MQTT-3.3.2-3]',
  );
});

Deno.test("a connection that is closed says what was missing", () => {
  const finding = { section: "4.3.2", statement: "MQTT-4.3.2-4", severity: "warning" } as const;
  const message = "The Server has not answered";
  const closed = { type: "closed", n: 1, connection: 1, time: 1 } as const;
  assertEquals(eventText(closed), "closed");
  assertEquals(
    eventText({ ...closed, fault: "reset", findings: [{ ...finding, by: "server", message }] }),
    "closed: reset; The Server has not answered [MQTT-4.3.2-4]",
  );
});
