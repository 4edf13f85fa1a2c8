// All of the world that a client sees, in the hands of a test: time, chance, and servers to dial. Each test ends with the
// client, and with a look whether anything of it is left.

import { assert, assertEquals, AssertionError, assertStrictEquals } from "@std/assert";
import { Client } from "../../src/client/client.ts";
import type { ServerSource } from "../../src/client/servers.ts";
import type { ClientEvents } from "../../src/client/events.ts";
import type { World } from "../../src/client/connection_attempt.ts";
import type { Message } from "../../src/client/message.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import { DURABLE_SESSIONS } from "../../src/client/durable_session.ts";
import { SOCKETS } from "../../src/client/sockets.ts";
import type { Destination } from "../../src/io/destination.ts";
import type { Transport } from "../../src/io/transport.ts";
import { MemoryTransport } from "../io/memory_transport.ts";
import { settle, VirtualClock } from "../io/virtual_clock.ts";
import { type Connack, Peer } from "./peer.ts";

export { settle } from "../io/virtual_clock.ts";

/** The server where nothing else is said. */
export const URL_OF_SERVER = "mqtt://server";

/** How long the last bytes of a connection may take. */
const LAST_WORDS = 1000;

const EVENTS = [
  "connected",
  "disconnected",
  "reconnecting",
  "reauthenticating",
  "refused",
  "dropped",
  "exceeded",
  "closed",
] as const;

/** An event that a client has told. */
export type Told = {
  readonly [Type in keyof ClientEvents]: {
    readonly type: Type;
    readonly detail: ClientEvents[Type];
  };
}[keyof ClientEvents];

/** The world of one test. */
export class TestWorld implements World {
  readonly sockets: World["sockets"] = SOCKETS;
  readonly durable = DURABLE_SESSIONS;
  readonly clock = new VirtualClock();
  /** What was dialled, in order. */
  readonly dialled: Destination[] = [];
  /** The client's end of every connection. */
  readonly transports: MemoryTransport[] = [];
  /** All events of all clients. */
  readonly told: Told[] = [];
  /** The server's end of every connection. */
  readonly peers: Peer[] = [];
  readonly #waiting: Peer[] = [];
  readonly #clients: Client[] = [];
  /** What becomes of an attempt to dial. By default there is a connection to a script. */
  onDial: (server: Destination, signal: AbortSignal) => Promise<Transport> = (server, signal) =>
    Promise.resolve(this.open(server, signal));

  dial(server: Destination, signal: AbortSignal): Promise<Transport> {
    this.dialled.push(server);
    return this.onDial(server, signal);
  }

  /** A connection to a script, which {@linkcode TestWorld.peer} returns. */
  open(server: Destination, signal: AbortSignal): MemoryTransport {
    const [near, far] = MemoryTransport.pair(signal);
    this.transports.push(near);
    const peer = new Peer(server, near, far);
    this.peers.push(peer);
    this.#waiting.push(peer);
    return near;
  }

  /** A client that has not been started. */
  client(options: ConnectOptions = {}, urls: ServerSource = URL_OF_SERVER): Client {
    return this.adopt(new Client(this, urls, options));
  }

  /** A client that the test has made itself. */
  adopt(client: Client): Client {
    this.#clients.push(client);
    for (const type of EVENTS) {
      client.addEventListener(type, ({ detail }) => this.told.push({ type, detail } as Told));
    }
    return client;
  }

  /** A client that is connected, and the script of its server. */
  async connected(
    options: ConnectOptions = {},
    connack: Connack = {},
  ): Promise<{ readonly client: Client; readonly peer: Peer }> {
    const client = this.client(options);
    const started = client.start();
    const peer = await this.accept(connack);
    await started;
    return { client, peer };
  }

  /** The server takes the next connection, as soon as it is due. */
  async accept(connack: Connack = {}): Promise<Peer> {
    const peer = await this.peer();
    await peer.accept(connack);
    return peer;
  }

  /** The next connection that the client has dialled. */
  async peer(): Promise<Peer> {
    await this.clock.advance(0);
    const peer = this.#waiting.shift();
    if (peer === undefined) throw new AssertionError("The client has not dialled");
    return peer;
  }

  /** The client has not dialled. */
  async expectNoPeer(): Promise<void> {
    await this.clock.advance(0);
    assertStrictEquals(this.#waiting.length, 0);
  }

  /** Takes the next event out, which is of this type. */
  expectTold<Type extends keyof ClientEvents>(type: Type): ClientEvents[Type] {
    const told = this.told.shift();
    assertStrictEquals(told?.type, type, Deno.inspect(told));
    return told!.detail as ClientEvents[Type];
  }

  /** Ends the clients, and holds that nothing of them is left. */
  async finish(): Promise<void> {
    const ended = this.#clients.map((client) => client.disconnect({ timeout: 1 }));
    await this.clock.advance(1 + LAST_WORDS);
    for (const promise of ended) assertStrictEquals((await outcome(promise)).status, "fulfilled");
    for (const { state } of this.#clients) assertStrictEquals(state, "closed");
    this.assertNothingLeft();
  }

  /** No timer runs, and no connection is open. */
  assertNothingLeft(): void {
    assertStrictEquals(this.clock.timers, 0, "a timer is left");
    assert(this.transports.every(({ isClosed }) => isClosed), "a connection is left open");
  }
}

/** A test in a world of its own. */
export function test(name: string, body: (world: TestWorld) => Promise<void>): void {
  Deno.test(name, async () => {
    const world = new TestWorld();
    await body(world);
    await world.finish();
  });
}

/** A loop over messages, a step at a time. */
export class Loop {
  readonly #iterator: AsyncIterator<Message, undefined>;

  constructor(messages: AsyncIterable<Message, undefined>) {
    this.#iterator = messages[Symbol.asyncIterator]();
  }

  /** Asks for the next message. */
  next(): Promise<IteratorResult<Message, undefined>> {
    return this.#iterator.next();
  }

  /** The next message, which is there. */
  async take(): Promise<Message> {
    const step = await outcome(this.next());
    if (step.status === "fulfilled" && step.value.done !== true) return step.value.value;
    throw new AssertionError(`There is no message: ${Deno.inspect(step)}`);
  }

  /** The next messages, which are there. */
  async takeMany(count: number): Promise<Message[]> {
    const messages: Message[] = [];
    while (messages.length < count) messages.push(await this.take());
    return messages;
  }

  /** Leaves the loop, as `break` does. */
  async leave(): Promise<void> {
    await this.#iterator.return?.();
  }
}

/** What has become of a promise. */
export type Outcome<Value> =
  | { readonly status: "pending" }
  | { readonly status: "fulfilled"; readonly value: Value }
  | { readonly status: "rejected"; readonly reason: unknown };

/** Looks at a promise without waiting for it. */
export async function outcome<Value>(promise: Promise<Value>): Promise<Outcome<Value>> {
  let outcome: Outcome<Value> = { status: "pending" };
  promise.then(
    (value) => outcome = { status: "fulfilled", value },
    (reason) => outcome = { status: "rejected", reason },
  );
  await settle();
  return outcome;
}

/** Nobody has settled the promise yet. */
export async function assertPending(promise: Promise<unknown>): Promise<void> {
  assertEquals(await outcome(promise), { status: "pending" });
}
