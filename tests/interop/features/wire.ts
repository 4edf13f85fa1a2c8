// The way to a server, over any transport, that a feature may break, and on which it sees what the
// server sends. A relay of bytes could not do that within TLS.

import { type Packet, PacketDecoder, type Transport, type TransportSource } from "../../../mod.ts";

/** Opens a connection to a server; gives up when the signal aborts. */
export type Dial = (signal: AbortSignal) => Promise<Transport>;

/** What a wire tells of each packet that the server sends. */
export type Observer = (packet: Packet) => void;

/** Connections to one server, for `connect()`. */
export class Wire implements TransportSource {
  readonly #dial: Dial;
  readonly #observe: Observer;
  readonly #open = new Set<Transport>();
  #isDown = false;

  constructor(dial: Dial, observe: Observer = () => {}) {
    this.#dial = dial;
    this.#observe = observe;
  }

  /** Opens a connection. */
  async connect({ signal }: { readonly signal: AbortSignal }): Promise<Transport> {
    this.#checkUp();
    const transport = await this.#dial(signal);
    this.#open.add(transport);
    if (this.#isDown) this.cut();
    this.#checkUp();
    return observed(transport, this.#observe);
  }

  /** Breaks the connection; nobody says DISCONNECT. */
  cut(): void {
    for (const transport of this.#open) transport.close();
    this.#open.clear();
  }

  /** The same, and from now on there is no way to the server. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  /** There is a way to the server again. */
  up(): void {
    this.#isDown = false;
  }

  #checkUp(): void {
    if (this.#isDown) throw new Error("the network is down");
  }
}

/** The same transport; its reader's packets are told before the reader has them. */
function observed(transport: Transport, observe: Observer): Transport {
  const decoder = new PacketDecoder();
  return {
    async read() {
      const chunk = await transport.read();
      if (chunk === undefined) return chunk;
      // What was read is the reader's, who may take its room for something else.
      decoder.push(chunk.slice());
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        observe(packet);
      }
      return chunk;
    },
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}
