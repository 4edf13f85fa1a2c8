// A broker in a virtual world: the class of `serve()`, with the world's tools.

import { Store } from "../broker/durability/store.ts";
import { Broker, type BrokerTools, type ServeOptions } from "../broker/serve.ts";
import { LISTEN_OPTIONS } from "../io/listen_options.ts";
import type { Listener, ListenOptions } from "../io/listen.ts";
import type { OpenDatabase } from "../store/sqlite.ts";
import type { VirtualNetwork } from "./virtual_network.ts";
import type { VirtualProcess } from "./virtual_process.ts";

/** Options of a broker in a virtual world: those of `serve()`, but where to listen. */
export interface VirtualBrokerOptions
  extends Omit<ServeOptions, keyof ListenOptions | "listeners"> {
  /** A file on the disk of the world, which survives the broker. Default: memory only. */
  readonly path?: string | undefined;
}

/** Where a broker is to run. */
export interface VirtualBrokerSetup {
  readonly process: VirtualProcess;
  readonly network: VirtualNetwork;
  /** The name at which it listens. */
  readonly name: string;
  /** Opens its file. */
  readonly open: OpenDatabase;
  /** Writes a line to the console, for errors when there is no `onError`. */
  readonly warn: (line: string) => void;
}

/**
 * Starts a broker in its process. Resolves when it listens.
 *
 * Rejects with what `serve()` rejects with.
 */
export async function startVirtualBroker(
  options: VirtualBrokerOptions,
  { process, network, name, open, warn }: VirtualBrokerSetup,
): Promise<Broker> {
  const given = options as ServeOptions;
  for (const option of [...LISTEN_OPTIONS, "listeners"] as const) {
    if (given[option] !== undefined) {
      throw new TypeError(`${option} has no meaning in a virtual world`);
    }
  }
  const { clock, random } = process;
  const store = options.path === undefined ? undefined : new Store(options.path, {
    now: () => clock.now(),
    wall: () => process.wallTime,
  }, open);
  const tools: BrokerTools = {
    clock,
    warn,
    newClientId: () => hexadecimal(random.bytes(16)),
    atEndOfTurn: (callback) => process.nextTurn(callback),
    onNextTurn: (callback) => process.nextTurn(callback),
    memory: undefined,
    untilClosed: (closed) => clock.passUntil(closed),
    listen: (_options, _limits, onConnection) => {
      const stop = network.listen(name, {
        process,
        accept: (transport, { client, number }) =>
          onConnection(transport, { address: `${client.name}:${number}`, listener: urlOf(name) }),
      });
      return Promise.resolve(listenerOf(name, stop));
    },
  };
  return await Broker.start(options, tools, store);
}

function listenerOf(name: string, stop: () => void): Listener {
  return {
    protocol: "mqtt",
    hostname: name,
    port: 1883,
    url: urlOf(name),
    setCertificate() {
      throw new TypeError("This listener does not use TLS");
    },
    close() {
      stop();
      return Promise.resolve();
    },
  };
}

function urlOf(name: string): string {
  return `mqtt://${name}:1883`;
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
