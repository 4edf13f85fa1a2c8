// Large scope, by chance that can be repeated: clients that come, go, take over, subscribe, publish, acknowledge late or not
// at all; and a model that knows what each must get, in which order, and how.

import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  encodePacket,
  type PacketInit,
  type PublishPacket,
  type QoS,
} from "../../src/packets/mod.ts";
import { publishOf } from "../build.ts";
import { Random } from "../../src/testing/random.ts";
import { bytesOfText, type Client } from "./client.ts";
import { type Letter, Model, type ModelSession, type Subscription, take } from "./model.ts";
import { World } from "./world.ts";

const SEEDS = 60;
const STEPS = 120;
const NAMES = ["c", "d", "e"];
const TOPICS = ["a", "b", "a/b", "a/", "/a", "a/b/c", "$s/a", "$s"];
const FILTERS = ["a", "a/b", "+", "#", "a/+", "+/b", "a/#", "+/+", "$s/#", "$s/+", "+/a", "/+"];

Deno.test(`In ${SEEDS} random runs all clients receive their messages in order, as often as the QoS demands [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT-3.3.4-4] [MQTT-3.8.3-3] [MQTT-3.3.4-9]`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await new Crowd(seed).run();
    } catch (cause) {
      throw new Error(`Seed ${seed}: ${cause}`, { cause });
    }
  }
});

/** A client, its model, and what it has got and not acknowledged. */
interface Person {
  readonly client: Client;
  readonly session: ModelSession;
  readonly unacknowledged: PublishPacket[];
}

/** Some clients of one broker. */
class Crowd {
  readonly #random: Random;
  readonly #world = new World();
  readonly #model = new Model();
  readonly #people = new Map<string, Person>();
  /** Packet Identifiers of messages that a session has got, and that are not through. */
  readonly #seen = new Map<ModelSession, Set<number>>();
  #count = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      this.#look();
    }
    for (const name of NAMES) {
      await this.#connect(name, false);
      for (let isMoving = true; isMoving;) isMoving = await this.#acknowledge(name, Infinity);
      assertEquals(this.#people.get(name)!.session.expected.flat(), [], "all has come");
    }
    await this.#world[Symbol.asyncDispose]();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const name = NAMES[random.below(NAMES.length)]!;
    const person = this.#people.get(name);
    const chance = random.below(20);
    if (person === undefined || chance === 0) {
      await this.#connect(name, random.onceIn(5));
    } else if (chance < 3) await this.#leave(name, person);
    else if (chance < 6) await this.#subscribe(person);
    else if (chance < 8) await this.#unsubscribe(person);
    else if (chance < 16) await this.#publish(name, person);
    else await this.#acknowledge(name, 1 + random.below(4));
  }

  async #connect(name: string, cleanStart: boolean): Promise<void> {
    const random = this.#random;
    const isLasting = !random.onceIn(4);
    const will = random.onceIn(3) ? this.#letter() : undefined;
    const before = this.#people.get(name);
    const sessionPresent = this.#model.connect(name, cleanStart, isLasting, will);
    const { client, connack } = await this.#world.join(name, {
      cleanStart,
      ...will !== undefined && { will: { ...will, payload: bytesOfText(will.text) } },
      properties: {
        sessionExpiryInterval: isLasting ? 3600 : 0,
        receiveMaximum: [1, 2, 5, 100][random.below(4)]!,
      },
    });
    assertStrictEquals(connack.sessionPresent, sessionPresent);
    if (before !== undefined) this.#takeLast(before);
    const session = this.#model.sessions.get(name)!;
    this.#people.set(name, { client, session, unacknowledged: [] });
  }

  async #leave(name: string, person: Person): Promise<void> {
    const how = this.#random.below(4);
    if (how === 2 && person.session.isLasting) person.session.isLasting = false;
    this.#model.leave(name, how !== 1);
    this.#people.delete(name);
    if (how === 0) await person.client.cut();
    else if (how === 1) await person.client.disconnect(0x00);
    else await person.client.disconnect(0x04, how === 2 ? { sessionExpiryInterval: 0 } : {});
    this.#takeLast(person);
  }

  /** What has come with the end of a link. */
  #takeLast({ client, session }: Person): void {
    for (const packet of client.link.packets.splice(0)) {
      if (packet.type === "publish") this.#got(session, packet);
      else assertStrictEquals(packet.type, "disconnect");
    }
  }

  async #subscribe({ client, session }: Person): Promise<void> {
    const random = this.#random;
    const subscription: Subscription = {
      topicFilter: FILTERS[random.below(FILTERS.length)]!,
      qos: random.below(3) as QoS,
      noLocal: random.onceIn(3),
      retainAsPublished: random.onceIn(2),
      retainHandling: random.below(3) as 0 | 1 | 2,
      identifier: random.onceIn(2) ? undefined : 1 + random.below(1000),
    };
    const { identifier, ...request } = subscription;
    this.#model.subscribe(session, subscription);
    const reasonCodes = await client.subscribeAll([request], identifier);
    assertEquals(reasonCodes, [subscription.qos]);
  }

  async #unsubscribe({ client, session }: Person): Promise<void> {
    const topicFilter = FILTERS[this.#random.below(FILTERS.length)]!;
    const wasThere = session.subscriptions.delete(topicFilter);
    assertEquals(await client.unsubscribe(topicFilter), [wasThere ? 0x00 : 0x11]);
  }

  async #publish(name: string, { client }: Person): Promise<void> {
    const letter = this.#letter();
    const isWanted = this.#model.publish(name, letter);
    const { topic, text, qos, retain } = letter;
    const reasonCode = await client.publish(topic, text, { qos, retain });
    if (qos > 0) assertStrictEquals(reasonCode, isWanted ? 0x00 : 0x10);
  }

  #letter(): Letter {
    const random = this.#random;
    const retain = random.onceIn(3);
    return {
      topic: TOPICS[random.below(TOPICS.length)]!,
      text: retain && random.onceIn(4) ? "" : `${++this.#count}`,
      qos: random.below(3) as QoS,
      retain,
    };
  }

  /** A client sees some of its messages through. False when it has none. */
  async #acknowledge(name: string, most: number): Promise<boolean> {
    const person = this.#people.get(name);
    if (person === undefined) return false;
    this.#look();
    const { client, session, unacknowledged } = person;
    const some = unacknowledged.splice(0, most);
    for (const message of some) {
      await client.finish(message);
      this.#seen.get(session)!.delete(message.packetId);
    }
    // A PUBREL of before, whose PUBCOMP the broker has not seen.
    for (const packet of client.link.packets.filter(({ type }) => type === "pubrel")) {
      client.link.packets.splice(client.link.packets.indexOf(packet), 1);
      await client.sendBytes(encodePacket({ ...packet, type: "pubcomp" } as PacketInit));
    }
    this.#look();
    return some.length > 0;
  }

  /** Takes what has come, and compares everything with the model. */
  #look(): void {
    for (const { client, session, unacknowledged } of this.#people.values()) {
      for (const packet of client.link.packets.splice(0)) {
        const message = publishOf(packet);
        this.#got(session, message);
        if (message.qos > 0) unacknowledged.push(message);
      }
    }
    const { sessions, subscriptions, retained, clients, dropped } = this.#world.engine.statistics;
    assertEquals({ sessions, subscriptions, retained, clients, dropped }, {
      sessions: this.#model.sessions.size,
      subscriptions: this.#model.subscriptions,
      retained: this.#model.retained.size,
      clients: this.#people.size,
      dropped: 0,
    });
  }

  /** A message has come: for the first time, or again. */
  #got(session: ModelSession, packet: PublishPacket): void {
    const seen = this.#seen.get(session) ?? new Set();
    this.#seen.set(session, seen);
    if (packet.qos > 0) {
      assertStrictEquals(packet.dup, seen.has(packet.packetId), "DUP says whether it came before");
      if (packet.dup) return;
      seen.add(packet.packetId);
    }
    take(session, packet);
  }
}
