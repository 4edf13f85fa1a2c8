// Connections of real clients to a real broker, each under a monitor that sees the bytes as they are written by the client and as
// they are read by it; and a way to cut them.

import type { Broker } from "../../src/broker/mod.ts";
import type { Transport } from "../../src/io/transport.ts";
import { type Finding, LinkMonitor, SessionMonitor, Tally } from "../../src/monitor/mod.ts";

/** A broker whose links are watched, as a source of connections for `connect()`. */
export class WatchedBroker {
  readonly #broker: Broker;
  readonly #sessions = new SessionMonitor();
  readonly #links = new Map<LinkMonitor, Transport>();
  /** Which statements were judged on all links. */
  readonly tally = new Tally();
  /** What was found on all links. */
  readonly findings: Finding[] = [];
  /** How many packets have passed. */
  packets = 0;
  #now = 0;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Opens one connection. */
  connect(): Transport {
    const transport = this.#broker.connect();
    const monitor = new LinkMonitor({
      sessions: this.#sessions,
      tally: this.tally,
      observe: ({ findings }) => {
        this.packets++;
        this.findings.push(...findings);
      },
    });
    this.#links.set(monitor, transport);
    // Time does not pass: these conversations are not about it.
    const end = (side: "clientEnd" | "serverEnd") => monitor[side](this.#now);
    return {
      read: async () => {
        const bytes = await transport.read();
        if (bytes === undefined) end("serverEnd");
        else monitor.server(bytes, this.#now);
        return bytes;
      },
      write: (bytes) => {
        monitor.client(bytes, this.#now);
        return transport.write(bytes);
      },
      closeWrite: () => {
        end("clientEnd");
        return transport.closeWrite();
      },
      close: () => {
        end("clientEnd");
        end("serverEnd");
        this.#links.delete(monitor);
        transport.close();
      },
    };
  }

  /** Cuts every connection. */
  cut(): void {
    for (const transport of this.#links.values()) transport.close();
  }

  /** What is still owed on the connections that are open. */
  get owed(): string[] {
    return [...this.#links.keys()].flatMap((link) => link.obligations(this.#now))
      .map(({ message }) => message);
  }
}
