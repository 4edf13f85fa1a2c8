// Entries as lines for a person: when the connection is named again, and what was left out.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodePacket, type PacketInit } from "../../../mod.ts";
import type { Output } from "../../../src/cli/context.ts";
import { EntryFormatter } from "../../../src/cli/inspect/format.ts";
import type { Entry, LinkObserver } from "../../../src/cli/inspect/link_observer.ts";
import { Observer, type ObserverOptions } from "../../../src/cli/inspect/observer.ts";
import { view } from "../../../src/cli/inspect/viewer.ts";

const TIME = Date.UTC(2026, 0, 31, 12);
const PLACE = { client: "127.0.0.1:4711", server: "127.0.0.1:1883", listener: "mqtt://a:1884" };
const CONNECT: PacketInit = { type: "connect", clientId: "device" };

/** An output without colours, of the usual width. */
const PLAIN: Output = {
  write() {},
  writeBytes: () => Promise.resolve(),
  status() {},
  isTerminal: false,
  colors: false,
  columns: 80,
};

function begin(options: ObserverOptions = {}) {
  const observer = new Observer(options);
  return { observer, cursor: observer.follow(), link: observer.open(PLACE, TIME) };
}

function send(link: LinkObserver, from: "client" | "server", packet: PacketInit): void {
  link.pass(from, encodePacket(packet), TIME);
}

Deno.test("the connection and the time are shown again after a pause, and after what is omitted", () => {
  const scene = begin();
  for (const time of [0, 999, 1998, 3000]) {
    scene.link.pass("client", encodePacket({ type: "pingreq" }), TIME + time);
  }
  const formatter = new EntryFormatter(PLAIN, { full: false });
  const { entries } = scene.cursor.take(Infinity);
  const heads = () => entries.slice(-4).map((entry) => /^\d\d:/.test(formatter.format(entry)));
  assertEquals(heads(), [true, false, false, true]);
  const other = new EntryFormatter(PLAIN, { full: false });
  const [first] = entries;
  other.format(first!);
  assertEquals(/^\d\d:/.test(other.format(first!)), false);
  assertMatch(other.missed(7), /^… 7 packets not shown/);
  assertEquals(/^\d\d:/.test(other.format(first!)), true);
});

Deno.test("a violation is red, a warning is yellow", () => {
  const formatter = new EntryFormatter({ ...PLAIN, colors: true }, { full: false });
  const scene = begin();
  send(scene.link, "client", CONNECT);
  const [, packet] = scene.cursor.take(Infinity).entries;
  const shown = (severity: "violation" | "warning") => {
    const finding = {
      statement: undefined,
      section: "3.1",
      severity,
      by: "client",
      message: "Odd",
    };
    return formatter.format({ ...packet, findings: [finding] } as Entry);
  };
  assertStringIncludes(shown("violation"), "\x1b[31m! Odd §3.1\x1b");
  assertStringIncludes(shown("warning"), "\x1b[33m! Odd §3.1\x1b");
});

Deno.test("who is too slow is told how much was omitted", async () => {
  const scene = begin({ limits: { entries: 3, bytes: 1_000_000 } });
  for (let count = 0; count < 10; count++) send(scene.link, "client", { type: "pingreq" });
  scene.observer.close();
  let text = "";
  const output: Output = {
    ...PLAIN,
    writeBytes: (bytes) => Promise.resolve(void (text += new TextDecoder().decode(bytes))),
  };
  await view(scene.cursor, output, new EntryFormatter(output, { full: false }));
  assertMatch(text, /^… 8 packets not shown[^]*PINGREQ[^]*PINGREQ[^]*PINGREQ/);
});
