// What a feature is tried with: clients, wires that break, topics that nobody else has, and waits
// that end. When the feature has been tried, nothing of it is left at the server.

import {
  type Client,
  connect,
  ConnectionClosedError,
  type ConnectOptions,
  type Message,
  type ServerAddress,
  type ServerInfo,
} from "../../../mod.ts";
import { Difference } from "./feature.ts";
import { type Dial, type Observer, Wire } from "./wire.ts";

/** A server, and who its clients are. */
export interface Target {
  /** What `connect()` is given. */
  readonly server: ServerAddress;
  /** The same, for those who dial by themselves. */
  readonly dial: Dial;
  readonly username?: string | undefined;
  readonly password?: string | Uint8Array | undefined;
}

/** After so many milliseconds without what is waited for, the server is said not to do it. */
export const PATIENCE = 20_000;

/** How often a condition is looked at, in milliseconds. */
const GLANCE = 5;

/** Waits of a few milliseconds between attempts to reconnect. */
const RECONNECT = { initialDelay: 10, maximumDelay: 100 } as const;

/** A client whose connection may be broken. */
export interface Breakable {
  readonly client: Client;
  readonly wire: Wire;
}

/** What one feature is tried with. */
export class Fixture implements AsyncDisposable {
  /** What the server granted the first client of this run. */
  readonly server: ServerInfo;
  readonly target: Target;
  readonly #name: string;
  readonly #patience: number;
  readonly #clients: Client[] = [];
  readonly #retained = new Set<string>();
  #ids = 0;

  /** `name` is in all topics and Client Identifiers: at most 16 letters and digits. */
  constructor(target: Target, server: ServerInfo, name: string, patience = PATIENCE) {
    this.target = target;
    this.server = server;
    this.#name = name;
    this.#patience = patience;
  }

  /** A topic of this feature alone; without a name, the one above all others. */
  topic(name?: string): string {
    return `mqtt5-interop/${this.#name}${name === undefined ? "" : `/${name}`}`;
  }

  /** A topic of this feature on which a message will be retained, for now. */
  retainedTopic(name: string): string {
    const topic = this.topic(name);
    this.#retained.add(topic);
    return topic;
  }

  /** A Client Identifier that every server takes (§3.1.3.1). */
  clientId(): string {
    return `${this.#name}x${++this.#ids}`;
  }

  /** Connects by URL, as an application does. It does not connect again. */
  async open(options: ConnectOptions = {}): Promise<Client> {
    return await this.#connect(this.target.server, { reconnect: false, ...options });
  }

  /** Connects so that the connection can be broken; the client connects again then. */
  async breakable(options: ConnectOptions = {}, observe?: Observer): Promise<Breakable> {
    const wire = new Wire(this.target.dial, observe);
    return { wire, client: await this.#connect(wire, { reconnect: RECONNECT, ...options }) };
  }

  async #connect(server: ServerAddress, options: ConnectOptions): Promise<Client> {
    const { username, password } = this.target;
    const connecting = connect(server, {
      clientId: this.clientId(),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      connectTimeout: this.#patience,
      ...options,
    });
    const client = await connecting;
    this.#clients.push(client);
    return client;
  }

  /**
   * What the work results in.
   *
   * @throws {Difference} when that takes too long; `what` is what was waited for
   */
  async within<Result>(work: Promise<Result>, what: () => string): Promise<Result> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Difference(`${what()}, after ${this.#patience / 1000} s`));
    }, this.#patience);
    // It may fail when nobody waits for it any more.
    work.catch(() => {});
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when the condition holds; `what` is said when it does not. */
  async until(condition: () => boolean, what: () => string): Promise<void> {
    let isOver = false;
    const look = async () => {
      while (!condition() && !isOver) await new Promise((resolve) => setTimeout(resolve, GLANCE));
    };
    try {
      await this.within(look(), what);
    } finally {
      isOver = true;
    }
  }

  /** The next messages, acknowledged unless they are to wait. */
  async take(
    messages: AsyncIterable<Message, undefined>,
    count: number,
    { ack = true }: { readonly ack?: boolean } = {},
  ): Promise<Message[]> {
    const taken: Message[] = [];
    const work = async () => {
      if (count === 0) return taken;
      for await (const message of messages) {
        if (ack) message.ack();
        taken.push(message);
        if (taken.length === count) break;
      }
      return taken;
    };
    return await this.within(work(), () => `${taken.length} of ${count} messages came`);
  }

  /** The texts of the messages before the one that says `"end"`. */
  async textsBeforeEnd(messages: AsyncIterable<Message, undefined>): Promise<string[]> {
    const texts: string[] = [];
    const work = async () => {
      for await (const message of messages) {
        message.ack();
        if (message.text() === "end") break;
        texts.push(message.text());
      }
      return texts;
    };
    return await this.within(work(), () => `the last message did not come behind ${texts.length}`);
  }

  /** Publishes by a client that is there for nothing else. */
  async publish(...[topic, payload, options]: Parameters<Client["publish"]>): Promise<void> {
    const client = await this.open();
    await client.publish(topic, payload, { qos: 1, ...options });
    await client.disconnect();
  }

  /** Ends all sessions, and takes back what was retained. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) {
      await client.disconnect({ timeout: 0, ...hasSession(client) && ENDED });
    }
    if (this.#retained.size === 0) return;
    try {
      const client = await this.open();
      for (const topic of this.#retained) await client.publish(topic, "", { retain: true, qos: 1 });
      await client.disconnect();
    } catch (error) {
      // A server that is gone has nothing to be taken back from.
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
  }
}

const ENDED = { sessionExpiryInterval: 0 } as const;

function hasSession({ state, server }: Client): boolean {
  return state === "connected" && server.sessionExpiryInterval > 0;
}

/** The texts of messages. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text());
}

/** `"0"`, `"1"` and so on. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}
