// WebSocket clients of a test: the platform's own, and one that makes each byte itself, for what no good client does.

import { assertStrictEquals } from "@std/assert";
import { encodePacket, type Packet, PacketDecoder, type PacketInit } from "../../mod.ts";
import { connectTcp } from "../../src/io/tcp.ts";
import type { Transport } from "../../src/io/transport.ts";

const encoder = new TextEncoder();

/** The platform's WebSocket, with what comes out of it. */
export class WebSocketPeer implements AsyncDisposable {
  readonly socket: WebSocket;
  /** How it has ended. */
  readonly closed: Promise<CloseEvent>;
  readonly #decoder = new PacketDecoder();
  #arrived = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    socket.addEventListener("message", ({ data }) => {
      this.#decoder.push(new Uint8Array(data as ArrayBuffer));
      this.#arrived.resolve();
    });
    void this.closed.then(() => this.#arrived.resolve());
  }

  /** Opens one. Rejects when that is refused. */
  static async open(url: string, protocols: string | string[] = "mqtt"): Promise<WebSocketPeer> {
    const peer = new WebSocketPeer(new WebSocket(url, protocols));
    await new Promise<void>((resolve, reject) => {
      peer.socket.addEventListener("open", () => resolve());
      peer.socket.addEventListener("error", () => reject(new Error("The WebSocket was refused")));
    });
    return peer;
  }

  /** Opens one, and a connection of MQTT on it. */
  static async connect(url: string, options: Partial<PacketInit> = {}): Promise<WebSocketPeer> {
    const peer = await WebSocketPeer.open(url);
    peer.send({ type: "connect", ...options } as PacketInit);
    const connack = await peer.next();
    assertStrictEquals(connack?.type === "connack" && connack.reasonCode, 0);
    return peer;
  }

  /** Sends packets in one frame. */
  send(...packets: readonly PacketInit[]): void {
    this.socket.send(joined(packets.map((packet) => encodePacket(packet))));
  }

  /** The next packet; `undefined` once the WebSocket is closed. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet !== undefined) return packet;
      if (this.socket.readyState === WebSocket.CLOSED) return undefined;
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState <= WebSocket.OPEN) this.socket.close();
    await this.closed;
  }
}

/** A frame as the server sends it. */
export interface Frame {
  readonly opcode: number;
  readonly data: Uint8Array;
}

/** A client over a bare connection. Disposing it closes that. */
export class RawWebSocket implements Disposable {
  readonly transport: Transport;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** A connection on which nothing has been said. */
  static async dial(port: number): Promise<RawWebSocket> {
    const { signal } = new AbortController();
    return new RawWebSocket(await connectTcp({ hostname: "127.0.0.1", port, signal }));
  }

  /** One that is open. */
  static async open(port: number): Promise<RawWebSocket> {
    const socket = await RawWebSocket.dial(port);
    await socket.sendText(request());
    assertStrictEquals((await socket.head()).status, 101);
    return socket;
  }

  /** Sends text as it is. */
  async sendText(text: string): Promise<void> {
    await this.transport.write(encoder.encode(text));
  }

  /** Sends a frame: whole and masked, unless its first bytes say otherwise. */
  async sendFrame(first: number, data: Uint8Array, isMasked = true): Promise<void> {
    await this.transport.write(maskedFrame(first, data, isMasked));
  }

  /** The head of an answer to a request. */
  async head(): Promise<{ readonly status: number; readonly text: string }> {
    const latin1 = new TextDecoder("latin1");
    for (;;) {
      const text = latin1.decode(this.#rest);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#rest = this.#rest.subarray(end + 4);
        return { status: Number(text.split(" ")[1]), text: text.slice(0, end) };
      }
      if (!await this.#more()) throw new Error(`There is no answer: ${text}`);
    }
  }

  /** The next frame; `undefined` when the server has closed the connection. */
  async frame(): Promise<Frame | undefined> {
    const head = await this.#take(2);
    if (head === undefined) return undefined;
    let length = head[1]!;
    if (length >= 126) {
      const bytes = await this.#take(length === 126 ? 2 : 8);
      length = bytes!.reduce((length, byte) => length * 256 + byte, 0);
    }
    return { opcode: head[0]! & 0x0f, data: (await this.#take(length))! };
  }

  /** The code with which the server closes the WebSocket, and the end of the connection. */
  async expectClose(): Promise<number> {
    for (;;) {
      const frame = await this.frame();
      if (frame === undefined) throw new Error("The connection ended without a close frame");
      if (frame.opcode !== 0x8) continue;
      assertStrictEquals(await this.frame(), undefined);
      return frame.data[0]! * 256 + frame.data[1]!;
    }
  }

  /** Waits until the server has closed the connection. */
  async ended(): Promise<void> {
    while (await this.#more());
  }

  [Symbol.dispose](): void {
    this.transport.close();
  }

  async #take(count: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length < count) if (!await this.#more()) return undefined;
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const chunk = await this.transport.read().catch(() => undefined);
    if (chunk === undefined) return false;
    this.#rest = joined([this.#rest, chunk]);
    return true;
  }
}

/** A request for a WebSocket, with other headers in the place of some; `undefined` for none. */
export function request(
  headers: Readonly<Record<string, string | undefined>> = {},
  line = "GET /mqtt HTTP/1.1",
): string {
  const all: Record<string, string | undefined> = {
    "Host": "broker",
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "mqtt",
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return [line, ...lines, "", ""].join("\r\n");
}

/** A frame as a client sends it. */
export function maskedFrame(
  first: number,
  data: Uint8Array,
  isMasked = true,
): Uint8Array<ArrayBuffer> {
  const { length } = data;
  const size = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length & 0xff]
    : [127, 0, 0, 0, 0, ...new Uint8Array(Uint32Array.of(length).buffer).reverse()];
  if (!isMasked) return joined([Uint8Array.of(first, ...size), data]);
  const mask = [0x12, 0x00, 0xff, 0x80];
  const masked = data.map((byte, index) => byte ^ mask[index % 4]!);
  return joined([Uint8Array.of(first, 0x80 | size[0]!, ...size.slice(1), ...mask), masked]);
}

/** Bytes one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
