// PacketDecoder beyond the vectors: whose memory a payload lies in, how much memory a packet may take before its bytes are
// there, and streams of every shape.

import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  decodePacket,
  type DecoderOptions,
  encodePacket,
  explainPacket,
  MalformedPacketError,
  type Packet,
  PacketDecoder,
  type PacketInit,
  ProtocolError,
} from "../../mod.ts";
import { publishOf, vbi, whole } from "../build.ts";
import { bytesOf, hexOf } from "../hex.ts";

const PUBLISH = "30 09 0001 61 00 0102030405";
const PUBLISHED = "0102030405";

Deno.test("PacketDecoder gives a payload as a view of the chunk that has the whole packet", () => {
  const decoder = new PacketDecoder();
  const chunk = bytesOf(`C0 00 ${PUBLISH} D0 00`);
  decoder.push(chunk);
  decoder.next();
  const { payload } = publishOf(decoder.next());
  assertStrictEquals(payload.buffer, chunk.buffer);
  assertEquals(hexOf(payload), PUBLISHED);
});

Deno.test("PacketDecoder gives a view of a chunk that is itself a view", () => {
  const decoder = new PacketDecoder();
  const slab = bytesOf(`FFFF ${PUBLISH} FFFF`);
  const chunk = slab.subarray(2, -2);
  decoder.push(chunk);
  const { payload } = publishOf(decoder.next());
  assertStrictEquals(payload.buffer, slab.buffer);
  assertStrictEquals(payload.byteOffset, 8);
  assertEquals(hexOf(payload), PUBLISHED);
});

Deno.test("PacketDecoder gives Correlation Data, Authentication Data, Passwords and Will Payloads as views, too", () => {
  const decoder = new PacketDecoder();
  const chunk = bytesOf(
    "30 0A 0001 61 05 09 0002 AABB 78" +
      "F0 0B 18 09 15 0001 6D 16 0002 AABB" +
      "10 19 00044D515454 05 44 0000 00 0000 00 0001 77 0002 AABB 0002 AABB",
  );
  decoder.push(chunk);
  const views: (Uint8Array | undefined)[] = [];
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
    views.push(...viewsOf(packet));
  }
  assertEquals(views.map((view) => view && hexOf(view)), ["AABB", "AABB", "AABB", "AABB"]);
  for (const view of views) assertStrictEquals(view?.buffer, chunk.buffer);
});

Deno.test("PacketDecoder gives a payload in a buffer of the packet's own when it came in pieces", () => {
  const bytes = bytesOf(PUBLISH);
  for (let cut = 1; cut < bytes.length; cut++) {
    const decoder = new PacketDecoder();
    const first = bytes.slice(0, cut);
    const second = bytes.slice(cut);
    decoder.push(first);
    assertStrictEquals(decoder.next(), undefined);
    decoder.push(second);
    const { payload } = publishOf(decoder.next());
    assertNotStrictEquals(payload.buffer, first.buffer);
    assertNotStrictEquals(payload.buffer, second.buffer);
    assertStrictEquals(payload.buffer.byteLength, bytes.length);
  }
});

Deno.test("PacketDecoder holds nothing of a chunk once next() has given undefined", () => {
  const bytes = bytesOf(PUBLISH);
  for (let cut = 1; cut < bytes.length; cut++) {
    const decoder = new PacketDecoder();
    // The same memory for every read, as a reader with one buffer has it.
    const buffer = new Uint8Array(64);
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      buffer.fill(0xff);
      buffer.set(piece);
      decoder.push(buffer.subarray(0, piece.length));
      const packet = decoder.next();
      if (piece.length === bytes.length - cut && packet !== undefined) {
        assertStrictEquals(decoder.next(), undefined);
        buffer.fill(0xff);
        assertEquals(hexOf(publishOf(packet).payload), PUBLISHED);
      }
    }
  }
});

Deno.test("PacketDecoder gives packets that do not change when later ones are gathered", () => {
  const decoder = new PacketDecoder();
  const packets: Packet[] = [];
  for (let number = 0; number < 50; number++) {
    const bytes = bytesOf(whole("30", "0001 61 00", `${hexByte(number)}`.repeat(20)));
    decoder.push(bytes.subarray(0, 7));
    assertStrictEquals(decoder.next(), undefined);
    decoder.push(bytes.subarray(7));
    packets.push(decoder.next()!);
  }
  packets.forEach((packet, number) =>
    assertEquals(hexOf(publishOf(packet).payload), hexByte(number).toUpperCase().repeat(20))
  );
});

Deno.test("PacketDecoder takes memory for the bytes that it has, not for those that are announced", () => {
  const decoder = new PacketDecoder();
  // 268,435,455 bytes are announced; 20,000 come, in pieces of 100.
  const sizes = sizesAllocated(() => {
    decoder.push(bytesOf("30 FFFFFF7F 0001 61 00"));
    assertStrictEquals(decoder.next(), undefined);
    for (let count = 0; count < 200; count++) {
      decoder.push(NOUGHTS);
      assertStrictEquals(decoder.next(), undefined);
    }
  });
  const received = 9 + 200 * NOUGHTS.length;
  assert(Math.max(...sizes) <= 2 * received, `Allocated ${Math.max(...sizes)} bytes`);
  // The room grows by doubling: all the copies together are linear in what is received.
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert(total <= 4 * received + 8192, `Allocated ${total} bytes in all`);
});

Deno.test("PacketDecoder leaves little garbage of a large packet, whatever the pieces", () => {
  const size = 1_000_000;
  for (const piece of [1000, 4096, 20_000, 131_072]) {
    const decoder = new PacketDecoder();
    const sizes = sizesAllocated(() => {
      decoder.push(bytesOf(`30 ${vbi(size)} 0001 61 00`));
      const noughts = new Uint8Array(piece);
      for (let left = size - 4; left > 0; left -= piece) {
        assertStrictEquals(decoder.next(), undefined);
        decoder.push(noughts.subarray(0, left));
      }
    });
    assertStrictEquals(publishOf(decoder.next()).payload.length, size - 4);
    const garbage = sizes.reduce((sum, size) => sum + size, 0) - size - piece;
    assert(garbage <= size / 4, `${garbage} bytes in pieces of ${piece}`);
  }
});

Deno.test("PacketDecoder refuses what is too many as soon as twice as many bytes are there, also when there is room for all", () => {
  const total = 400_000;
  const topic = 50_000;
  const properties = total - topic - 2 - 3;
  const decoder = new PacketDecoder({ userPropertiesPerPacket: 1000 });
  const head = `30 ${vbi(total)} ${topic.toString(16).padStart(4, "0")}`;
  decoder.push(bytesOf(head + "61".repeat(topic) + vbi(properties)));
  const some = bytesOf("26 0000 0000".repeat(200));
  let pushed = topic;
  assertThrows(
    () => {
      for (; pushed < total; pushed += some.length) {
        assertStrictEquals(decoder.next(), undefined);
        decoder.push(some);
      }
    },
    ProtocolError,
    "1000",
  );
  assert(pushed <= 2 * (topic + 5000) + some.length, `${pushed} bytes were taken`);
});

Deno.test("PacketDecoder takes little memory for a header that announces much and nothing more", () => {
  const sizes = sizesAllocated(() => {
    const decoder = new PacketDecoder();
    for (const byte of bytesOf("30 FFFFFF7F 00")) {
      decoder.push(Uint8Array.of(byte));
      assertStrictEquals(decoder.next(), undefined);
    }
  });
  assert(Math.max(...sizes) <= 4096, `Allocated ${Math.max(...sizes)} bytes`);
});

Deno.test("PacketDecoder is not disturbed by empty chunks", () => {
  const decoder = new PacketDecoder();
  decoder.push(new Uint8Array(0));
  assertStrictEquals(decoder.next(), undefined);
  decoder.end();
  for (const byte of bytesOf(PUBLISH)) {
    assertStrictEquals(decoder.next(), undefined);
    decoder.push(new Uint8Array(0));
    decoder.push(Uint8Array.of(byte));
    decoder.push(new Uint8Array(0));
  }
  assertEquals(hexOf(publishOf(decoder.next()).payload), PUBLISHED);
  assertStrictEquals(decoder.next(), undefined);
  decoder.end();
});

Deno.test("PacketDecoder takes many chunks before the first packet is asked for", () => {
  const decoder = new PacketDecoder();
  for (const hex of ["C0", "00 D0 00 40", "02 00", "01", "E0 00 C0"]) decoder.push(bytesOf(hex));
  assertEquals(typesOf(decoder), ["pingreq", "pingresp", "puback", "disconnect"]);
  decoder.push(bytesOf("00"));
  assertEquals(typesOf(decoder), ["pingreq"]);
  decoder.end();
});

Deno.test("PacketDecoder takes chunks between the packets of one chunk", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("C0 00 D0 00 E0"));
  assertEquals(decoder.next(), { type: "pingreq" });
  decoder.push(bytesOf("00 C0 00"));
  assertEquals(typesOf(decoder), ["pingresp", "disconnect", "pingreq"]);
});

Deno.test("PacketDecoder gives a thousand packets out of one chunk", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("40 02 0001 C0 00".repeat(500)));
  assertEquals(typesOf(decoder).length, 1000);
  decoder.end();
});

Deno.test("PacketDecoder gathers a packet of a megabyte one byte at a time", () => {
  const size = 1_048_576;
  const decoder = new PacketDecoder();
  for (const byte of bytesOf(`30 ${vbi(size + 4)} 0001 61 00`)) decoder.push(Uint8Array.of(byte));
  const byte = Uint8Array.of(0x5a);
  for (let count = 0; count < size; count++) {
    if (decoder.next() !== undefined) throw new Error(`A packet after ${count} bytes`);
    decoder.push(byte);
  }
  const { payload } = publishOf(decoder.next());
  assertStrictEquals(payload.length, size);
  assert(payload.every((value) => value === 0x5a));
  assertStrictEquals(payload.buffer.byteLength, size + 8);
});

Deno.test("PacketDecoder.end() refuses a stream that ends in a fixed header, or in a body", () => {
  for (const [hex, rule] of [["30", "missing"], ["30 80", "missing"], ["30 04 00", "is 4"]]) {
    const decoder = new PacketDecoder();
    decoder.push(bytesOf(`C0 00 ${hex}`));
    assertEquals(typesOf(decoder), ["pingreq"]);
    const error: MalformedPacketError = assertThrows(() => decoder.end(), MalformedPacketError);
    assertEquals(error.packetType, "PUBLISH");
    assertEquals(error.field, "Remaining Length");
    assert(error.rule.includes(rule!), error.rule);
  }
});

Deno.test("PacketDecoder.end() accepts a stream of whole packets, and of none", () => {
  const decoder = new PacketDecoder();
  decoder.end();
  decoder.push(bytesOf("C0 00 D0"));
  assertEquals(typesOf(decoder), ["pingreq"]);
  decoder.push(bytesOf("00"));
  assertEquals(typesOf(decoder), ["pingresp"]);
  decoder.end();
});

Deno.test("PacketDecoder decodes topics right after hundreds of others, alike and unlike", () => {
  const decoder = new PacketDecoder();
  const topics = Array.from({ length: 1500 }, (_, index) => {
    const alike = `aXb${"pqrs"[index % 4]}YcZd`;
    return index % 3 === 0 ? alike : index % 3 === 1 ? `é${index % 5}` : `topic/${index % 400}`;
  });
  const bytes = topics.map((topic) => new TextEncoder().encode(topic));
  decoder.push(bytesOf(
    bytes.map((topic) => whole("30", `00${hexByte(topic.length)}`, topic.toHex(), "00")).join(""),
  ));
  for (const topic of topics) assertStrictEquals(publishOf(decoder.next()).topic, topic);
});

Deno.test("PacketDecoder refuses a Maximum Packet Size that may not be announced", () => {
  for (const maximumPacketSize of [0, -1, NaN]) {
    assertThrows(() => new PacketDecoder({ maximumPacketSize }), RangeError, "maximumPacketSize");
  }
});

const NOUGHTS = new Uint8Array(100);

function typesOf(decoder: PacketDecoder): string[] {
  const types: string[] = [];
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
    types.push(packet.type);
  }
  return types;
}

function viewsOf(packet: Packet): (Uint8Array | undefined)[] {
  if (packet.type === "publish") return [packet.properties.correlationData];
  if (packet.type === "auth") return [packet.properties.authenticationData];
  return packet.type === "connect" ? [packet.will?.payload, packet.password] : [];
}

function hexByte(value: number): string {
  return Uint8Array.of(value).toHex();
}

/** The sizes of the byte arrays that a function makes by number: for its time, the constructor takes notes. */
function sizesAllocated(run: () => void): number[] {
  const sizes: number[] = [0];
  const original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args, newTarget) {
      if (typeof args[0] === "number") sizes.push(args[0]);
      return Reflect.construct(target, args, newTarget);
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = original;
  }
  return sizes;
}

Deno.test("PacketDecoder refuses a chunk that is no Uint8Array, and forgets nothing", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("C0"));
  for (const chunk of [new ArrayBuffer(1), "00", [0], null, undefined]) {
    const push = () => decoder.push(chunk as unknown as Uint8Array);
    assertThrows(push, TypeError, "bytes must be a Uint8Array");
  }
  decoder.push(bytesOf("00"));
  assertEquals(decoder.next(), { type: "pingreq" });
});

Deno.test("decodePacket() and explainPacket() refuse what is no Uint8Array", () => {
  for (const decode of [decodePacket, explainPacket]) {
    const bytes = new ArrayBuffer(2) as unknown as Uint8Array;
    assertThrows(() => decode(bytes), TypeError, "bytes must be a Uint8Array");
  }
});

Deno.test("PacketDecoder.end() refuses bytes that next() has not been asked for", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("C000 D000"));
  assertThrows(() => decoder.end(), TypeError, "next()");
  decoder.next();
  assertThrows(() => decoder.end(), TypeError, "next()");
  decoder.next();
  decoder.end();
});

Deno.test("PacketDecoder.end() throws the fault of the stream", () => {
  const decoder = new PacketDecoder();
  decoder.push(bytesOf("0000"));
  const fault = assertThrows(() => decoder.next());
  assertStrictEquals(assertThrows(() => decoder.end()), fault);
});

for (
  const [what, limit, packetOf] of [
    ["Topic Filters of a SUBSCRIBE", "filtersPerPacket", (count: number): PacketInit => ({
      type: "subscribe",
      packetId: 1,
      subscriptions: Array(count).fill({ topicFilter: "a" }),
    })],
    ["Topic Filters of an UNSUBSCRIBE", "filtersPerPacket", (count: number): PacketInit => ({
      type: "unsubscribe",
      packetId: 1,
      topicFilters: Array(count).fill("a"),
    })],
    ["User Properties of a PUBLISH", "userPropertiesPerPacket", (count: number): PacketInit => ({
      type: "publish",
      topic: "a",
      properties: { userProperties: Array(count).fill(["", ""]) },
    })],
    ["User Properties of a Will", "userPropertiesPerPacket", (count: number): PacketInit => ({
      type: "connect",
      clientId: "c",
      will: { topic: "a", properties: { userProperties: Array(count).fill(["", ""]) } },
    })],
  ] as const
) {
  Deno.test(`PacketDecoder takes as many ${what} as it was told to, refuses more with 0x97, and has no limit by default`, () => {
    const next = (options: DecoderOptions, count: number) => {
      const decoder = new PacketDecoder(options);
      decoder.push(encodePacket(packetOf(count)));
      return decoder.next()!;
    };
    assertStrictEquals(next({ [limit]: 3 }, 3).type, packetOf(1).type);
    assertStrictEquals(next({}, 5000).type, packetOf(1).type);
    const error = assertThrows(() => next({ [limit]: 3 }, 4), ProtocolError, "more than 3");
    assertStrictEquals(error.reasonCode, 0x97);
  });
}

Deno.test("PacketDecoder reads no more of a list than it takes", () => {
  const bytes = encodePacket({
    type: "subscribe",
    packetId: 1,
    subscriptions: Array(4).fill({ topicFilter: "a" }),
  });
  // What follows the last that it takes is not looked at.
  bytes[bytes.length - 1] = 0xff;
  const decoder = new PacketDecoder({ filtersPerPacket: 3 });
  decoder.push(bytes);
  assertStrictEquals(assertThrows(() => decoder.next(), ProtocolError).reasonCode, 0x97);
});

for (
  const [what, options, first, element] of [
    ["Topic Filters", { filtersPerPacket: 1000 }, "82 80 A0 CF 07 0001 00", "0001 61 00"],
    [
      "User Properties",
      { userPropertiesPerPacket: 1000 },
      "30 80 A0 CF 07 0001 61 F0 9F CF 07",
      "26 0001 61 0000",
    ],
  ] as const
) {
  Deno.test(`PacketDecoder refuses a packet of 16 MB with too many ${what} as soon as they are there`, () => {
    const decoder = new PacketDecoder(options);
    const elements = bytesOf(element.repeat(500));
    decoder.push(bytesOf(first));
    let pushed = 0;
    const pushAll = () => {
      for (; pushed < 16_000_000; pushed += elements.length) {
        decoder.push(elements);
        assertStrictEquals(decoder.next(), undefined);
      }
    };
    assertStrictEquals(assertThrows(pushAll, ProtocolError).reasonCode, 0x97);
    assert(pushed < 20_000, `after ${pushed} bytes`);
  });
}

Deno.test("PacketDecoder refuses nothing for bytes that are not there yet", () => {
  const userProperties = Array.from({ length: 1000 }, (_, index) => [`${index}`, "ü".repeat(50)]);
  // As if there were more properties in it.
  const payload = bytesOf("26 0000 0000".repeat(20_000));
  const packets = [
    { type: "publish", topic: "a", properties: { userProperties }, payload },
    {
      type: "subscribe",
      packetId: 1,
      subscriptions: userProperties.map(([name]) => ({ topicFilter: `${name}/ü` })),
    },
  ] as PacketInit[];
  for (const packet of packets) {
    const bytes = encodePacket(packet);
    for (const size of [997, 4096, 5000, 65_536]) {
      const decoder = new PacketDecoder({ filtersPerPacket: 1000, userPropertiesPerPacket: 1000 });
      for (let at = 0; at < bytes.length; at += size) {
        decoder.push(bytes.subarray(at, at + size));
        const decoded = decoder.next();
        if (at + size < bytes.length) assertStrictEquals(decoded, undefined);
        else assertEquals(decoded, decodePacket(bytes));
      }
    }
  }
});

Deno.test("PacketDecoder says how many bytes it has not looked at", () => {
  const decoder = new PacketDecoder();
  assertStrictEquals(decoder.unread, 0);
  decoder.push(new Uint8Array([0xd0, 0x00, 0xd0]));
  decoder.push(new Uint8Array([0x00, 0xd0, 0x00]));
  assertStrictEquals(decoder.unread, 6);
  decoder.next();
  assertStrictEquals(decoder.unread, 4);
  decoder.next();
  assertStrictEquals(decoder.unread, 2);
  decoder.next();
  decoder.next();
  assertStrictEquals(decoder.unread, 0);
});

Deno.test("PacketDecoder may be told to take larger packets from now on", () => {
  const decoder = new PacketDecoder({ maximumPacketSize: 11 });
  const packet = bytesOf("30 0A 0001 61 00 010203040506");
  decoder.push(bytesOf(PUBLISH));
  assertEquals(decoder.next()?.type, "publish");
  decoder.maximumPacketSize = 12;
  decoder.push(packet);
  assertEquals(decoder.next()?.type, "publish");
  decoder.maximumPacketSize = 11;
  decoder.push(packet);
  assertThrows(() => decoder.next(), ProtocolError);
  assertThrows(() => decoder.maximumPacketSize = 0, RangeError, "at least 1");
});

Deno.test("PacketDecoder says how many bytes it holds, with the room for the rest of a packet", () => {
  const decoder = new PacketDecoder();
  assertStrictEquals(decoder.heldBytes, 0);
  decoder.push(bytesOf("C0 00"));
  decoder.push(bytesOf("30 0A"));
  // Each chunk is an object, too.
  assertStrictEquals(decoder.heldBytes, 2 * 128 + 4);
  assertEquals(decoder.next(), { type: "pingreq" });
  assertStrictEquals(decoder.next(), undefined);
  assertStrictEquals(decoder.heldBytes, 12);
  decoder.push(bytesOf("0001 61 00 010203040506"));
  assertEquals(decoder.next()?.type, "publish");
  assertStrictEquals(decoder.next(), undefined);
  assertStrictEquals(decoder.heldBytes, 0);
});

Deno.test("A PacketDecoder passes on Response Topics that are not Topic Names where it is asked to", () => {
  const bytes = bytesOf("30 0B 0001 61 06 08 0003 612F23 00");
  assertThrows(() => decoderOf(bytes, {}).next(), ProtocolError, "Response Topic");
  const packet = decoderOf(bytes, { passResponseTopics: true }).next();
  assertEquals(packet?.type === "publish" && packet.properties.responseTopic, "a/#");
});

function decoderOf(bytes: Uint8Array, options: DecoderOptions): PacketDecoder {
  const decoder = new PacketDecoder(options);
  decoder.push(bytes);
  return decoder;
}
