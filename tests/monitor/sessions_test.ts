// Whether a session should be there, Keep Alive, and what is left when a link ends.

import { assertEquals } from "@std/assert";
import { LinkMonitor, type Observed, SessionMonitor } from "../../src/monitor/mod.ts";
import {
  begun,
  client,
  connected,
  ends,
  listen,
  pass,
  resumed,
  server,
  testCases,
} from "./conversation.ts";

const DAY = 86_400_000;
const GONE = resumed({}, { sessionPresent: false });
const PINGREQ = { type: "pingreq" } as const;
const PINGRESP = { type: "pingresp" } as const;
const KEPT_ALIVE = connected({ keepAlive: 10 });
const TIMEOUT = { type: "disconnect", reasonCode: 0x8D } as const;

testCases([
  {
    name: "a session that is lost before it has expired",
    rule: "MQTT-3.2.2-3",
    by: "server",
    wrong: [[...begun(), ...ends(1000)], GONE],
    right: [[...begun(), ...ends(1000)], resumed()],
  },
  {
    name: "a session that has expired and is there",
    rule: "MQTT-3.2.2-3",
    by: "server",
    wrong: [[...begun(), ...ends(1000)], [
      client({ type: "connect", clientId: "a" }, DAY),
      resumed()[1]!,
    ]],
    right: [[...begun(), ...ends(1000)], [
      client({ type: "connect", clientId: "a" }, DAY),
      GONE[1]!,
    ]],
  },
  {
    name: "a session that ends with its connection and is there",
    rule: "MQTT-3.2.2-3",
    by: "server",
    wrong: [[...connected(), ...ends()], connected({}, { sessionPresent: true })],
    right: [[...connected(), ...ends()], connected()],
  },
  {
    name: "a Client that is silent for longer than its Keep Alive",
    rule: "MQTT-3.1.2-20",
    by: "client",
    wrong: [[...KEPT_ALIVE, client(PINGREQ, 12_000), server(PINGRESP)]],
    right: [[...KEPT_ALIVE, client(PINGREQ, 10_000), server(PINGRESP)]],
  },
  {
    name: "a Client that is silent for longer than the Server's Keep Alive",
    rule: "MQTT-3.1.2-20",
    by: "client",
    wrong: [[
      ...connected({ keepAlive: 100 }, { properties: { serverKeepAlive: 10 } }),
      client({ type: "publish", topic: "t" }, 60_000),
    ]],
    right: [[
      ...connected({ keepAlive: 10 }, { properties: { serverKeepAlive: 100 } }),
      client(PINGREQ, 60_000),
    ]],
  },
  {
    name: "a Server that ends the connection too early for Keep Alive",
    rule: "MQTT-3.1.2-22",
    by: "server",
    wrong: [[...KEPT_ALIVE, server(TIMEOUT, 12_000)]],
    right: [[...KEPT_ALIVE, server(TIMEOUT, 15_000)]],
  },
  {
    name: "a Server that ends the connection for a Keep Alive that is off",
    rule: "MQTT-3.1.2-22",
    by: "server",
    wrong: [[...connected(), server(TIMEOUT, DAY)]],
    right: [[...connected({}, { properties: { serverKeepAlive: 1 } }), server(TIMEOUT, DAY)]],
  },
]);

Deno.test("the monitor forgives as much silence, and as much of an expiry, as it is told", () => {
  const options = { keepAliveTolerance: 5000, sessionTolerance: Infinity };
  const links = [[...KEPT_ALIVE, client(PINGREQ, 14_000)], [...begun(), ...ends()], GONE];
  assertEquals(listen(links, options).rules, []);
  assertEquals(listen(links).rules, ["MQTT-3.1.2-20", "MQTT-3.2.2-3"]);
});

Deno.test("the monitor does not judge whether a session is there where DISCONNECT may have been lost", () => {
  const lastWish = client({ type: "disconnect", properties: { sessionExpiryInterval: 0 } });
  for (const next of [GONE, resumed()]) {
    assertEquals(listen([[...begun(), lastWish, ...ends()], next]).rules, []);
  }
});

Deno.test("the monitor does not judge a session that another CONNECT may have ended", () => {
  const hasty = client({ type: "connect", clientId: "a", cleanStart: true });
  for (const next of [GONE, resumed()]) {
    assertEquals(listen([[...begun(), ...ends()], [hasty, ...ends()], next]).rules, []);
  }
});

Deno.test("the monitor expects of a Server that a session lives on when a CONNECT is lost", () => {
  const lost = [...resumed().slice(0, 1), ...ends()];
  assertEquals(listen([[...begun(), ...ends()], lost, GONE]).rules, ["MQTT-3.2.2-3"]);
  assertEquals(listen([[...begun(), ...ends()], lost, resumed()]).rules, []);
});

Deno.test("the monitor does not take the end of an old connection for that of the session", () => {
  const sessions = new SessionMonitor();
  const found: string[] = [];
  const observe = ({ findings }: Observed) => found.push(...findings.map(({ message }) => message));
  const [old, young, third] = [1, 2, 3].map(() => new LinkMonitor({ sessions, observe }));
  pass(old!, begun());
  old!.clientEnd(0);
  pass(young!, resumed());
  old!.serverEnd(1000);
  pass(young!, [client(PINGREQ, DAY), server(PINGRESP)]);
  young!.clientEnd(DAY);
  pass(third!, resumed(), 2 * DAY);
  assertEquals(found, []);
});

Deno.test("the monitor lists who has not closed the connection", () => {
  const owedOf = (...lines: Parameters<typeof listen>[0][number]) =>
    listen([lines]).owed.map(({ statement, by, since }) => [statement, by, since]);
  const bye = { type: "disconnect" } as const;
  assertEquals(owedOf(client({ type: "connect" }, 7)), [["MQTT-3.1.4-5", "server", 7]]);
  assertEquals(owedOf(...connected({}, { reasonCode: 0x87 })), [["MQTT-3.2.2-7", "server", 0]]);
  assertEquals(owedOf(...connected(), client(bye, 5)), [["MQTT-3.14.4-2", "client", 5]]);
  assertEquals(owedOf(...connected(), client(bye), ...ends()), []);
  assertEquals(owedOf(...connected(), client("F7 00", 9)), [["MQTT-4.13.1-1", "server", 9]]);
  assertEquals(owedOf(...KEPT_ALIVE, server(PINGRESP, 20_000)), [[
    "MQTT-3.1.2-22",
    "server",
    15_000,
  ]]);
  assertEquals(owedOf(...KEPT_ALIVE, server(PINGRESP, 15_000)), []);
});

Deno.test("the monitor keeps as many sessions as it is told, and forgets the oldest", () => {
  const rulesAfter = (mostSessions: number) => {
    const sessions = new SessionMonitor(mostSessions);
    const found: unknown[] = [];
    const observe = ({ findings }: Observed) => found.push(...findings);
    for (const lines of [begun(), begun({ clientId: "b" }), begun({ clientId: "c" }), GONE]) {
      pass(new LinkMonitor({ sessions, observe }), [...lines, ...ends()]);
    }
    return found.length;
  };
  assertEquals([rulesAfter(2), rulesAfter(3)], [0, 1]);
});
