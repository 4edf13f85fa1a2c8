// Scripts in a virtual world: their connections go through its network, and what they wait for takes
// its time.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { ExpectationError, ScriptedPeer, World } from "../../src/testing/mod.ts";

Deno.test("a scripted server of a world is reached through its network, and waits in its time", async () => {
  await using world = new World({ network: { latency: 100, pieces: 1 } });
  const server = world.startScriptedServer("odd", { timeout: 3000 });
  const connecting = connect(world.server("odd"), { clientId: "lamp", keepAlive: 10 });
  const peer = await world.until(server.accept());
  peer.answer(await world.until(peer.expect("connect", { clientId: "lamp" })));
  const client = await world.until(connecting);
  assertEquals(world.now >= 200, true);
  await world.until(peer.expectSilence(5000));
  const before = world.now;
  const failed = assertRejects(
    () => world.until(peer.expect("publish")),
    ExpectationError,
    "Expected PUBLISH within 3000 ms, got nothing",
  );
  await failed;
  assertStrictEquals(world.now, before + 3000);
  await world.until(peer.expect("pingreq"));
  await world.until(client.once("disconnected"));
});

Deno.test("a scripted server of a world resets, is cut and is refused as a broker is", async () => {
  await using world = new World();
  const server = world.startScriptedServer();
  const connecting = connect(world.server(), { clientId: "lamp" });
  let peer = await server.accept();
  peer.answer(await peer.expect("connect"));
  const client = await connecting;
  const ways: [() => void, string | undefined][] = [
    [() => peer.reset(), "Connection reset by peer"],
    [() => world.cut(client), "Connection reset by peer"],
    [() => peer.close(), undefined],
  ];
  for (const [end, says] of ways) {
    const lost = client.once("disconnected");
    end();
    const { error } = await world.until(lost);
    assertStrictEquals((error.cause as Error | undefined)?.message, says);
    world.answerDials("refuse");
    await world.advance(60_000);
    assertStrictEquals(client.state, "reconnecting");
    world.answerDials();
    peer = await world.until(server.accept());
    peer.answer(await peer.expect("connect"));
    await client.once("connected");
  }
  await assertRejects(() => world.startBroker(), Error, "address already in use");
});

Deno.test("a scripted client speaks with a broker of a world, in its time", async () => {
  await using world = new World();
  await world.startBroker();
  using peer = await ScriptedPeer.connect(world.server());
  peer.send({ type: "connect", clientId: "odd", keepAlive: 10 });
  await peer.expect("connack", { reasonCode: 0x00 });
  const since = world.now;
  await world.until(peer.expectSilence(14_999));
  await world.until(peer.expect("disconnect", { reasonCode: 0x8d }));
  assertStrictEquals(world.now, since + 15_000);
  await peer.expectEnd();
});
