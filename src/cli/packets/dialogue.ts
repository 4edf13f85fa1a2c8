// A conversation with a server, packet by packet, each of which is shown.

import { concat } from "jsr:@std/bytes@^1/concat";
import type { Destination } from "../../io/destination.ts";
import { ConnectionFault, silentCloseFault } from "../../io/faults.ts";
import type { Transport } from "../../io/transport.ts";
import { explainPacket, type Explanation, PacketDecoder, PacketError } from "../../packets/mod.ts";
import type { Output } from "../context.ts";
import { paintFor } from "../terminal/text.ts";
import { formatExplanation, formatHeading, type FormatOptions } from "./format.ts";

/** Shows packets as they are sent and received. */
export class Display {
  readonly output: Output;
  readonly #format: FormatOptions;

  constructor(output: Output, format: FormatOptions) {
    this.output = output;
    this.#format = format;
  }

  show(direction: string, explanation: Explanation): void {
    this.output.write(`${direction} ${formatHeading(explanation, this.output)}`);
    this.output.write(`${formatExplanation(explanation, this.output, this.#format)}\n`);
  }
}

const TO_SERVER = "→ Client to Server:";
const TO_CLIENT = "← Server to Client:";

/** Sends and receives packets, and shows them. */
export class Dialogue {
  readonly address: string;
  readonly #transport: Transport;
  readonly #maximumPacketSize: number;
  readonly #destination: Destination;
  readonly #display: Display;
  /** What has come after the last packet. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(
    transport: Transport,
    maximumPacketSize: number,
    destination: Destination,
    display: Display,
  ) {
    this.address = destination.address;
    this.#transport = transport;
    this.#maximumPacketSize = maximumPacketSize;
    this.#destination = destination;
    this.#display = display;
  }

  async send(packet: Uint8Array): Promise<void> {
    await unlessBroken(this.#destination, this.#transport.write(packet));
    this.#display.show(TO_SERVER, explainPacket(packet));
  }

  async receive(): Promise<Explanation> {
    const received = await unlessBroken(this.#destination, this.#receive());
    const answer = explainPacket(received, { maximumPacketSize: this.#maximumPacketSize });
    this.#rest = received.subarray(answer.bytes.length);
    this.#display.show(TO_CLIENT, answer);
    return answer;
  }

  /** Shows the verdict. Returns the exit code. */
  end(exitCode: number, verdict: string): number {
    const { output } = this.#display;
    const { green, red } = paintFor(output);
    output.write(`${(exitCode === 0 ? green : red)(verdict)}\n`);
    return exitCode;
  }

  /** The bytes up to the end of the first packet, or up to what is malformed in it. */
  async #receive(): Promise<Uint8Array> {
    const decoder = new PacketDecoder({ maximumPacketSize: this.#maximumPacketSize });
    const chunks: Uint8Array[] = [];
    let chunk: Uint8Array | undefined = this.#rest;
    for (; chunk !== undefined; chunk = await this.#transport.read()) {
      if (chunk.length > 0) chunks.push(chunk);
      decoder.push(chunk);
      try {
        if (decoder.next() !== undefined) break;
      } catch (error) {
        if (!(error instanceof PacketError)) throw error;
        break;
      }
    }
    if (chunks.length === 0) throw silentCloseFault(this.#destination, undefined);
    return concat(chunks);
  }
}

/** The result of network I/O; its errors become faults with a sentence. */
async function unlessBroken<Result>(
  destination: Destination,
  work: Promise<Result>,
): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof ConnectionFault ? error : silentCloseFault(destination, error);
  }
}
