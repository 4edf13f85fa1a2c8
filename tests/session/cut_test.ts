// Small scope, exhaustively: one exchange of QoS 1 and one of QoS 2 in each direction, the link cut behind every byte of
// either direction, and then another link, on which the server has the session or has it no more.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Exchange, type Letter, type LinkOptions, type When } from "./exchange.ts";
import type { Cut, Side } from "./pair.ts";

/** What is sent: by whom, at which QoS. */
type Plan = readonly (readonly [from: Side, qos: 1 | 2])[];

const ALL: Plan = [["client", 1], ["client", 2], ["server", 1], ["server", 2]];

const PLANS: readonly [name: string, plan: Plan, receiveMaximum: number][] = [
  ...ALL.map(([from, qos]): [string, Plan, number] => [
    `one message of QoS ${qos} from the ${from}`,
    [[from, qos]],
    65_535,
  ]),
  ["two messages from each end at once", ALL, 65_535],
  ["two messages from each end, one after the other", ALL, 1],
  ["two messages of QoS 2 from the client, one after the other", [["client", 2], ["client", 2]], 1],
];

for (const [name, plan, receiveMaximum] of PLANS) {
  Deno.test(`The session goes on after a cut anywhere: ${name}, delivered as the QoS says, and settled [MQTT-4.1.0-1] [MQTT-4.4.0-1]`, () => {
    forEachCut(plan, receiveMaximum, (when, cut) => {
      const exchange = play({ plan, receiveMaximum, when, cut, sessionPresent: true });
      for (const letter of exchange.letters) {
        assertEquals(letter.fates, ["settled"]);
        assertDelivered(letter);
      }
      exchange.expectNothingLeft();
    });
  });

  Deno.test(`The session is lost after a cut anywhere: ${name}, settled or lost with it, or sent if it had not been [MQTT-3.2.2-5]`, () => {
    const seen = new Set<string>();
    forEachCut(plan, receiveMaximum, (when, cut) => {
      const unsent = new Set<Letter>();
      const exchange = play({ plan, receiveMaximum, when, cut, sessionPresent: false, unsent });
      for (const letter of exchange.letters) {
        assertStrictEquals(letter.fates.length, 1);
        const [fate] = letter.fates;
        assert(fate === "settled" || fate === "session lost", fate);
        if (fate === "settled") assertDelivered(letter);
        else assert(letter.qos === 1 || letter.delivered <= 1);
        // What had never been sent is none of the session's business.
        if (unsent.has(letter)) assertStrictEquals(fate, "settled");
        seen.add(`${fate}${unsent.has(letter) ? ", unsent before" : ""}`);
      }
      exchange.expectNothingLeft();
    });
    // Every way it can go was among the cuts.
    assertEquals(seen, new Set(["settled", "settled, unsent before", "session lost"]));
  });
}

interface Play {
  readonly plan: Plan;
  readonly receiveMaximum: number;
  readonly when: When;
  readonly cut: Cut;
  readonly sessionPresent: boolean;
  /** Is given the messages that had not been sent when the link was cut. */
  readonly unsent?: Set<Letter>;
}

function play({ plan, receiveMaximum, when, cut, sessionPresent, unsent }: Play): Exchange {
  const exchange = begun(when);
  for (const [from, qos] of plan) exchange.send(from, qos);
  const limits = limitsOf(receiveMaximum);
  const chunk = 1 + cut.after % 9;
  exchange.link({ ...limits, sessionPresent: true, cut, chunk: () => chunk });
  exchange.run();
  exchange.cut();
  for (const letter of exchange.letters) {
    if (letter.message.packetId === 0) unsent?.add(letter);
  }
  const links = when === "between links" ? 4 : 1;
  for (let count = 0; count < links; count++) {
    exchange.link({ ...limits, sessionPresent: sessionPresent || count > 0 });
    exchange.run();
    exchange.cut();
  }
  return exchange;
}

/** An exchange between two that have a session with each other already. */
function begun(when: When): Exchange {
  const exchange = new Exchange(when);
  exchange.link();
  exchange.run();
  exchange.cut();
  return exchange;
}

/** Tries every kind of application, and every byte of either direction behind which a link can be cut. */
function forEachCut(
  plan: Plan,
  receiveMaximum: number,
  test: (when: When, cut: Cut) => void,
): void {
  for (const when of ["at once", "when quiet", "between links"] as const) {
    for (const from of ["client", "server"] as const) {
      const bytes = bytesSent(from, { plan, receiveMaximum, when });
      for (let after = 0; after <= bytes; after++) {
        try {
          test(when, { from, after });
        } catch (cause) {
          const place = `behind byte ${after} from the ${from}, application done ${when}`;
          throw new Error(`Cut ${place}: ${cause}`, { cause });
        }
      }
    }
  }
}

/** How many bytes one end sends when nothing is cut. */
function bytesSent(
  from: Side,
  { plan, receiveMaximum, when }: Omit<Play, "cut" | "sessionPresent">,
): number {
  const exchange = begun(when);
  for (const [sender, qos] of plan) exchange.send(sender, qos);
  exchange.link({ ...limitsOf(receiveMaximum), sessionPresent: true });
  exchange.run();
  return exchange.pair.sentFrom(from);
}

function limitsOf(receiveMaximum: number): LinkOptions {
  return { connect: { properties: { receiveMaximum } }, connack: { receiveMaximum } };
}

function assertDelivered({ qos, delivered }: Letter): void {
  if (qos === 2) assertStrictEquals(delivered, 1);
  else assert(delivered >= 1, "never delivered");
}
