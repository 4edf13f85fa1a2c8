// One table of what may come on a WebSocket and must not, modelled on what the Autobahn suite
// tests: both ends are given each row, in one piece and cut at every byte.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { WebSocketRole } from "../../src/io/websocket_protocol.ts";
import { WebSocketClosedError } from "../../src/io/websocket_transport.ts";
import { joined } from "../broker_net/websocket_peer.ts";
import {
  assertSameBytes,
  bytesOf,
  closeFrame,
  dataOf,
  framesFrom,
  opened,
  type RawFrame,
} from "./websocket_raw.ts";

/** Frames in, and what follows from them. */
interface Case {
  readonly what: string;
  readonly frames: readonly RawFrame[];
  /** What is read. Default: nothing. */
  readonly data?: Uint8Array | string;
  /** What is in the last pong. Default: there is none. */
  readonly pong?: Uint8Array | string;
  /** The code in the close frame that is the answer; `"empty"` for none. Default: 1000. */
  readonly close?: number | "empty";
}

const PING = 9;
const PONG = 10;
const NORMAL = closeFrame(1000);

/** Bytes that differ. */
function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 31 + (index >> 8));
}

function repeated(count: number, frame: (index: number) => readonly RawFrame[]): RawFrame[] {
  return Array.from({ length: count }, (_, index) => frame(index)).flat();
}

const DATA: readonly Case[] = [
  ...[0, 1, 125, 126, 127, 128, 4096, 4097, 65_535, 65_536, 65_537, 1_000_000].map((length) => ({
    what: `a message of ${length} bytes`,
    frames: [{ data: noise(length) }],
    data: noise(length),
  })),
  {
    what: "many messages of all small lengths",
    frames: repeated(300, (index) => [{ data: noise(index) }]),
    data: joined(Array.from({ length: 300 }, (_, index) => noise(index))),
  },
  {
    what: "a large message between small ones",
    frames: [{ data: "a" }, { data: noise(70_001) }, { data: "b" }, { data: "c" }],
    data: joined([dataOf({ data: "a" }), noise(70_001), dataOf({ data: "bc" })]),
  },
  {
    what: "a message in two frames",
    frames: [{ fin: false, data: "hel" }, { opcode: 0, data: "lo" }],
    data: "hello",
  },
  {
    what: "a message in many frames, some of them empty",
    frames: [
      { fin: false },
      ...repeated(40, () => [{ opcode: 0, fin: false, data: "a" }, { opcode: 0, fin: false }]),
      { opcode: 0 },
    ],
    data: "a".repeat(40),
  },
  {
    what: "a megabyte in frames of 1,021 bytes",
    frames: [
      { fin: false },
      ...repeated(1000, () => [{ opcode: 0, fin: false, data: noise(1021) }]),
      { opcode: 0 },
    ],
    data: joined(Array.from({ length: 1000 }, () => noise(1021))),
  },
];

const CONTROL: readonly Case[] = [
  { what: "a ping without data", frames: [{ opcode: PING }], pong: "" },
  { what: "a ping with data", frames: [{ opcode: PING, data: "hello" }], pong: "hello" },
  {
    what: "a ping with data that is no text",
    frames: [{ opcode: PING, data: Uint8Array.of(0, 255, 254, 253, 252, 0) }],
    pong: Uint8Array.of(0, 255, 254, 253, 252, 0),
  },
  {
    what: "a ping of 125 bytes",
    frames: [{ opcode: PING, data: noise(125) }],
    pong: noise(125),
  },
  { what: "a pong that nobody waits for", frames: [{ opcode: PONG }, { data: "a" }], data: "a" },
  { what: "a pong with data", frames: [{ opcode: PONG, data: noise(125) }] },
  {
    what: "a pong, and then a ping",
    frames: [{ opcode: PONG, data: "no" }, { opcode: PING, data: "yes" }],
    pong: "yes",
  },
  {
    what: "ten pings, of which the last is answered",
    frames: repeated(10, (index) => [{ opcode: PING, data: `${index}` }]),
    pong: "9",
  },
  {
    what: "pings and pongs between the frames of a message",
    frames: [
      { fin: false, data: "a" },
      { opcode: PING, data: "1" },
      { opcode: 0, fin: false, data: "b" },
      { opcode: PONG },
      { opcode: PING, data: "2" },
      { opcode: 0, data: "c" },
    ],
    data: "abc",
    pong: "2",
  },
  {
    what: "a ping of 126 bytes",
    frames: [{ data: "a" }, { opcode: PING, data: noise(126) }],
    data: "a",
    close: 1002,
  },
  { what: "a pong of 126 bytes", frames: [{ opcode: PONG, data: noise(126) }], close: 1002 },
  {
    what: "a ping whose short length takes two bytes",
    frames: [{ opcode: PING, data: "a", lengthBytes: 2 }],
    close: 1002,
  },
  {
    what: "a ping in fragments",
    frames: [{ opcode: PING, fin: false, data: "a" }, { opcode: 0, data: "b" }],
    close: 1002,
  },
  { what: "a pong in fragments", frames: [{ opcode: PONG, fin: false }], close: 1002 },
  { what: "a close in fragments", frames: [{ ...NORMAL, fin: false }], close: 1002 },
];

const FAULTS: readonly Case[] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv) => ({
    what: `reserved bits ${rsv} in a message`,
    frames: [{ data: "good" }, { rsv, data: "bad" }],
    data: "good",
    close: 1002,
  })),
  ...[PING, PONG, 8].map((opcode) => ({
    what: `a reserved bit in a frame with opcode ${opcode}`,
    frames: [{ opcode, rsv: 4 }],
    close: 1002,
  })),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    what: `the reserved opcode ${opcode}`,
    frames: [{ data: "good" }, { opcode, data: "bad" }, { opcode: PING }],
    data: "good",
    close: 1002,
  })),
  {
    what: "a reserved opcode between fragments",
    frames: [{ fin: false, data: "a" }, { opcode: 3, data: "b" }],
    data: "a",
    close: 1002,
  },
  ...[true, false].map((fin) => ({
    what: `a ${fin ? "last" : "first"} continuation of nothing`,
    frames: [{ opcode: 0, fin, data: "a" }, { data: "b" }],
    close: 1002,
  })),
  {
    what: "a continuation behind a message that is whole",
    frames: [{ fin: false, data: "a" }, { opcode: 0, data: "b" }, { opcode: 0, data: "c" }],
    data: "ab",
    close: 1002,
  },
  {
    what: "a message within another",
    frames: [{ fin: false, data: "a" }, { data: "b" }],
    data: "a",
    close: 1002,
  },
  {
    what: "text within a message",
    frames: [{ fin: false, data: "a" }, { opcode: 1, data: "b" }],
    data: "a",
    close: 1002,
  },
  ...[
    [0n, 2, "none"],
    [125n, 2, "125"],
    [0n, 8, "none"],
    [125n, 8, "125"],
    [126n, 8, "126"],
    [65_535n, 8, "65,535"],
  ].map(([length, lengthBytes, text]) => ({
    what: `a length of ${text} in ${lengthBytes} bytes`,
    frames: [{ data: "a" }, { length, lengthBytes } as RawFrame],
    data: "a",
    close: 1002,
  })),
  ...[2n ** 53n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n].map((length) => ({
    what: `a length of ${length}`,
    frames: [{ length }],
    close: 1002,
  })),
];

/** [MQTT-6.0.0-1] */
const TEXT: readonly Case[] = [
  { what: "a text message", frames: [{ opcode: 1, data: "hello" }], close: 1003 },
  { what: "an empty text message", frames: [{ opcode: 1 }], close: 1003 },
  {
    what: "text behind a binary message",
    frames: [{ data: "a" }, { opcode: 1, data: "b" }],
    data: "a",
    close: 1003,
  },
  {
    what: "text in fragments",
    frames: [{ opcode: 1, fin: false, data: "a" }, { opcode: 0, data: "b" }],
    close: 1003,
  },
];

const CLOSE: readonly Case[] = [
  { what: "a close without a code", frames: [{ opcode: 8 }], close: "empty" },
  ...[1000, 1001].map((code) => ({
    what: `a close with ${code}`,
    frames: [{ data: "a" }, closeFrame(code, "bye")],
    data: "a",
    close: code,
  })),
  ...[
    ...[1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999],
  ].map((code) => ({
    what: `a close with ${code}`,
    frames: [closeFrame(code, "because")],
    close: code,
  })),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => ({
    what: `a close with ${code}, which must not be sent,`,
    frames: [closeFrame(code)],
    close: 1002,
  })),
  { what: "a close of one byte", frames: [{ opcode: 8, data: "\x0f" }], close: 1002 },
  { what: "a reason of 123 bytes", frames: [closeFrame(1000, "é".repeat(61) + "e")] },
  { what: "a reason of 124 bytes", frames: [closeFrame(1000, "é".repeat(62))], close: 1002 },
  ...[
    ["is cut short", [0xce]],
    ["has a lone surrogate", [0x61, 0xed, 0xa0, 0x80]],
    ["is overlong", [0xc0, 0xaf]],
    ["is beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
    ["has a byte of no character", [0xff]],
  ].map(([what, bytes]) => ({
    what: `a reason that ${what}`,
    frames: [closeFrame(1000, Uint8Array.from(bytes as number[]))],
    close: 1007,
  })),
  { what: "two closes", frames: [closeFrame(1001), closeFrame(4000)], close: 1001 },
  {
    what: "data and a ping behind a close",
    frames: [NORMAL, { data: "late" }, { opcode: PING, data: "late" }],
  },
  {
    what: "a close in the middle of a message",
    frames: [{ fin: false, data: "a" }, closeFrame(1001), { opcode: 0, data: "b" }],
    data: "a",
    close: 1001,
  },
];

/** What only one end must not send. */
const MASKS: readonly Case[] = [
  { what: "a message", frames: [{ data: "a" }] },
  { what: "an empty message", frames: [{}] },
  { what: "a ping", frames: [{ opcode: PING, data: "a" }] },
  { what: "a close", frames: [NORMAL] },
];

for (const role of ["server", "client"] as const) {
  for (const each of DATA) test(role, each, `reads ${each.what} [MQTT-6.0.0-2]`);
  for (const each of [...CONTROL, ...FAULTS, ...CLOSE]) {
    test(role, each, `answers ${each.what} with ${answerOf(each)}`);
  }
  for (const each of TEXT) test(role, each, `answers ${each.what} with 1003 [MQTT-6.0.0-1]`);
  const isMasked = role === "client";
  for (const { what, frames } of MASKS) {
    const wrong = [{ data: "good" }, ...frames.map((frame) => ({ ...frame, isMasked }))];
    test(
      role,
      { what, frames: wrong, data: "good", close: 1002 },
      `answers ${what} ${isMasked ? "with" : "without"} a mask with 1002`,
    );
  }
}

function answerOf({ pong, close = 1000 }: Case): string {
  if (pong !== undefined) return "a pong";
  return close === "empty" ? "an empty close" : `${close}`;
}

function test(role: WebSocketRole, each: Case, does: string): void {
  Deno.test(`A WebSocket ${role} ${does}`, async () => {
    // What does not end by itself is ended.
    const frames = [...each.frames, NORMAL];
    const bytes = joined(frames.map((frame) => bytesOf(frame, role === "server")));
    for (const chunks of cuts(bytes)) await run(role, each, chunks);
  });
}

/** Bytes in one piece, in single bytes, and in two pieces with a cut at every place. */
function* cuts(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes];
  const [step, places] = bytes.length > 5000 ? [1009, 20] : [1, Math.min(bytes.length, 150)];
  yield Array.from(
    { length: Math.ceil(bytes.length / step) },
    (_, index) => bytes.subarray(index * step, (index + 1) * step),
  );
  if (bytes.length > 200_000) return;
  for (let at = 1; at < places; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

async function run(role: WebSocketRole, each: Case, chunks: readonly Uint8Array[]): Promise<void> {
  const { data = "", pong, close = 1000 } = each;
  const { socket, peer } = await opened(role);
  const send = async () => {
    for (const chunk of chunks) await peer.write(chunk);
    await peer.closeWrite();
  };
  const [read, answers] = await Promise.all([readAll(socket), framesFrom(peer, role), send()]);
  const what = `in ${chunks.length} pieces, the first of ${chunks[0]!.length} bytes`;
  assertSameBytes(read.data, dataOf({ data }), what);
  const closes = answers.filter(({ opcode }) => opcode === 8);
  assertStrictEquals(closes.length, 1, what);
  assertStrictEquals(answers.at(-1), closes[0], "nothing comes behind a close");
  assertEquals(codeOf(closes[0]!.data), close, what);
  const pongs = answers.filter(({ opcode }) => opcode === PONG);
  assertEquals(pongs.at(-1)?.data, pong === undefined ? undefined : dataOf({ data: pong }), what);
  const isOrdinary = close === "empty" || close <= 1001;
  assertStrictEquals(read.error?.code, isOrdinary ? undefined : close, what);
  socket.close();
  peer.close();
}

function codeOf(data: Uint8Array): number | "empty" {
  if (data.length === 0) return "empty";
  return data[0]! * 256 + data[1]!;
}

/** All that is read, and the error that it ends with. */
async function readAll(
  socket: { read(): Promise<Uint8Array | undefined> },
): Promise<{ readonly data: Uint8Array; readonly error: WebSocketClosedError | undefined }> {
  const chunks: Uint8Array[] = [];
  try {
    for (let chunk; (chunk = await socket.read()) !== undefined;) {
      assert(chunk.length > 0, "a read gives at least one byte");
      chunks.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof WebSocketClosedError)) throw error;
    assertStrictEquals(await socket.read(), undefined);
    return { data: joined(chunks), error };
  }
  return { data: joined(chunks), error: undefined };
}
