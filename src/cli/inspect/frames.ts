// A connection as frames of Ethernet, IPv4 and TCP, as Wireshark takes them: what was relayed is a
// stream of bytes, over TLS and WebSocket too, so the frames are made up, with the handshake, the
// sequence numbers and the checksums that a plain connection would have had.

import type { Side } from "../../monitor/mod.ts";
import { checksumOf, sumOf } from "./checksum.ts";

/** An end of a TCP connection. */
export interface Endpoint {
  /** The four bytes of an IPv4 address. */
  readonly address: readonly number[];
  readonly port: number;
}

/** Where the data begins: after 14 bytes of Ethernet, 20 of IPv4 and 20 of TCP. */
export const DATA_AT = 54;
const IP_AT = 14;
const TCP_AT = 34;

/** The most data in a frame: what IPv4's length of two bytes leaves room for, in round numbers. */
const MOST_DATA = 61_440;

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const PSH = 0x08;
const ACK = 0x10;

const IPV4 = 0x0800;
const TCP = 6;
const WINDOW = 0xffff;
const TIME_TO_LIVE = 64;

/** Makes the frames of one connection. */
export class TcpFrames {
  readonly #ends: { readonly [At in Side]: Endpoint };
  /** The sequence number of the next byte of each end: those of the handshake are one behind. */
  readonly #next = { client: 0, server: 0 };
  #identification = 0;

  /** `ends` are what the frames say of the two ends. */
  constructor(ends: { readonly [At in Side]: Endpoint }) {
    this.#ends = ends;
  }

  /** The three frames with which a connection is opened. */
  open(): Uint8Array[] {
    const frames = [this.#frame("client", SYN)];
    this.#next.client = 1;
    frames.push(this.#frame("server", SYN | ACK));
    this.#next.server = 1;
    return [...frames, this.#frame("client", ACK)];
  }

  /** The frames that carry bytes. */
  data(from: Side, bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let start = 0; start < bytes.length; start += MOST_DATA) {
      frames.push(this.#frame(from, PSH | ACK, bytes.subarray(start, start + MOST_DATA)));
    }
    return frames;
  }

  /** The frame with which an end closes its direction. */
  end(from: Side): Uint8Array {
    const frame = this.#frame(from, FIN | ACK);
    this.#next[from] = this.#next[from] + 1 >>> 0;
    return frame;
  }

  /** The frame with which an end breaks the connection off. */
  reset(from: Side): Uint8Array {
    return this.#frame(from, RST | ACK);
  }

  #frame(from: Side, flags: number, data?: Uint8Array): Uint8Array {
    const to = from === "client" ? "server" : "client";
    const length = data?.length ?? 0;
    const frame = new Uint8Array(DATA_AT + length);
    const view = new DataView(frame.buffer);
    frame.set(hardwareAddress(to), 0);
    frame.set(hardwareAddress(from), 6);
    view.setUint16(12, IPV4);
    // Version 4, five words of header.
    frame[IP_AT] = 0x45;
    view.setUint16(IP_AT + 2, DATA_AT - IP_AT + length);
    view.setUint16(IP_AT + 4, this.#identification = this.#identification + 1 & 0xffff);
    // It must not be fragmented.
    frame[IP_AT + 6] = 0x40;
    frame[IP_AT + 8] = TIME_TO_LIVE;
    frame[IP_AT + 9] = TCP;
    frame.set(this.#ends[from].address, IP_AT + 12);
    frame.set(this.#ends[to].address, IP_AT + 16);
    view.setUint16(IP_AT + 10, checksumOf(sumOf(frame.subarray(IP_AT, TCP_AT))));
    view.setUint16(TCP_AT, this.#ends[from].port);
    view.setUint16(TCP_AT + 2, this.#ends[to].port);
    view.setUint32(TCP_AT + 4, this.#next[from]);
    if ((flags & ACK) !== 0) view.setUint32(TCP_AT + 8, this.#next[to]);
    // Five words of header.
    frame[TCP_AT + 12] = 0x50;
    frame[TCP_AT + 13] = flags;
    view.setUint16(TCP_AT + 14, WINDOW);
    if (data !== undefined) frame.set(data, DATA_AT);
    // The addresses and the length belong to the sum, too (RFC 9293, §3.1).
    const sum = sumOf(frame.subarray(IP_AT + 12, TCP_AT), TCP + DATA_AT - TCP_AT + length);
    view.setUint16(TCP_AT + 16, checksumOf(sumOf(frame.subarray(TCP_AT), sum)));
    this.#next[from] = this.#next[from] + length >>> 0;
    return frame;
  }
}

/** A locally administered address for each end. */
function hardwareAddress(side: Side): readonly number[] {
  return [0x02, 0x00, 0x00, 0x00, 0x00, side === "client" ? 0x01 : 0x02];
}

/** A frame that {@linkcode TcpFrames} has made, taken apart. */
export interface Segment {
  /** The addresses and ports, as text that is the same for all frames of this direction. */
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  readonly isOpening: boolean;
  readonly isEnd: boolean;
  readonly isReset: boolean;
  readonly data: Uint8Array;
}

/** Takes a frame apart; `undefined` for one that {@linkcode TcpFrames} does not make. */
export function segmentOf(frame: Uint8Array): Segment | undefined {
  if (frame.length < DATA_AT) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const isOurs = view.getUint16(12) === IPV4 && frame[IP_AT] === 0x45 &&
    frame[IP_AT + 9] === TCP && frame[TCP_AT + 12] === 0x50 &&
    view.getUint16(IP_AT + 2) === frame.length - IP_AT;
  if (!isOurs) return undefined;
  const endAt = (address: number, port: number) =>
    `${frame.subarray(address, address + 4).join(".")}:${view.getUint16(port)}`;
  const flags = frame[TCP_AT + 13]!;
  return {
    from: endAt(IP_AT + 12, TCP_AT),
    to: endAt(IP_AT + 16, TCP_AT + 2),
    sequence: view.getUint32(TCP_AT + 4),
    isOpening: (flags & SYN) !== 0,
    isEnd: (flags & FIN) !== 0,
    isReset: (flags & RST) !== 0,
    data: frame.subarray(DATA_AT),
  };
}
