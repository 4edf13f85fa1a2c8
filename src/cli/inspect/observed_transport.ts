// A connection of this program's own broker, as an observer sees it: there is no relay to look at,
// so the broker's end of it is looked at.

import type { Transport } from "../../io/transport.ts";
import { now } from "./inspector.ts";
import type { LinkObserver } from "./link_observer.ts";

/** The server's end of a connection; the observer is shown what passes. */
export function observedTransport(transport: Transport, link: LinkObserver): Transport {
  return {
    async read() {
      let chunk: Uint8Array | undefined;
      try {
        chunk = await transport.read();
      } catch (error) {
        link.close("the connection to the client broke", now());
        throw error;
      }
      if (chunk === undefined) link.end("client", now());
      else link.pass("client", chunk, now());
      return chunk;
    },
    write(bytes) {
      // The bytes are on their way before anybody looks at them.
      const written = transport.write(bytes);
      link.pass("server", bytes, now());
      return written;
    },
    async closeWrite() {
      await transport.closeWrite();
      link.end("server", now());
    },
    close() {
      transport.close();
      link.close(undefined, now());
    },
    ...transport.release !== undefined && { release: () => transport.release!() },
  };
}
