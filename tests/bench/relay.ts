// A broker that looks at nothing: what publishers send goes to all subscribers as it is. It shows how much the load of the
// broker benchmark could bring through a broker that cost nothing. It prints its port, and ends when its standard input does.
// deno run --allow-net=127.0.0.1 tests/bench/relay.ts

import { PeerLink } from "./peer_link.ts";
import type { Wire } from "./wire.ts";

/** The first byte of a SUBSCRIBE. */
const SUBSCRIBE = 0x82;

/** The type of a PUBLISH, in the high half of its first byte. */
const PUBLISH = 3;

class RelayLink extends PeerLink {
  readonly #subscribers: Set<PeerLink>;

  constructor(connection: Wire, subscribers: Set<PeerLink>) {
    super(connection);
    this.#subscribers = subscribers;
  }

  /** A publisher sends nothing but PUBLISH once it is connected, so that the first packet speaks for all. */
  protected override async look(packets: Uint8Array): Promise<void> {
    const [firstByte] = packets;
    if (firstByte === SUBSCRIBE) this.#subscribers.add(this);
    if (firstByte === undefined || firstByte >> 4 !== PUBLISH) return;
    await Promise.all(Array.from(this.#subscribers, (subscriber) => subscriber.write(packets)));
  }
}

if (import.meta.main) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  serve(listener);
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}

async function serve(listener: Deno.TcpListener): Promise<void> {
  const subscribers = new Set<PeerLink>();
  for await (const connection of listener) {
    connection.setNoDelay(true);
    const link = new RelayLink(connection, subscribers);
    // Who goes without a word is none of the relay's business.
    link.run().catch(() => {}).finally(() => {
      subscribers.delete(link);
      connection.close();
    });
  }
}
