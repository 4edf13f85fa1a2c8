// Dials of a virtual network, and partitions.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConnectionFault } from "../../src/io/faults.ts";
import { bytes, Links, outcome } from "./links.ts";

Deno.test("a dial takes the way there and back", async () => {
  const links = new Links({ latency: 20 });
  const dialled = outcome(links.dial());
  await links.pass(39);
  assertEquals([dialled.value, links.accepted.length], ["pending", 1]);
  await links.pass(1);
  assertEquals(typeof dialled.value, "object");
});

Deno.test("a dial is refused where nobody listens, or nobody who lives", async () => {
  const links = new Links({ latency: 20 });
  const refused = async () => {
    const dialled = assertRejects(() => links.dial(), ConnectionFault);
    await links.pass(40);
    const { code, cure, message } = await dialled;
    return [code, cure, message];
  };
  const expected = ["refused", "time", "Cannot connect to a: connection refused"];
  links.network.setDialMode("a", "refuse");
  assertEquals(await refused(), expected);
  links.network.setDialMode("a", "accept");
  links.server.kill();
  assertEquals(await refused(), expected);
});

Deno.test("a dial into a black hole waits, until its signal aborts or the hole is gone", async () => {
  const links = new Links();
  links.network.setDialMode("a", "black hole");
  const controller = new AbortController();
  const given = outcome(links.dial(controller.signal));
  const patient = outcome(links.dial());
  await links.pass(1_000_000);
  assertEquals([given.value, patient.value], ["pending", "pending"]);
  controller.abort(new Error("Given up"));
  links.network.setDialMode("a", "accept");
  await links.pass();
  assertEquals([given.value, typeof patient.value], ["Error: Given up", "object"]);
  assertEquals(links.accepted.length, 1);
});

Deno.test("a server may hang up without reading", async () => {
  const links = new Links();
  links.network.setDialMode("a", "hang up");
  const dialled = links.dial();
  await links.pass();
  const client = await dialled;
  assertEquals(links.accepted, []);
  assertEquals(await client.read(), undefined);
  await client.write(bytes(1));
  await links.pass();
  await assertRejects(() => client.write(bytes(2)), Error, "Connection reset by peer");
});

Deno.test("a dial whose signal aborts on the way leaves no link behind", async () => {
  const links = new Links({ latency: 20 });
  const controller = new AbortController();
  const dialled = outcome(links.dial(controller.signal));
  await links.pass(30);
  controller.abort(new Error("Given up"));
  await links.pass(1000);
  links.accepted[0]!.end.close();
  await links.pass(1000);
  assertEquals([dialled.value, links.network.links], ["Error: Given up", []]);
});

Deno.test("a partition stalls links and dials, and loses nothing when it heals", async () => {
  for (
    const [one, other] of [[], ["client"], ["server"], ["client", "server"], ["server", "client"]]
  ) {
    const links = new Links();
    const { client, server } = await links.open();
    links.network.partition(one, other);
    const reading = outcome(server.read());
    const dialled = outcome(links.dial());
    await client.write(bytes(1));
    await links.pass(1_000_000);
    assertEquals([reading.value, dialled.value], ["pending", "pending"]);
    links.network.heal("somebody");
    await links.pass();
    assertEquals([reading.value, dialled.value], ["pending", "pending"]);
    links.network.heal(one, other);
    await links.pass();
    assertEquals([reading.value, typeof dialled.value], [bytes(1), "object"]);
  }
});

Deno.test("a partition of others changes nothing", async () => {
  const links = new Links();
  const { client, server } = await links.open();
  links.network.partition("client", "another");
  await client.write(bytes(1));
  await links.pass();
  assertEquals(await server.read(), bytes(1));
});

Deno.test("two processes cannot listen at one name, unless the first is dead", () => {
  const links = new Links();
  const listen = () => links.network.listen("a", { process: links.client, accept: () => {} });
  assertThrows(listen, Error, "Cannot listen at a: address already in use");
  links.server.kill();
  listen();
});
