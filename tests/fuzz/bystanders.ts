// Two clients that have nothing to do with what is fuzzed beside them: what one sends the other gets,
// once, and a monitor looks at every byte of their connections.

import { assertEquals } from "@std/assert";
import { type Client, connect, type QoS, RefusedError, type TransportSource } from "../../mod.ts";
import { LinkMonitor } from "../../src/monitor/mod.ts";
import type { World } from "../../src/testing/mod.ts";

/**
 * A server of a process, whose connections a monitor watches. `onFound` is told what breaks a rule;
 * after the server has broken one, the client is excused: it may have read nothing of what follows.
 */
export function monitored(
  world: World,
  process: string,
  name: string,
  onFound: (by: "client" | "server", message: string) => void,
  onPassed: (line: string) => void = () => {},
): TransportSource {
  const server = world.process(process).server(name);
  let last = 0;
  return {
    clock: server.clock,
    async connect(options) {
      const channel = await server.connect(options);
      let hasServerErred = false;
      const monitor = new LinkMonitor({
        observe({ findings, from, now, packet }) {
          onPassed(
            `${now} ${from} ${packet === undefined ? "broken bytes" : Deno.inspect(packet)}`,
          );
          for (const { by, severity, message, statement, section } of findings) {
            if (severity !== "violation" || hasServerErred) continue;
            onFound(by, `${message} (${statement ?? section})`);
            hasServerErred = by === "server";
          }
        },
      });
      // It may be over before it begins.
      const link = world.links.findLast((link) => link.serverName === name && link.number > last);
      last = link?.number ?? last;
      link?.observe({
        bytes: (way, bytes, now) =>
          way === "to server"
            ? monitor.client(bytes.slice(), now)
            : monitor.server(bytes.slice(), now),
        ended(way, how, now) {
          onPassed(`${now} ${how} ${way}`);
          if (way === "to server") monitor.clientEnd(now);
          else monitor.serverEnd(now);
        },
      });
      return channel;
    },
  };
}

/** The two. */
export class Bystanders {
  readonly #sender: Client;
  readonly #receiver: Client;
  readonly #errors: unknown[];
  readonly #sent: string[] = [];
  /** Of these, those that a subscriber had no room for; others may have got them. */
  readonly #refused = new Set<string>();
  readonly #got: string[] = [];
  #count = 0;
  #isLeaving = false;
  readonly #settled: Promise<void>[] = [];

  private constructor(sender: Client, receiver: Client, errors: unknown[]) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#errors = errors;
    for (const client of [sender, receiver]) {
      client.addEventListener("disconnected", ({ detail: { error } }) => {
        if (this.#isLeaving) return;
        errors.push(new Error("A bystander has lost its connection", { cause: error }));
      });
    }
  }

  /** They connect to a server, and one subscribes. What disturbs them becomes an error. */
  static async begin(
    world: World,
    name: string,
    errors: unknown[],
  ): Promise<Bystanders> {
    const source = monitored(world, "bystanders", name, (_, message) => {
      errors.push(new Error(`The monitor of the bystanders says: ${message}`));
    });
    const options = { connectTimeout: 600_000, pingTimeout: 600_000 };
    const [sender, receiver] = await world.until(Promise.all([
      connect(source, { ...options, clientId: "bystander-1" }),
      connect(source, { ...options, clientId: "bystander-2" }),
    ]));
    const bystanders = new Bystanders(sender, receiver, errors);
    const { maximumQoS } = receiver.server;
    const subscription = await world.until(receiver.subscribe("bystander/x", { qos: maximumQoS }));
    void (async () => {
      for await (const message of subscription) bystanders.#got.push(message.text());
    })();
    return bystanders;
  }

  /**
   * One sends a message. If `mayBeRefused`, a session of somebody else may have no room for it: then
   * it counts only if it is delivered.
   */
  send(qos: number, mayBeRefused: boolean): void {
    const text = `${++this.#count}`;
    this.#sent.push(text);
    const { maximumQoS } = this.#sender.server;
    const publishing = this.#sender.publish("bystander/x", text, {
      qos: Math.min(qos, maximumQoS) as QoS,
    });
    this.#settled.push(publishing.then(() => {}, (error) => {
      const isExcused = mayBeRefused && error instanceof RefusedError && error.reasonCode === 0x97;
      if (!isExcused) {
        this.#errors.push(new Error(`A bystander cannot publish: ${error}`, { cause: error }));
      } else this.#refused.add(text);
    }));
  }

  /** All that was sent is there. */
  async check(world: World): Promise<void> {
    await world.until(Promise.all(this.#settled));
    await world.advance(10_000);
    // Those of different QoS may overtake each other.
    const inOrder = this.#got.toSorted((one, other) => Number(one) - Number(other));
    const expected = this.#sent.filter((text) =>
      !this.#refused.has(text) || this.#got.includes(text)
    );
    assertEquals(inOrder, expected, "what the bystanders sent has not come once");
  }

  /** They leave. */
  async leave(world: World): Promise<void> {
    await this.check(world);
    this.#isLeaving = true;
    await world.until(Promise.all([this.#sender.disconnect(), this.#receiver.disconnect()]));
  }
}
