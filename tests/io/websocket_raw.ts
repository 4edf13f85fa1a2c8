// The other end of a WebSocket, byte by byte: what no good end sends can be sent, and what comes
// back is taken apart without the code that is tested.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { memoryTransports } from "../../src/io/memory.ts";
import type { Transport } from "../../src/io/transport.ts";
import { openWebSocket } from "../../src/io/websocket_client.ts";
import type { WebSocketRole } from "../../src/io/websocket_protocol.ts";
import { WebSocketServerTransport } from "../../src/io/websocket_server.ts";
import { joined, request } from "../broker_net/websocket_peer.ts";

/** A frame to be sent, good or bad. */
export interface RawFrame {
  /** Default: 2, binary. */
  readonly opcode?: number;
  /** Whether it is the last of its message. Default: true. */
  readonly fin?: boolean;
  /** The three reserved bits, as a number. Default: 0. */
  readonly rsv?: number;
  /** Default: none. */
  readonly data?: Uint8Array | string;
  /** How many bytes the length takes. Default: as few as it can. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** What the length says. Default: the truth. */
  readonly length?: bigint;
  /** Whether it is masked. Default: as it must be. */
  readonly isMasked?: boolean;
}

/** A frame that came. */
export interface ReadFrame {
  readonly opcode: number;
  readonly data: Uint8Array;
}

/** The bytes of a frame. */
export function bytesOf(frame: RawFrame, isMasked: boolean): Uint8Array {
  const { opcode = 2, fin = true, rsv = 0 } = frame;
  const data = dataOf(frame);
  const length = frame.length ?? BigInt(data.length);
  const { lengthBytes = length < 126n ? 0 : length < 65_536n ? 2 : 8 } = frame;
  const masked = frame.isMasked ?? isMasked ? 0x80 : 0;
  const short = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127;
  const long = new Uint8Array(8);
  new DataView(long.buffer).setBigUint64(0, length);
  const head = Uint8Array.of((fin ? 0x80 : 0) | rsv << 4 | opcode, masked | short);
  const size = lengthBytes === 0 ? new Uint8Array(0) : long.subarray(8 - lengthBytes);
  if (masked === 0) return joined([head, size, data]);
  const mask = Uint8Array.of(0x12, 0x00, 0xff, 0x80);
  return joined([head, size, mask, data.map((byte, index) => byte ^ mask[index % 4]!)]);
}

/** The data of a frame, without a mask. */
export function dataOf({ data = "" }: RawFrame): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

/** An open WebSocket at one end, and the bare transport at the other. */
export async function opened(
  role: WebSocketRole,
): Promise<{ readonly socket: Transport; readonly peer: Transport }> {
  const [near, peer] = memoryTransports();
  if (role === "client") {
    const [socket] = await Promise.all([
      openWebSocket(near, { host: "example.org", target: "/" }),
      grant(peer),
    ]);
    return { socket, peer };
  }
  const socket = new WebSocketServerTransport(near);
  await peer.write(new TextEncoder().encode(request()));
  // It opens when it is read from; an empty frame gives nothing to be read.
  const first = socket.read();
  assertStrictEquals(statusOf(await headFrom(peer)), 101);
  return { socket: new ReadFirst(socket, first), peer };
}

/** Answers a client's request as a server should. */
async function grant(peer: Transport): Promise<void> {
  const head = await headFrom(peer);
  await peer.write(new TextEncoder().encode(await answerTo(head)));
}

/**
 * The answer that grants a request, with other fields in the place of some; `undefined` for none.
 */
export async function answerTo(
  head: string,
  fields: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const [, key] = /^Sec-WebSocket-Key: (.*)$/m.exec(head) ?? [];
  const text = `${key?.trim()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  const all: Record<string, string | undefined> = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Accept": new Uint8Array(hash).toBase64(),
    "Sec-WebSocket-Protocol": "mqtt",
    ...fields,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return ["HTTP/1.1 101 Switching Protocols", ...lines, "", ""].join("\r\n");
}

/** Reads a head of HTTP, behind which nothing comes. */
export async function headFrom(peer: Transport): Promise<string> {
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const chunk = await peer.read();
    assert(chunk !== undefined, `no whole head came: ${JSON.stringify(text)}`);
    text += new TextDecoder("latin1").decode(chunk);
  }
  return text;
}

/** The status in an answer. */
export function statusOf(head: string): number {
  return Number(head.split(" ")[1]);
}

/** All frames that come until the end. Each must be as that end of a WebSocket has to send it. */
export async function framesFrom(peer: Transport, role: WebSocketRole): Promise<ReadFrame[]> {
  const bytes = await allFrom(peer);
  const frames: ReadFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const view = new DataView(bytes.buffer);
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    assertStrictEquals(first & 0xf0, 0x80, "a whole message, without reserved bits");
    assertStrictEquals(second >= 0x80, role === "client", "whether it is masked");
    let length = second & 0x7f;
    at += 2;
    if (length === 126) {
      length = view.getUint16(at);
      assert(length > 125);
      at += 2;
    } else if (length === 127) {
      length = Number(view.getBigUint64(at));
      assert(length > 65_535);
      at += 8;
    }
    const mask = role === "client" ? bytes.slice(at, at += 4) : new Uint8Array(4);
    const data = bytes.slice(at, at + length).map((byte, index) => byte ^ mask[index % 4]!);
    assertStrictEquals(data.length, length, "a whole frame");
    at += length;
    frames.push({ opcode: first & 0x0f, data });
  }
  return frames;
}

/** All bytes that come until the end. */
export async function allFrom(transport: Transport): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for (let chunk; (chunk = await transport.read()) !== undefined;) chunks.push(chunk);
  return joined(chunks);
}

/** A transport of which one read has begun already. */
class ReadFirst implements Transport {
  readonly #inner: Transport;
  #first: Promise<Uint8Array | undefined> | undefined;

  constructor(inner: Transport, first: Promise<Uint8Array | undefined>) {
    this.#inner = inner;
    this.#first = first;
    // Who reads is told.
    first.catch(() => {});
  }

  read(): Promise<Uint8Array | undefined> {
    const first = this.#first ?? this.#inner.read();
    this.#first = undefined;
    return first;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#inner.close();
  }
}

/** A close frame. */
export function closeFrame(code: number, reason: string | Uint8Array = ""): RawFrame {
  return {
    opcode: 8,
    data: joined([Uint8Array.of(code >> 8, code & 0xff), dataOf({ data: reason })]),
  };
}

/** Compares bytes without printing a megabyte of them. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const differs = actual.findIndex((byte, index) => byte !== expected[index]);
  assertEquals([actual.length, differs], [expected.length, -1], what);
}
