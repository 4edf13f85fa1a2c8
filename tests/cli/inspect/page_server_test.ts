// The server of the page: who gets what, that nobody else gets anything, and that viewers cost
// nothing when they do not look.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodePacket } from "../../../mod.ts";
import { ConnectionTable } from "../../../src/cli/inspect/connection_table.ts";
import { Observer } from "../../../src/cli/inspect/observer.ts";
import type { LessonState, PacketDetail } from "../../../src/cli/inspect/page/events.ts";
import { Page, type PageLesson } from "../../../src/cli/inspect/page_server.ts";
import { TopicTable } from "../../../src/cli/inspect/topic_table.ts";
import { withinPatience } from "../../interop/interop.ts";
import { EventReader } from "./event_reader.ts";

const encoder = new TextEncoder();
const PLACE = { client: "127.0.0.1:4711", server: "127.0.0.1:1883", listener: "mqtt://a:1884" };

/** What an observer and a page have in common. */
function source(lesson?: PageLesson) {
  const tables = { connections: new ConnectionTable(), topics: new TopicTable() };
  const observer = new Observer({ tables });
  const about = { title: "mqtt5 inspect", server: () => "mqtt://a", listeners: () => ["mqtt://b"] };
  return { ...about, observer, ...tables, lesson };
}

/** A page with a conversation: entry 1 is a CONNECT, entry 2 a PUBLISH. */
class Scene implements AsyncDisposable {
  readonly source: ReturnType<typeof source>;
  readonly page: Page;
  readonly host: string;
  readonly token: string;

  constructor({ hostname = "127.0.0.1", lesson }: {
    readonly hostname?: string;
    readonly lesson?: PageLesson;
  } = {}) {
    this.source = source(lesson);
    this.page = new Page({ hostname, port: 0 }, this.source);
    const { host, hash } = new URL(this.page.link);
    this.host = host;
    this.token = hash.slice(1);
    const link = this.source.observer.open(PLACE, 0);
    link.pass("client", encodePacket({ type: "connect", clientId: "device" }), 0);
    const payload = encoder.encode("hello");
    link.pass("client", encodePacket({ type: "publish", topic: "a/b", payload }), 0);
  }

  /** The status, the head and the body of an answer to a request written by hand. */
  async ask(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    { method = "GET", body = "" } = {},
  ): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
    const port = Number(this.host.split(":")[1]);
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const length = body === "" ? {} : { "Content-Length": String(body.length) };
    const fields = { Host: this.host, Connection: "close", ...length, ...headers };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const request = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
    await connection.write(encoder.encode(request));
    const text = await withinPatience(new Response(connection.readable).text());
    const [head = "", answer = ""] = text.split("\r\n\r\n");
    return { status: Number(head.split(" ")[1]), head, body: answer };
  }

  events(): Promise<EventReader> {
    return EventReader.open(`http://${this.host}/events?token=${this.token}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}

Deno.test("the files of the page need no token, and may load nothing from elsewhere", async () => {
  await using scene = new Scene();
  for (const [path, type] of [["/", "html"], ["/main.js", "javascript"], ["/page.css", "css"]]) {
    const { status, head } = await scene.ask(path!);
    assertEquals(status, 200);
    assertMatch(head, new RegExp(`\r\nContent-Type: text/${type}; charset=utf-8\r\n`, "i"));
    assertMatch(head, /\r\nContent-Security-Policy: default-src 'none'; script-src 'self';/i);
    assert(!/'unsafe|\*|https?:/.test(/Content-Security-Policy: (.*)/i.exec(head)![1]!));
    assertMatch(head, /\r\nX-Content-Type-Options: nosniff\r\n/i);
    assertMatch(head, /\r\nReferrer-Policy: no-referrer\r\n/i);
    assertMatch(head, /\r\nCross-Origin-Resource-Policy: same-origin\r\n/i);
    assertMatch(head, /\r\nCache-Control: no-store\r\n/i);
  }
});

Deno.test("a packet comes with each of its fields, as the terminal writes them", async () => {
  await using scene = new Scene();
  const { status, body } = await scene.ask(`/packets/2?token=${scene.token}`);
  const packet: PacketDetail = JSON.parse(body);
  assertEquals([status, packet.name, packet.section, packet.isWhole], [
    200,
    "PUBLISH",
    "3.3",
    true,
  ]);
  assertEquals(packet.decode, `mqtt5 decode ${packet.hex}`);
  const shown = packet.fields.map(({ name, part, text }) => `${part}: ${name} ${text}`);
  assertEquals(shown, [
    "Fixed header: MQTT Control Packet type and flags ",
    "Fixed header: Remaining Length 11: 11 bytes follow",
    'Variable header: Topic Name "a/b"',
    "Variable header: Property Length 0: no properties",
    'Payload: Payload "hello"',
  ]);
  assertEquals(packet.fields[0]!.bits[2]!.text, "0: at most once");
  assertEquals(packet.fields[4]!.value, { hex: "68656c6c6f" });
});

Deno.test("a packet whose flags are wrong is explained up to them; other bytes are not", async () => {
  await using scene = new Scene();
  const { observer } = scene.source;
  const link = observer.open(PLACE, 0);
  link.pass("client", encodePacket({ type: "connect", clientId: "device" }), 0);
  link.pass("client", new Uint8Array([0x60, 0x02, 0x00, 0x07]), 0);
  observer.open(PLACE, 0).pass("client", encoder.encode("GET / HTTP/1.1\r\n"), 0);
  const [malformed, foreign]: PacketDetail[] = await Promise.all(
    [5, 7].map(async (n) =>
      JSON.parse((await scene.ask(`/packets/${n}?token=${scene.token}`)).body)
    ),
  );
  assertEquals(
    malformed!.fields.flatMap(({ bits }) => bits.map(({ name, text }) => `${name} ${text}`)),
    ["MQTT Control Packet type 6: PUBREL", "Reserved flags 0"],
  );
  assertEquals(malformed!.decode, "mqtt5 decode 60020007");
  assertEquals([foreign!.isPacket, foreign!.fields, foreign!.decode], [false, [], undefined]);
});

Deno.test("a packet that is not kept, or is none, is not found", async () => {
  await using scene = new Scene();
  for (const n of [0, 3, 999_999]) {
    const { status, body } = await scene.ask(`/packets/${n}?token=${scene.token}`);
    assertEquals([status, JSON.parse(body)], [404, { error: `Packet ${n} is no longer kept` }]);
  }
  for (const path of ["/packets", "/packets/x", "/events/1", "/lesson", "/x", "/page/main.js"]) {
    assertEquals((await scene.ask(`${path}?token=${scene.token}`)).status, 404, path);
  }
});

Deno.test("nobody gets data without the token", async () => {
  await using scene = new Scene();
  const wrong = `${scene.token.slice(0, -1)}${scene.token.endsWith("A") ? "B" : "A"}`;
  assertEquals(scene.token.length, 22);
  for (const token of ["", wrong, `${scene.token}A`, scene.token.slice(0, -1)]) {
    for (const path of ["/events", "/packets/1"]) {
      const { status, body } = await scene.ask(`${path}?token=${token}`);
      assertEquals(status, 403, token);
      assert(!body.includes("device"));
    }
  }
  assertEquals((await scene.ask("/packets/1")).status, 403);
});

Deno.test("a request by another name, or of another page, gets nothing", async () => {
  await using scene = new Scene();
  const path = `/packets/1?token=${scene.token}`;
  const [, port] = scene.host.split(":");
  for (
    const headers of [
      { Host: `evil.example:${port}` },
      { Host: `127.0.0.1.evil.example:${port}` },
      { Host: "127.0.0.1:1" },
      { Host: "127.0.0.1" },
      { Host: `192.0.2.1:${port}` },
      { Origin: "https://evil.example" },
      { Origin: "null" },
      { Origin: `https://${scene.host}` },
    ]
  ) {
    assertEquals((await scene.ask(path, headers)).status, 403, JSON.stringify(headers));
    assertEquals((await scene.ask("/", headers)).status, 403);
  }
  for (
    const headers of [
      { Host: `localhost:${port}` },
      { Host: `[::1]:${port}` },
      { Origin: `http://${scene.host}` },
    ]
  ) {
    assertEquals((await scene.ask(path, headers)).status, 200, JSON.stringify(headers));
  }
});

Deno.test("a page for all addresses answers to addresses, not to names", async () => {
  await using scene = new Scene({ hostname: "0.0.0.0" });
  const [, port] = scene.host.split(":");
  const status = async (host: string) => (await scene.ask("/", { Host: `${host}:${port}` })).status;
  assertEquals(await Promise.all(["192.0.2.1", "localhost", "[::1]"].map(status)), [200, 200, 200]);
  assertEquals(await status("device.example"), 403);
});

Deno.test("other methods are refused", async () => {
  await using scene = new Scene();
  for (const path of ["/", `/packets/1?token=${scene.token}`, `/events?token=${scene.token}`]) {
    const { status, head } = await scene.ask(path, {}, { method: "POST", body: "{}" });
    assertEquals(status, 405);
    assertMatch(head, /\r\nAllow: GET, HEAD\r\n/i);
    assertEquals((await scene.ask(path, {}, { method: "HEAD" })).status, 200);
  }
});

Deno.test("a viewer who comes again gets all that is kept, and knows that it is the same run", async () => {
  await using scene = new Scene();
  const runs: string[] = [];
  for (let count = 0; count < 2; count++) {
    await using events = await scene.events();
    const hello = await events.next("hello");
    runs.push(hello.run);
    const entry = await events.entry(({ name }) => name === "PUBLISH");
    assertEquals([entry.n, entry.topic], [2, "a/b"]);
  }
  assertEquals(runs[0], runs[1]);
  await using other = new Scene();
  await using events = await other.events();
  assert((await events.next("hello")).run !== runs[0]);
});

Deno.test("a page that shows something else begins anew for those who look", async () => {
  await using scene = new Scene();
  await using events = await scene.events();
  const { run } = await events.next("hello");
  await events.entry(({ name }) => name === "PUBLISH");
  const other = source();
  other.observer.open(PLACE, 0);
  scene.page.show(other);
  const hello = await withinPatience(events.next("hello"));
  assert(hello.run !== run);
  assertEquals((await events.next("entries")).length, 1);
  assertEquals((await scene.ask(`/packets/2?token=${scene.token}`)).status, 404);
});

Deno.test("so many viewers look at a time, and a place is free when one has gone", async () => {
  await using scene = new Scene();
  await using viewers = new AsyncDisposableStack();
  const first = await scene.events();
  await first.next("hello");
  for (let count = 1; count < 16; count++) {
    const events = viewers.use(await scene.events());
    await events.next("hello");
  }
  const path = `/events?token=${scene.token}`;
  assertEquals((await scene.ask(path)).status, 503);
  await first[Symbol.asyncDispose]();
  // The server hears of it after a moment.
  for (let status = 503; status === 503;) {
    const response = await fetch(`http://${scene.host}${path}`);
    status = response.status;
    await response.body?.cancel();
  }
});

Deno.test("a viewer who does not read holds up neither the others nor the end", async () => {
  await using scene = new Scene();
  const [hostname, port] = scene.host.split(":");
  using stalled = await Deno.connect({ hostname: hostname!, port: Number(port) });
  const request = `GET /events?token=${scene.token} HTTP/1.1\r\nHost: ${scene.host}\r\n\r\n`;
  await stalled.write(encoder.encode(request));
  const link = scene.source.observer.open(PLACE, 0);
  const payload = new Uint8Array(20_000);
  const packet = encodePacket({ type: "publish", topic: "a/b", payload });
  await using events = await scene.events();
  link.pass("client", encodePacket({ type: "connect", clientId: "flood" }), 0);
  for (let count = 0; count < 20_000; count++) link.pass("client", packet, 0);
  const last = await withinPatience(events.entry(({ n }) => n === 20_004));
  assertEquals(last.topic, "a/b");
  const started = performance.now();
  await scene.page.close();
  assert(performance.now() - started < 1000);
});

/** A lesson that takes what it is given. */
class Lesson implements PageLesson {
  readonly wanted: unknown[] = [];

  state(): LessonState {
    const about = { chapter: null, title: "", about: "", next: null, error: null };
    return { ...about, chapters: [], steps: [], count: this.wanted.length, isBusy: false };
  }

  command(wanted: unknown): void {
    if (wanted === "nonsense") throw new RangeError("Expected sense");
    this.wanted.push(wanted);
  }
}

Deno.test("a lesson is told what is wanted, by its own page alone", async () => {
  const lesson = new Lesson();
  await using scene = new Scene({ lesson });
  await using events = await scene.events();
  assertEquals((await events.next("lesson")).count, 0);
  const path = `/lesson?token=${scene.token}`;
  const post = async (body: string, headers = {}, to = path) =>
    (await scene.ask(to, headers, { method: "POST", body })).status;
  assertEquals(await post('{"action":"next"}'), 204);
  assertEquals(await post('"nonsense"'), 400);
  assertEquals(await post("{"), 400);
  assertEquals(await post(`"${"x".repeat(5000)}"`), 413);
  assertEquals(await post('"stranger"', {}, "/lesson?token=x"), 403);
  assertEquals(await post('"stranger"', { Origin: "https://evil.example" }), 403);
  assertEquals((await scene.ask(path)).status, 405);
  assertEquals(lesson.wanted, [{ action: "next" }]);
  assertEquals((await events.next("lesson")).count, 1);
});
