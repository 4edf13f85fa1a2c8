// A scripted server with real clients: connections in turn, attempts that fail, and what is left when
// it is disposed.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, ConnectionClosedError, RefusedError } from "../../mod.ts";
import { ExpectationError, ScriptedServer } from "../../src/testing/mod.ts";
import { bytesOf } from "../hex.ts";
import { VirtualClock } from "../io/virtual_clock.ts";

Deno.test("connect() takes a scripted server, which sees what the client sends and answers it", async () => {
  using server = new ScriptedServer();
  const connecting = connect(server, { clientId: "lamp", keepAlive: 9 });
  const peer = await server.accept();
  peer.answer(await peer.expect("connect", { clientId: "lamp", keepAlive: 9 }));
  const client = await connecting;
  const publishing = client.publish("lamp", "on", { qos: 2 });
  peer.answer(await peer.expect("publish", { topic: "lamp", payload: "on", qos: 2 }));
  peer.answer(await peer.expect("pubrel"), { reasonCode: 0x92 });
  const { reasonCode } = await assertRejects(() => publishing, RefusedError);
  assertStrictEquals(reasonCode, 0x92);
  const ended = client.disconnect();
  await peer.expect("disconnect", { reasonCode: 0x00 });
  await peer.expectEnd();
  peer.close();
  await ended;
});

Deno.test("a scripted server refuses, ignores and takes attempts in turn", async () => {
  using server = new ScriptedServer();
  server.refuseNext();
  server.refuseNext(new Error("no carrier"));
  server.ignoreNext();
  const options = { reconnect: false, connectTimeout: 20 } as const;
  for (const says of [/^Cannot connect: Connection refused$/, /no carrier/, /within 20 ms/]) {
    const error = await assertRejects(() => connect(server, options), ConnectionClosedError);
    assertStrictEquals(says.test(error.message), true, error.message);
  }
  const connecting = connect(server);
  const peer = await server.accept();
  peer.answer(await peer.expect("connect"), { reasonCode: 0x87 });
  peer.close();
  await assertRejects(() => connecting, RefusedError);
});

Deno.test("a client that a scripted server resets connects again, and sees an error of the network", async () => {
  using server = new ScriptedServer();
  const connecting = connect(server, { reconnect: { initialDelay: 1 } });
  const first = await server.accept();
  first.answer(await first.expect("connect"));
  const client = await connecting;
  const lost = client.once("disconnected");
  first.reset();
  const { error } = await lost;
  assertStrictEquals((error.cause as Error).message, "Connection reset by peer");
  const second = await server.accept();
  second.answer(await second.expect("connect", { cleanStart: false }));
  await client.once("connected");
  second.sendBytes(bytesOf("36 00"));
  await second.expect("disconnect", { reasonCode: 0x81 });
  second.close();
  await client.once("closed");
});

Deno.test("a connection that a script resets fails at once for who reads, and later for who does not", async () => {
  using server = new ScriptedServer();
  for (const readsBefore of [true, false]) {
    const end = await server.connect();
    const reading = readsBefore && end.read();
    (await server.accept()).reset();
    await assertRejects(() => reading || end.read(), Error, "Connection reset by peer");
    await assertRejects(() => end.write(new Uint8Array(1)), Error, "Connection reset by peer");
  }
});

Deno.test("accept() gives connections in the order in which they were made, whoever waits first", async () => {
  using server = new ScriptedServer();
  const waiting = [server.accept(), server.accept()];
  const ends = [server.connect(), server.connect(), server.connect()];
  const peers = [...await Promise.all(waiting), await server.accept()];
  for (const [index, end] of ends.entries()) {
    peers[index]!.sendBytes(Uint8Array.of(index));
    assertEquals(await (await end).read(), Uint8Array.of(index));
  }
});

Deno.test("accept() rejects when there is no connection in time, and later ones are there", async () => {
  const clock = new VirtualClock();
  using server = new ScriptedServer({ clock, timeout: 100 });
  const accepting = assertRejects(
    () => server.accept(),
    ExpectationError,
    "Expected a connection within 100 ms, got nothing",
  );
  await clock.advance(100);
  await accepting;
  await server.connect();
  await server.accept();
  const later = server.accept();
  await server.connect();
  await later;
  assertStrictEquals(clock.timers, 0);
});

Deno.test("a scripted server that is disposed closes its connections and makes no more", async () => {
  const server = new ScriptedServer({ clock: new VirtualClock() });
  const end = await server.connect();
  await server.accept();
  const accepting = assertRejects(
    () => server.accept(),
    ExpectationError,
    "Expected a connection, got the end of the server",
  );
  server[Symbol.dispose]();
  await accepting;
  assertStrictEquals(await end.read(), undefined);
  await assertRejects(() => server.connect(), Error, "Connection refused");
  await assertRejects(() => server.accept(), ExpectationError, "got the end of the server");
});

Deno.test("an attempt that is ignored ends with its signal", async () => {
  using server = new ScriptedServer();
  for (const abortsBefore of [true, false]) {
    const controller = new AbortController();
    const { signal } = controller;
    if (abortsBefore) controller.abort("enough");
    server.ignoreNext();
    const attempt = server.connect({ signal });
    controller.abort("enough");
    assertStrictEquals(await attempt.catch((reason) => reason), "enough");
  }
});
