// A connection to a broker in a virtual world for clients that send anything: see FuzzClient.

import { type Packet, PacketDecoder } from "../../src/packets/mod.ts";
import type { Transport } from "../../src/io/transport.ts";
import type { FuzzLink } from "./broker_client.ts";

/** One connection. */
export class WorldLink implements FuzzLink {
  readonly packets: Packet[] = [];
  readonly #transport: Transport;
  readonly #onError: (error: unknown) => void;
  readonly #decoder = new PacketDecoder();
  #hasEnded = false;
  #hasDisconnected = false;
  /** Resolves when it reads again. */
  #stalled: PromiseWithResolvers<void> | undefined;

  /** `onError` is told when the broker sends what is no packet, or too large. */
  constructor(transport: Transport, onError: (error: unknown) => void) {
    this.#transport = transport;
    this.#onError = onError;
    void this.#read();
  }

  get isOver(): boolean {
    return this.#hasEnded || this.#hasDisconnected;
  }

  /** Whether the broker has said that it ends the connection, and has not. */
  get isOverdue(): boolean {
    return this.#hasDisconnected && !this.#hasEnded;
  }

  set maximumPacketSize(maximumPacketSize: number | undefined) {
    this.#decoder.maximumPacketSize = maximumPacketSize ?? Infinity;
  }

  send(bytes: Uint8Array): void {
    this.#transport.write(bytes).catch(() => {});
  }

  /** The client goes away. */
  cut(): void {
    this.#transport.close();
    this.#hasEnded = true;
  }

  /** The client reads nothing any more. */
  stall(): void {
    this.#stalled ??= Promise.withResolvers();
  }

  /** The client reads again. */
  goOn(): void {
    this.#stalled?.resolve();
    this.#stalled = undefined;
  }

  async #read(): Promise<void> {
    try {
      for (let chunk; (chunk = await this.#transport.read()) !== undefined;) {
        if (this.#stalled !== undefined) await this.#stalled.promise;
        this.#take(chunk);
      }
    } catch {
      // Reset, or closed by this end.
    }
    this.#hasEnded = true;
    this.#transport.close();
  }

  #take(chunk: Uint8Array): void {
    if (this.#hasEnded) return;
    try {
      this.#decoder.push(chunk);
      for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
        this.packets.push(packet);
        this.#hasDisconnected ||= packet.type === "disconnect";
      }
    } catch (error) {
      this.#hasEnded = true;
      this.#onError(error);
    }
  }
}
