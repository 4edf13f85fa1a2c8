// The codec as streams of the web platform.

import { type EncodeOptions, encodePacket, type Packet, type PacketInit } from "./codec.ts";
import { checkKnown } from "../wire/checks.ts";
import { type DecoderOptions, PacketDecoder } from "./decoder.ts";

/** The options of an encoder. */
const NAMES: ReadonlySet<string> = new Set<keyof EncodeOptions>([
  "maximumPacketSize",
  "protocolVersion",
]);

/**
 * A transform from bytes, however cut, to packets. The stream of packets fails with a
 * `MalformedPacketError` or a `ProtocolError` at the first packet that is broken, after all packets
 * before it have been read.
 *
 * @example The packets in a stream of bytes
 * ```ts
 * import { PacketDecoderStream } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = ReadableStream.from([new Uint8Array([0xC0]), new Uint8Array([0x00, 0xD0, 0x00])]);
 * const packets = await Array.fromAsync(bytes.pipeThrough(new PacketDecoderStream()));
 * assertEquals(packets, [{ type: "pingreq" }, { type: "pingresp" }]);
 * ```
 */
export class PacketDecoderStream implements TransformStream<Uint8Array, Packet> {
  /** The packets. */
  readonly readable: ReadableStream<Packet>;
  /** The bytes. */
  readonly writable: WritableStream<Uint8Array>;

  /** Makes a decoder for one stream, as from one Network Connection. */
  constructor(options?: DecoderOptions) {
    const decoder = new PacketDecoder(options);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const chunks = readable.getReader();
    this.writable = writable;
    // A TransformStream that fails forgets what it has queued: here a packet is decoded only when
    // it is asked for.
    this.readable = new ReadableStream({
      async pull(controller) {
        try {
          const packet = await nextPacket(decoder, chunks);
          if (packet === undefined) controller.close();
          else controller.enqueue(packet);
        } catch (error) {
          await chunks.cancel(error);
          throw error;
        }
      },
      cancel: (reason) => chunks.cancel(reason),
    }, { highWaterMark: 0 });
  }
}

async function nextPacket(
  decoder: PacketDecoder,
  chunks: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Packet | undefined> {
  let packet = decoder.next();
  while (packet === undefined) {
    const { value, done } = await chunks.read();
    if (done) {
      decoder.end();
      return undefined;
    }
    decoder.push(value);
    packet = decoder.next();
  }
  return packet;
}

/**
 * A transform from packets to bytes, one chunk for each packet. It fails with a `TypeError` or a
 * `RangeError` at the first packet that may not be sent.
 *
 * @example The bytes of some packets
 * ```ts
 * import { PacketEncoderStream, type PacketInit } from "jsr:@mqtt5/mqtt5";
 * import { assertEquals } from "@std/assert";
 *
 * const packets = ReadableStream.from<PacketInit>([{ type: "pingreq" }]);
 * const bytes = await Array.fromAsync(packets.pipeThrough(new PacketEncoderStream()));
 * assertEquals(bytes, [new Uint8Array([0xC0, 0x00])]);
 * ```
 */
export class PacketEncoderStream implements TransformStream<PacketInit, Uint8Array> {
  /** The bytes. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The packets. */
  readonly writable: WritableStream<PacketInit>;

  /** Makes an encoder for one receiver. */
  constructor(options: EncodeOptions = {}) {
    checkKnown(options, NAMES, "an encoder");
    // To extend TransformStream would load the platform's streams for everybody who imports this
    // module.
    const stream = new TransformStream<PacketInit, Uint8Array>({
      transform: (packet, controller) => controller.enqueue(encodePacket(packet, options)),
    });
    this.readable = stream.readable;
    this.writable = stream.writable;
  }
}
