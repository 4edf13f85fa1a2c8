// A conversation with a little of everything, in the terminal: a client of this library, which does
// each exchange by itself, and a broker.

import { serve } from "../../broker/serve.ts";
import { connect } from "../../client/connect.ts";
import { connectTcp } from "../../io/tcp.ts";
import type { Explanation, QoS } from "../../packets/mod.ts";
import type { Output } from "../context.ts";
import { type Arrows, type Direction, formatPacket, traced } from "../packets/trace.ts";
import { paintFor, wrap } from "../terminal/text.ts";
import { HOSTNAME } from "./stage.ts";

const ARROWS: Arrows = { sent: "→", received: "←" };
const TOPIC = "home/kitchen/temperature";
const TOPIC_FILTER = "home/+/temperature";

/** The guarantee of each QoS (§4.3). */
const GUARANTEES: readonly string[] = ["at most once", "at least once", "exactly once"];

/** Lets the conversation happen, and shows it. */
export async function tellAll(output: Output, signal: AbortSignal): Promise<void> {
  await using broker = await serve({ hostname: HOSTNAME, port: 0 });
  const show = new Show(output);
  show.title(`A broker listens on ${broker.url}; a client connects.`);
  await using client = await connect({
    async connect() {
      const transport = await connectTcp({ hostname: HOSTNAME, port: broker.port, signal });
      return traced(transport, ARROWS, (direction, packet) => show.packet(direction, packet));
    },
  }, { clientId: "thermostat-7", keepAlive: 30, reconnect: false, signal });
  show.title(`The client subscribes to "${TOPIC_FILTER}" at QoS 2.`);
  const readings = await client.subscribe(TOPIC_FILTER, { qos: 2 });
  const messages = readings[Symbol.asyncIterator]();
  for (const qos of [0, 1, 2] as const) {
    show.title(`It publishes at QoS ${qos} (${GUARANTEES[qos]}) and receives the message back.`);
    const received = messages.next();
    await client.publish(TOPIC, `21.${qos}`, { qos });
    const { value: message } = await received;
    message?.ack();
    await show.settled(qos);
  }
  show.title("It disconnects.");
  await client.disconnect();
  show.summary();
}

/** How many packets a message takes at each QoS, to the broker and back. */
const PACKETS: Readonly<Record<QoS, number>> = { 0: 2, 1: 4, 2: 8 };

/** Shows the packets, and counts them. */
class Show {
  readonly #output: Output;
  readonly #count = { "→": 0, "←": 0 };
  readonly #bytes = { "→": 0, "←": 0 };
  #sinceTitle = 0;
  #onPacket: (() => void) | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  title(text: string): void {
    this.#sinceTitle = 0;
    const { bold } = paintFor(this.#output);
    const lines = wrap(text, this.#output.columns).map((line) => `${bold(line)}\n`);
    this.#output.write(`\n${lines.join("")}`);
  }

  packet(direction: Direction, packet: Explanation): void {
    this.#count[direction]++;
    this.#bytes[direction] += packet.bytes.length;
    this.#sinceTitle++;
    this.#output.write(formatPacket(direction, packet, this.#output));
    this.#onPacket?.();
  }

  /** Waits for the acknowledgements of a message, which follow it. */
  settled(qos: QoS): Promise<void> {
    return new Promise((resolve) => {
      this.#onPacket = () => {
        if (this.#sinceTitle < PACKETS[qos]) return;
        this.#onPacket = undefined;
        resolve();
      };
      this.#onPacket();
    });
  }

  summary(): void {
    const { green } = paintFor(this.#output);
    const line = (direction: Direction, who: string) =>
      `  ${direction} ${who}: ${this.#count[direction]} packets, ${this.#bytes[direction]} bytes\n`;
    this.#output.write(
      `\n${
        green("Three messages went to the broker and back, each with the guarantee of its QoS.")
      }\n` +
        line("→", "client to broker") + line("←", "broker to client") +
        "  A message took 1 packet at QoS 0, 2 at QoS 1 and 4 at QoS 2, each way.\n" +
        "\nStep by step: mqtt5 demo connect, or in the browser: mqtt5 demo --page\n",
    );
  }
}
