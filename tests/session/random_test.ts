// Large scope, by chance that can be repeated: hundreds of exchanges of many messages over links that are cut anywhere, with
// bytes in chunks of any size, applications that take their time, processes that end and begin anew; and somebody who
// watches every packet.

import { restoreSession, saveSession } from "../../src/session/snapshot.ts";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { QoS } from "../../src/packets/mod.ts";
import { Exchange, type Letter } from "./exchange.ts";
import { Monitor } from "./monitor.ts";
import { otherSide, type Side } from "./pair.ts";
import { Random } from "../../src/testing/random.ts";

const SIDES = ["client", "server"] as const;
const SEEDS = 300;
const LETTERS = 25;

/** What may happen to an exchange beside cuts. */
interface Weather {
  readonly name: string;
  /** Whether processes end and begin anew with the sessions that they saved. */
  readonly restarts: boolean;
  /** Whether the server may have lost the session. */
  readonly losses: boolean;
}

const WEATHERS: readonly Weather[] = [
  { name: "links that are cut", restarts: false, losses: false },
  { name: "links that are cut and processes that begin anew", restarts: true, losses: false },
  { name: "links that are cut and sessions that are lost", restarts: false, losses: true },
];

for (const weather of WEATHERS) {
  Deno.test(`${SEEDS} exchanges over ${weather.name}: QoS 1 at least once, QoS 2 exactly once, in order, within the quota, no identifier used twice [MQTT-4.6.0-1] [MQTT-4.9.0-2] [MQTT-4.3.3-10]`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        new Trial(seed, weather).run();
      } catch (cause) {
        throw new Error(`Seed ${seed}: ${cause}`, { cause });
      }
    }
  });
}

/** One exchange. */
class Trial {
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #exchange = new Exchange("when told");
  readonly #receiveMaximum: Record<Side, number>;
  readonly #monitor: Monitor;
  #restarts = 0;

  constructor(seed: number, weather: Weather) {
    this.#random = new Random(seed);
    this.#weather = weather;
    const maximum = () => [1, 2, 3, 10, 65_535][this.#random.below(5)]!;
    this.#receiveMaximum = { client: maximum(), server: maximum() };
    this.#monitor = new Monitor(this.#receiveMaximum);
  }

  run(): void {
    const exchange = this.#exchange;
    this.#link(false);
    for (let links = 0; exchange.letters.length < LETTERS || links < 5; links++) {
      assert(links < 500, "it comes to no end");
      this.#play(this.#random.below(120));
      exchange.cut();
      if (this.#weather.restarts) this.#restart();
      this.#link(!this.#weather.losses || !this.#random.onceIn(4));
    }
    this.#finish();
    this.#check();
  }

  #link(sessionPresent: boolean, mayBeCut = sessionPresent): void {
    const random = this.#random;
    this.#monitor.begin(sessionPresent);
    const most = random.onceIn(2) ? 3 : 60;
    this.#exchange.link({
      sessionPresent,
      connect: { keepAlive: 60, properties: { receiveMaximum: this.#receiveMaximum.client } },
      connack: { receiveMaximum: this.#receiveMaximum.server },
      chunk: () => 1 + random.below(most),
      cut: mayBeCut && random.onceIn(3)
        ? { from: SIDES[random.below(2)]!, after: random.below(300) }
        : undefined,
      onPacket: (what, from, packet) => this.#monitor.handle(what, from, packet),
    });
    // If this were cut, one end would know of the loss, and the other would not.
    if (!sessionPresent) this.#exchange.run();
  }

  /** So many things happen, one after the other. */
  #play(steps: number): void {
    const random = this.#random;
    const exchange = this.#exchange;
    for (let step = 0; step < steps && !exchange.pair.isOver; step++) {
      const chance = random.below(20);
      if (chance < 3 && exchange.letters.length < LETTERS) {
        exchange.send(SIDES[random.below(2)]!, random.below(3) as QoS);
      } else if (chance < 6) {
        exchange.acknowledge(random.below(Math.max(1, exchange.acknowledgements.length)));
      } else if (chance < 7) exchange.pair.advance(random.below(20_000));
      else exchange.pair.deliver(SIDES[random.below(2)]!);
    }
    // Now and then an application is done with something between two links.
    if (random.onceIn(2)) return;
    exchange.cut();
    exchange.acknowledge(random.below(Math.max(1, exchange.acknowledgements.length)));
  }

  /** A process ends, and begins anew with what it had saved: it has forgotten what it was not done with. */
  #restart(): void {
    if (!this.#random.onceIn(3)) return;
    const exchange = this.#exchange;
    const side = SIDES[this.#random.below(2)]!;
    const saved = saveSession(exchange.sessions[side], exchange.pair.now);
    exchange.sessions[side] = restoreSession(JSON.parse(JSON.stringify(saved)), exchange.pair.now);
    const kept = exchange.acknowledgements.filter(({ at }) => at !== side);
    exchange.acknowledgements.splice(0, Infinity, ...kept);
    this.#restarts++;
  }

  /** One last link, on which everything comes to its end. */
  #finish(): void {
    const exchange = this.#exchange;
    exchange.cut();
    this.#link(true, false);
    for (exchange.run(); exchange.acknowledgements.length > 0; exchange.run()) {
      exchange.acknowledge(this.#random.below(exchange.acknowledgements.length));
    }
    exchange.expectNothingLeft();
  }

  #check(): void {
    const { letters, deliveries } = this.#exchange;
    assertStrictEquals(letters.length, LETTERS);
    for (const letter of letters) {
      if (this.#restarts === 0) assertStrictEquals(letter.fates.length, 1, "one fate");
      const isLost = letter.fates.includes("session lost");
      assert(!isLost || this.#weather.losses, "a session is lost");
      assertCount(letter, isLost);
    }
    for (const side of SIDES) {
      for (const qos of [0, 1, 2] as const) {
        // The first delivery of each, in the order of sending.
        const first = [...new Set(deliveries[side])].filter((number) =>
          letters[number]!.qos === qos
        );
        assertEquals(first, first.toSorted((a, b) => a - b));
        const sent = letters.filter((letter) =>
          letter.from === otherSide(side) && letter.qos === qos
        );
        assert(first.length <= sent.length);
      }
    }
  }
}

/** How often a message is delivered, or its acknowledgement taken, by its QoS. */
function assertCount({ qos, delivered, taken, number }: Letter, isLost: boolean): void {
  const what = `message ${number}, QoS ${qos}, delivered ${delivered} times, taken ${taken} times`;
  if (qos === 0) assert(delivered <= 1, what);
  else if (qos === 1) assert(isLost || delivered >= 1 && taken >= 1, what);
  // An application that is done with a message never sees it again.
  else assert(isLost ? taken <= 1 : taken === 1, what);
}
