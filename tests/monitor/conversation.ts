// Conversations by hand: who sends which packet, link after link of one client at one server, and what the monitor says of them.

import { assert, assertEquals } from "@std/assert";
import { encodePacket, type PacketInit } from "../../mod.ts";
import {
  type Finding,
  LinkMonitor,
  type LinkMonitorOptions,
  type Obligation,
  SessionMonitor,
  Tally,
} from "../../src/monitor/mod.ts";
import { bytesOf } from "../hex.ts";

/** The parts of a packet but its type. */
type Rest<Type> = Omit<Extract<PacketInit, { readonly type: Type }>, "type">;

/** Something that passes: a packet, or bytes in hex, or the end of a direction; at what time. */
export interface Line {
  readonly from: "client" | "server";
  readonly what: PacketInit | string | "end";
  readonly at?: number;
}

/** A packet, or bytes in hex, of the client. */
export function client(what: PacketInit | string, at?: number): Line {
  return line("client", what, at);
}

/** A packet, or bytes in hex, of the server. */
export function server(what: PacketInit | string, at?: number): Line {
  return line("server", what, at);
}

/** Both directions end. */
export function ends(at?: number): Line[] {
  return [line("client", "end", at), line("server", "end", at)];
}

function line(from: Line["from"], what: Line["what"], at: number | undefined): Line {
  return at === undefined ? { from, what } : { from, what, at };
}

/** CONNECT of client "a", and a CONNACK that accepts it. */
export function connected(
  connect: Rest<"connect"> = {},
  connack: Rest<"connack"> = {},
): Line[] {
  return [
    client({ type: "connect", clientId: "a", ...connect }),
    server({ type: "connack", ...connack }),
  ];
}

/** The same for a session that lasts; the first link begins it. */
export function resumed(connect: Rest<"connect"> = {}, connack: Rest<"connack"> = {}): Line[] {
  return connected(
    { ...connect, properties: { sessionExpiryInterval: 1000, ...connect.properties } },
    { sessionPresent: true, ...connack },
  );
}

/** See {@linkcode resumed}. */
export function begun(connect: Rest<"connect"> = {}, connack: Rest<"connack"> = {}): Line[] {
  return resumed({ cleanStart: true, ...connect }, { sessionPresent: false, ...connack });
}

/** What a monitor has said. */
export interface Said {
  readonly findings: readonly Finding[];
  /** Which rules are broken: the statement, or else § and the section. */
  readonly rules: readonly string[];
  readonly exercised: ReadonlyMap<string, number>;
  /** What is owed on the last link at the end. */
  readonly owed: readonly Obligation[];
  readonly link: LinkMonitor;
}

/** Holds links, one after the other, under monitors. */
export function listen(
  links: readonly (readonly Line[])[],
  options: LinkMonitorOptions = {},
): Said {
  const sessions = new SessionMonitor();
  const tally = new Tally();
  const findings: Finding[] = [];
  const observe = (observed: { findings: readonly Finding[] }) => {
    findings.push(...observed.findings);
  };
  let link = new LinkMonitor();
  let now = 0;
  for (const lines of links) {
    link = new LinkMonitor({ sessions, tally, observe, ...options });
    now = pass(link, lines, now);
  }
  const rules = findings.map(({ statement, section }) => statement ?? `§${section}`);
  return { findings, rules, exercised: tally.exercised, owed: link.obligations(now), link };
}

/** Lets lines pass a monitor; returns the time after them. */
export function pass(link: LinkMonitor, lines: readonly Line[], begin = 0): number {
  let now = begin;
  for (const { from, what, at } of lines) {
    now = at ?? now;
    if (what === "end") link[`${from}End`](now);
    else link[from](typeof what === "string" ? bytesOf(what) : encodePacket(what), now);
  }
  return now;
}

/** A rule, a conversation that breaks it, and one beside it that does not. */
export interface Case {
  /** What is found. */
  readonly name: string;
  /** The statement, or else § and the section. */
  readonly rule: string;
  /** Who breaks it. */
  readonly by: "client" | "server";
  readonly wrong: readonly (readonly Line[])[];
  readonly right: readonly (readonly Line[])[];
  /** Whether the rule counts as judged in what is right, too. Default: true. */
  readonly isExercised?: boolean;
  readonly options?: LinkMonitorOptions;
}

/** A test for each case: exactly this is found in the one conversation, and nothing in the other. */
export function testCases(cases: readonly Case[]): void {
  for (const { name, rule, by, wrong, right, isExercised = true, options } of cases) {
    Deno.test(`the monitor finds ${name}`, () => {
      const found = listen(wrong, options);
      assertEquals(found.rules, [rule]);
      assertEquals(found.findings[0]!.by, by);
      const { message } = found.findings[0]!;
      assert(/^[A-Z]/.test(message) && !/[.\n]$/.test(message), message);
      const fine = listen(right, options);
      assertEquals(fine.findings, []);
      if (rule.startsWith("MQTT")) {
        assert(found.exercised.has(rule), "not counted where it was broken");
        assertEquals(fine.exercised.has(rule), isExercised, "judged where it was obeyed");
      }
    });
  }
}
