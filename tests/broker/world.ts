// A engine, its clients, and a clock that the test moves. No sockets, no timers: a month takes microseconds.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { BrokerEngine } from "../../src/broker/engine.ts";
import type { BrokerOptions } from "../../src/broker/mod.ts";
import type { Store } from "../../src/broker/durability/store.ts";
import type { ConnackPacket } from "../../src/packets/mod.ts";
import type { EngineTools } from "../../src/broker/wiring.ts";
import type { PeerInfo } from "../../src/session/peer.ts";
import { settle } from "../io/virtual_clock.ts";
import { Client, type ConnectOptions } from "./client.ts";
import { Link } from "./link.ts";

/** When the clock begins: not at 0, which something might take for "never". */
const START = 1_000_000;

/** Longer than any session of a test lasts, in milliseconds. */
const LONG = 100 * 7 * 24 * 3_600_000;

/** A engine and all around it. Whatever happens in a test, nothing is left in the engine once all clients are gone. */
export class World implements AsyncDisposable {
  readonly engine: BrokerEngine;
  /** The time, in milliseconds. */
  now: number = START;
  /** The names that the engine gives out, in their order; after them come others. */
  readonly names: string[] = [];
  /** What the engine has written to the console. */
  readonly lines: string[] = [];
  readonly #links: Link[] = [];
  /** What is to be done when the turn is over. */
  readonly #later: (() => void)[] = [];
  #given = 0;

  constructor(options: BrokerOptions = {}, tools: Partial<EngineTools> = {}, store?: Store) {
    this.engine = new BrokerEngine(options, {
      now: () => this.now,
      onNextTurn: (callback) => void this.#later.push(callback),
      newClientId: () => this.names.shift() ?? `given-${++this.#given}`,
      warn: (line) => void this.lines.push(line),
      ...tools,
    }, store);
  }

  /** A client that has said nothing yet. */
  open(address = "here", peer: Partial<PeerInfo> = {}): Client {
    const link = new Link(this.engine, () => this.now, { address, ...peer });
    this.#links.push(link);
    return new Client(link, () => this.settle());
  }

  /** A client that has sent CONNECT, and not looked at what came. */
  async ask(clientId: string, options?: ConnectOptions): Promise<Client> {
    const client = this.open();
    await client.sendConnect(clientId, options);
    return client;
  }

  /** A client that is connected, and what it was told. */
  async join(
    clientId: string,
    options?: ConnectOptions,
  ): Promise<{ readonly client: Client; readonly connack: ConnackPacket }> {
    const client = await this.ask(clientId, options);
    const connack = client.expect("connack");
    assertStrictEquals(connack.reasonCode, 0x00);
    return { client, connack };
  }

  /** A client that is connected. */
  async connect(clientId: string, options?: ConnectOptions): Promise<Client> {
    return (await this.join(clientId, options)).client;
  }

  /** All clients are gone. */
  async cutAll(): Promise<void> {
    for (const link of this.#links) link.cut();
    await this.settle();
  }

  /** Lets everything happen that waits for nothing but its turn. */
  async settle(): Promise<void> {
    do await settle(); while (this.beginTurn());
    for (const link of this.#links) link.assertAwake();
  }

  /** Begins the next turn, if somebody waits for it. */
  beginTurn(): boolean {
    const callbacks = this.#later.splice(0);
    for (const callback of callbacks) callback();
    return callbacks.length > 0;
  }

  /** Time passes, and what is due on the way happens. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    for (let next = this.#next(), count = 0; next <= until; next = this.#next(), count++) {
      assert(count < 100_000, "it comes to no end");
      this.now = Math.max(this.now, next);
      for (let more = true; more && this.engine.deadline <= this.now;) {
        this.engine.tick();
        more = this.beginTurn();
      }
      assert(this.engine.deadline > this.now, "the engine's deadline stays where it was");
      for (const link of this.#links) link.pump();
      await this.settle();
    }
    this.now = until;
  }

  /** All clients leave, and all sessions end: nothing is left of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cutAll();
    await this.advance(LONG);
    const { clients, sessions, subscriptions } = this.engine.statistics;
    assertEquals({ clients, sessions, subscriptions }, {
      clients: 0,
      sessions: 0,
      subscriptions: 0,
    });
    // Retained messages are nobody's.
    const { retained, memory } = this.engine.statistics;
    if (retained === 0) assertStrictEquals(memory, 0, "bytes are counted that nobody keeps");
    assertStrictEquals(this.engine.deadline, Infinity, "something is due for ever");
  }

  #next(): number {
    return Math.min(this.engine.deadline, ...this.#links.map(({ deadline }) => deadline));
  }
}
