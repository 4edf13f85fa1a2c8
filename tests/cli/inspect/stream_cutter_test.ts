// A direction is cut into packets whatever the chunks are, and all of its bytes come out again.

import { concat } from "jsr:@std/bytes@^1/concat";
import { assert, assertEquals } from "@std/assert";
import { encodePacket } from "../../../mod.ts";
import { KEPT, type Piece, StreamCutter } from "../../../src/cli/inspect/stream_cutter.ts";
import { bytesOf as hex } from "../../hex.ts";

const encoder = new TextEncoder();

interface Cut {
  readonly pieces: readonly Piece[];
  /** What came out for a capture. */
  readonly bytes: Uint8Array;
}

/** Cuts chunks, each in a buffer that is overwritten afterwards. */
function cut(chunks: readonly Uint8Array[], hides = true): Cut {
  const pieces: Piece[] = [];
  const out: Uint8Array[] = [];
  const cutter = new StreamCutter(hides, {
    piece: (piece) => void pieces.push(piece),
    bytes: (bytes) => void out.push(bytes.slice()),
  });
  for (const chunk of chunks) {
    const buffer = chunk.slice();
    cutter.push(buffer);
    buffer.fill(0xaa);
  }
  cutter.end();
  return { pieces, bytes: concat(out) };
}

const CONNECT = encodePacket({
  type: "connect",
  clientId: "client",
  username: "user",
  password: encoder.encode("geheim"),
});
const PUBLISH = encodePacket({
  type: "publish",
  topic: "a/b",
  payload: encoder.encode("x".repeat(200)),
  qos: 1,
  packetId: 7,
});
const STREAM = concat([CONNECT, PUBLISH, hex("C0 00"), CONNECT, hex("E0 00")]);

/** The stream with its two passwords masked. */
const HIDDEN = STREAM.slice();
for (const start of [CONNECT.length - 6, CONNECT.length * 2 + PUBLISH.length + 2 - 6]) {
  HIDDEN.fill(0x2a, start, start + 6);
}

Deno.test("packets are the same at every split, and so are the bytes, with secrets masked", () => {
  for (let at = 0; at <= STREAM.length; at++) {
    for (const [hides, expected] of [[true, HIDDEN], [false, STREAM]] as const) {
      const { pieces, bytes } = cut([STREAM.subarray(0, at), STREAM.subarray(at)], hides);
      assertEquals(bytes, expected, `split at ${at}`);
      assertEquals(concat(pieces.map(({ bytes }) => bytes)), expected, `split at ${at}`);
      assertEquals(pieces.map(({ size }) => size), [
        ...[CONNECT.length, PUBLISH.length, 2, CONNECT.length, 2],
      ]);
      assert(pieces.every(({ isPacket, isWhole }) => isPacket && isWhole));
    }
  }
});

Deno.test("packets are the same when each byte comes alone", () => {
  const chunks = [...STREAM].map((byte) => new Uint8Array([byte]));
  const { pieces, bytes } = cut(chunks);
  assertEquals(bytes, HIDDEN);
  assertEquals(pieces.map(({ start }) => start), cut([STREAM]).pieces.map(({ start }) => start));
});

Deno.test("of a large packet the beginning is kept, and all of it comes out", () => {
  const payload = new Uint8Array(3 * KEPT).map((_, at) => at);
  const packet = encodePacket({ type: "publish", topic: "a", payload });
  const { pieces, bytes } = cut([packet.subarray(0, 100_000), packet.subarray(100_000)]);
  assertEquals(bytes, packet);
  assertEquals(pieces.map(({ size, bytes }) => [size, bytes.length]), [[packet.length, KEPT]]);
  assertEquals(pieces[0]!.bytes, packet.subarray(0, KEPT));
});

Deno.test("a packet that may have secrets and has a megabyte is hidden behind its header", () => {
  const body = encoder.encode("secret".repeat(200_000));
  const packet = concat([hex("10 80 9F 49"), body]);
  for (const at of [1, 3, 4, 5, 200_000]) {
    const { pieces, bytes } = cut([packet.subarray(0, at), packet.subarray(at)]);
    assertEquals(bytes.length, packet.length);
    assertEquals(bytes.subarray(0, 4), packet.subarray(0, 4));
    assert(bytes.subarray(4).every((byte) => byte === 0x2a));
    assert(pieces[0]!.bytes.subarray(4).every((byte) => byte === 0x2a));
  }
});

Deno.test("what is no packet comes as bytes, and so does all that follows", () => {
  for (const text of ["GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\x16\x03\x01\x02\x00rest", "\x00a"]) {
    const bytes = encoder.encode(text);
    for (let at = 0; at <= bytes.length; at++) {
      const result = cut([bytes.subarray(0, at), bytes.subarray(at)]);
      assertEquals(result.bytes, bytes);
      assertEquals(concat(result.pieces.map(({ bytes }) => bytes)), bytes);
      assert(result.pieces.every(({ isPacket }) => !isPacket), text);
    }
  }
});

const UPGRADE = `GET /mqtt?token=geheim&x HTTP/1.1\r
Host: example.org\r
Authorization: Basic Z2VoZWlt\r
X-Token: geheim\r
 geheim\r
upgrade: websocket\r
\r
geheim`;
const SHOWN = `GET /mqtt?************** HTTP/1.1\r
Host: example.org\r
Authorization: ***** ********\r
X-Token: ******\r
 ******\r
upgrade: websocket\r
\r
******`;

Deno.test("of HTTP what may be secret is hidden, at every split, unless it is to be shown", () => {
  for (const method of ["GET", "POST", "PUT", "CONNECT"]) {
    const bytes = encoder.encode(UPGRADE.replace("GET", method));
    const shown = encoder.encode(SHOWN.replace("GET", method));
    for (let at = 0; at <= bytes.length; at++) {
      for (const [hides, expected] of [[true, shown], [false, bytes]] as const) {
        const result = cut([bytes.subarray(0, at), bytes.subarray(at)], hides);
        assertEquals(result.bytes, expected, `${method} split at ${at}`);
        assertEquals(concat(result.pieces.map(({ bytes }) => bytes)), expected);
        assert(result.pieces.every(({ isPacket }) => !isPacket));
      }
    }
    const alone = cut([...bytes].map((byte) => new Uint8Array([byte])));
    assertEquals(alone.bytes, shown);
  }
});

Deno.test("what is no packet comes in one piece with what came with it", () => {
  const { pieces } = cut([encoder.encode("GET / HTTP/1.1\r\n"), encoder.encode("\r\n")]);
  assertEquals(pieces.map(({ start, size }) => [start, size]), [[0, 16], [16, 2]]);
});

Deno.test("a PUBREC is one, also if its length is a letter", () => {
  const pubrec = concat([hex("50 4F 0001 00"), new Uint8Array(76)]);
  const { pieces } = cut([hex("C0 00"), pubrec]);
  assertEquals(pieces.map(({ size, isPacket }) => [size, isPacket]), [[2, true], [81, true]]);
});

Deno.test("a CONNECT with wrong flags is a packet, so that its Password is found", () => {
  const wrong = CONNECT.slice();
  wrong[0] = 0x1f;
  const { bytes, pieces } = cut([wrong]);
  assertEquals(bytes.subarray(-6), encoder.encode("******"));
  assertEquals(pieces.length, 1);
});

Deno.test("behind a CONNECT whose lengths are wrong everything is hidden", () => {
  const short = CONNECT.slice();
  short[1]! -= 9;
  const { bytes } = cut([short, encoder.encode("more")]);
  assertEquals(bytes.length, CONNECT.length + 4);
  assertEquals(bytes.subarray(-13), encoder.encode("*".repeat(13)));
  // The Remaining Length itself is none.
  const endless = cut([hex("10 FF FF FF FF 01"), encoder.encode("geheim")]);
  assertEquals(endless.bytes.subarray(-6), encoder.encode("******"));
});

Deno.test("a packet that is cut off comes out as far as it is there, without its secrets", () => {
  const { pieces, bytes } = cut([CONNECT.subarray(0, -2)]);
  assertEquals(bytes.length, CONNECT.length - 2);
  assertEquals(bytes.subarray(-4), encoder.encode("****"));
  assertEquals(pieces.map(({ isWhole, size }) => [isWhole, size]), [[false, CONNECT.length - 2]]);
});

Deno.test("behind missing bytes no packet is looked for", () => {
  const pieces: Piece[] = [];
  const cutter = new StreamCutter(true, { piece: (piece) => pieces.push(piece), bytes() {} });
  cutter.push(hex("C0 00 C0"));
  cutter.skip(10);
  cutter.push(hex("C0 00"));
  assertEquals(pieces.map(({ start, size, isPacket }) => [start, size, isPacket]), [
    [0, 2, true],
    [2, 1, true],
    [13, 2, false],
  ]);
});
