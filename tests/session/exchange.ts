// Two applications that send messages to each other over pairs of connections that come and go. Each message has a number in
// its topic, so that it is known again wherever it turns up; what has become of it is written down.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { QoS } from "../../src/packets/mod.ts";
import type { CloseCause, ConnectionEvent } from "../../src/session/events.ts";
import { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import type { PendingAcknowledgement } from "../../src/session/pending_acknowledgement.ts";
import { Session } from "../../src/session/session.ts";
import { otherSide, Pair, type PairOptions, type Side } from "./pair.ts";
import { START } from "./scripted.ts";

/** What has become of a message. */
export type Fate = "settled" | "session lost" | "expired" | "not allowed";

/** A message, from its sender to its receiver. */
export interface Letter {
  readonly from: Side;
  readonly number: number;
  readonly qos: QoS;
  readonly message: OutgoingMessage;
  /** How often it was delivered. */
  delivered: number;
  /** How often its acknowledgement was taken from the application. */
  taken: number;
  readonly fates: Fate[];
}

/**
 * When an application is done with a message: within the event, when nothing moves, when the link is over (at QoS 2; at QoS 1
 * it would be too late, and is at once), when told to.
 */
export type When = "at once" | "when quiet" | "between links" | "when told";

/** What waits for an application. */
interface Waiting {
  readonly at: Side;
  readonly letter: Letter;
  readonly acknowledgement: PendingAcknowledgement;
}

/** What is said of a new link. */
export type LinkOptions = Partial<Omit<PairOptions, "sessions" | "onEvent" | "now">>;

/** All that two applications send to each other. */
export class Exchange {
  readonly sessions: Record<Side, Session> = {
    client: new Session("c"),
    server: new Session("c"),
  };
  readonly letters: Letter[] = [];
  /** What is delivered at each side, in order: numbers of letters. */
  readonly deliveries: Record<Side, number[]> = { client: [], server: [] };
  /** What waits for the applications. */
  readonly acknowledgements: Waiting[] = [];
  readonly #when: When;
  readonly #links: Pair[] = [];
  #now = START;

  constructor(when: When) {
    this.#when = when;
  }

  /** The link that there is. */
  get pair(): Pair {
    const pair = this.#links.at(-1);
    if (pair === undefined) throw new Error("There has been no link yet");
    return pair;
  }

  /** Sends a letter: over the link if there is one, else as soon as there is. */
  send(from: Side, qos: QoS): Letter {
    const number = this.letters.length;
    const message = new OutgoingMessage({ type: "publish", topic: `${number}`, qos });
    const letter = { from, number, qos, message, delivered: 0, taken: 0, fates: [] };
    this.letters.push(letter);
    const pair = this.#links.at(-1);
    const connection = pair?.connections[from];
    const dropped = connection?.isOpen
      ? connection.publish(message)
      : this.sessions[from].sendQueue.add(message);
    assertEquals(dropped, []);
    pair?.collect();
    return letter;
  }

  /** Makes a new link. Without Session Present the server, too, has begun anew. */
  link(options: LinkOptions = {}): Pair {
    assert(this.#links.at(-1)?.isOver ?? true, "there is a link");
    const { sessions } = this;
    if (options.sessionPresent !== true) {
      for (const message of sessions.server.end()) this.#write(message, "session lost");
    }
    const pair = new Pair({
      sessionPresent: false,
      ...options,
      sessions,
      now: this.#now,
      onEvent: (side, event) => this.#handle(side, event),
    });
    this.#links.push(pair);
    return pair;
  }

  /** Runs until nothing moves, and the applications are done with what they have; or until the link is cut. */
  run(): void {
    const { pair } = this;
    for (pair.run(); this.#when === "when quiet" && this.acknowledgements.length > 0; pair.run()) {
      this.acknowledge(0);
    }
    this.#now = pair.now;
  }

  /** Cuts the link, if it is not over. */
  cut(): void {
    if (!this.pair.isOver) this.pair.cut();
    this.#now = this.pair.now;
    while (this.#when === "between links" && this.acknowledgements.length > 0) this.acknowledge(0);
  }

  /** An application is done with one of the messages that wait for it. */
  acknowledge(index: number): void {
    const [waiting] = this.acknowledgements.splice(index, 1);
    if (waiting === undefined) return;
    this.#acknowledge(waiting);
    this.pair.collect();
  }

  /** Nothing is left of anything in either session. */
  expectNothingLeft(): void {
    for (const session of Object.values(this.sessions)) {
      assertStrictEquals(session.inFlight.size, 0, "in flight");
      assertEquals([...session.unreleased.keys()], [], "received");
      assertStrictEquals(session.sendQueue.length, 0, "waiting");
    }
  }

  #handle(side: Side, event: ConnectionEvent): void {
    switch (event.type) {
      case "message": {
        const letter = this.letters[Number(event.packet.topic)]!;
        assertStrictEquals(letter.from, otherSide(side));
        letter.delivered++;
        this.deliveries[side].push(letter.number);
        if (event.acknowledgement === undefined) return;
        this.acknowledgements.push({ at: side, letter, acknowledgement: event.acknowledgement });
        if (this.#when === "at once" || this.#when === "between links" && letter.qos === 1) {
          this.#acknowledge(this.acknowledgements.pop()!);
        }
        return;
      }
      case "settled":
        if (event.packet !== undefined && event.packet.reasonCode !== 0x00) {
          // After a lost PUBCOMP, the receiver does not know the message any more.
          assert(event.isRecovery, `settled with ${event.packet.reasonCode}`);
        }
        return this.#write(event.message, "settled");
      case "discarded":
        return this.#write(event.message, event.cause.kind);
      case "connack":
        return;
      case "closed":
        assert(isExpected(event.cause), Deno.inspect(event.cause));
        return;
      default:
        throw new Error(`Nobody expects "${event.type}"`);
    }
  }

  /** By the last connection that there was: a link that does not get past its handshake has none. */
  #acknowledge({ at, acknowledgement, letter }: Waiting): void {
    const connections = this.#links.map((pair) => pair.connections[at]).reverse();
    const connection = connections.find((each) => each.isOpen) ??
      connections.find((each) => each.awaits(acknowledgement));
    if (connection?.acknowledge(acknowledgement, 0x00)) letter.taken++;
  }

  #write(message: OutgoingMessage, fate: Fate): void {
    this.letters.find((letter) => letter.message === message)?.fates.push(fate);
  }
}

/** Whether an end is none that one of the two is to blame for. */
function isExpected(cause: CloseCause): boolean {
  return cause.kind === "network" || cause.kind === "silence" ||
    cause.kind === "peer" && cause.packet.reasonCode === 0x8d;
}
