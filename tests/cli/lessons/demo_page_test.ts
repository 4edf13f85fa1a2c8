// `demo --page` as a program: it serves a page whose lesson goes on when somebody says so.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EventReader } from "../inspect/event_reader.ts";
import { run, start } from "../run.ts";

const PERMISSION = "--allow-net=127.0.0.1";

/** The link in what was said, in its parts. */
const LINK = /the page is at (http:\/\/127\.0\.0\.1:\d+\/)#(\S+)\n/;

Deno.test("demo --page plays a step for POST /lesson, and tells all who look", async () => {
  const demo = start([PERMISSION], ["demo", "qos0", "--page", "0"]);
  const [, page, token] = await demo.untilTold(LINK);
  const post = async (body: unknown) => {
    const response = await fetch(`${page}lesson?token=${token}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };
  {
    await using one = await EventReader.open(`${page}events?token=${token}`);
    await using other = await EventReader.open(`${page}events?token=${token}`);
    for (const viewer of [one, other]) {
      const { title } = await viewer.next("hello");
      assertEquals(title, "mqtt5 demo");
      const { chapter, steps } = await viewer.next("lesson");
      assertEquals([chapter, steps], ["qos0", []]);
    }
    const next = { action: "next", chapter: "qos0", step: 0 };
    assertEquals(await post(next), { status: 204, text: "" });
    assertEquals((await post(next)).status, 204);
    for (const viewer of [one, other]) {
      const { clientId } = await viewer.entry(({ name }) => name === "CONNECT");
      assertEquals(clientId, "lamp");
    }
    assertEquals((await post({ action: "start", chapter: "nope" })).status, 400);
    assertEquals((await post({ action: "start", chapter: "retained" })).status, 204);
    for (const viewer of [one, other]) {
      const { title } = await viewer.next("hello");
      assertEquals(title, "mqtt5 demo");
      let { chapter, isBusy, steps } = await viewer.next("lesson");
      while (isBusy) ({ chapter, isBusy, steps } = await viewer.next("lesson"));
      assertEquals([chapter, steps], ["retained", []]);
    }
    assertEquals((await post({ action: "next", chapter: "retained", step: 0 })).status, 204);
    const { n, retain } = await one.entry(({ name }) => name === "PUBLISH");
    assertEquals(retain, true);
    // The first chapter is over, and its packets with it.
    const { hex } = await (await fetch(`${page}packets/${n}?token=${token}`)).json();
    assertMatch(hex, /^31170010/);
  }
  demo.kill("SIGINT");
  const { exitCode, stdout } = await demo.end();
  assertEquals([exitCode, stdout], [0, ""]);
});

Deno.test("demo --page begins with the first chapter", async () => {
  const demo = start([PERMISSION], ["demo", "--page", "127.0.0.1:0"]);
  const [, page, token] = await demo.untilTold(LINK);
  {
    await using viewer = await EventReader.open(`${page}events?token=${token}`);
    const { chapter, count } = await viewer.next("lesson");
    assertEquals([chapter, count], ["connect", 3]);
  }
  demo.kill("SIGINT");
  assertEquals((await demo.end()).exitCode, 0);
});

Deno.test("demo --page says where it cannot listen", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { exitCode, stderr } = await run(["demo", "--page", String(taken.addr.port)]);
  assertEquals(exitCode, 1);
  assertStringIncludes(stderr, `127.0.0.1:${taken.addr.port}: the address is in use`);
});

Deno.test("demo --page needs net for this machine, and for the page's address", async () => {
  const lineOf = async (...args: readonly string[]) =>
    (await run(["demo", ...args, "--print-permissions"])).stdout;
  assertMatch(await lineOf("--page"), / --allow-net=127\.0\.0\.1 cli\.ts demo /);
  assertMatch(
    await lineOf("--page", "0.0.0.0:8080"),
    / --allow-net=127\.0\.0\.1,0\.0\.0\.0:8080 cli\.ts demo /,
  );
});
