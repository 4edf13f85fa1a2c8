// The command `broker` as a person runs it, and ends it.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { connectMqttJs } from "../interop/mqttjs.ts";
import { runUnread } from "../cli/run.ts";
import { take, temporaryFolder, textsOf, withinPatience } from "./broker_net.ts";
import { BrokerProcess } from "./broker_process.ts";
import { Peer } from "./peer.ts";

/** A test with the command in a process of its own. */
function commandTest(
  name: string,
  test: (broker: BrokerProcess, folder: string) => Promise<void>,
  ...args: readonly string[]
): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/broker.db`;
    await using broker = await BrokerProcess.start(
      ...args.map((arg) => arg === "FILE" ? path : arg),
    );
    await withinPatience(test(broker, path));
  });
}

commandTest(
  "Ctrl-C tells the clients of all kinds, and ends well, whoever does not listen",
  async (broker) => {
    const [, ws] = await broker.until(/listening on (ws:\S+)\n/);
    const client = await connect(broker.url, { clientId: "ours", reconnect: false });
    const js = await connectMqttJs({ url: ws! });
    const told = new Promise<number | undefined>((resolve) => {
      js.client.on("disconnect", ({ reasonCode }) => resolve(reasonCode));
    });
    using quiet = await Peer.connect(broker, { clientId: "quiet" });
    using stopped = await Peer.connect(broker, { clientId: "stopped" });
    await stopped.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "#" }] });
    await stopped.expect("suback");
    for (let count = 0; count < 20; count++) await client.publish("a", "x".repeat(1_000_000));
    await client.publish("a", "", { qos: 1 });
    using _halfOpen = await Peer.dial(broker);
    const since = performance.now();
    const { code, output, errors } = await broker.stop("SIGINT");
    assertEquals([code, errors], [0, ""]);
    assert(performance.now() - since < 4000, "it took its time");
    assertStrictEquals((await client.closed)?.reasonCode, 0x8b);
    assertStrictEquals(await told, 0x8b);
    await quiet.expectDisconnect(0x8b);
    assertMatch(output, /- "ours": the broker closed the connection/);
    assertMatch(output, /\* shut down\n$/);
    await js[Symbol.asyncDispose]();
  },
  "--ws-port",
  "0",
);

commandTest("Ctrl-C twice ends it as well as once", async (broker) => {
  using _peer = await Peer.connect(broker);
  const again = setTimeout(() => void broker.signal("SIGINT"), 20);
  const { code, errors } = await broker.stop("SIGINT");
  clearTimeout(again);
  assertEquals([code, errors], [0, ""]);
});

commandTest(
  "What was there at Ctrl-C is there at the next start",
  async (broker) => {
    const session = { clientId: "a", cleanStart: false, sessionExpiryInterval: 1000 } as const;
    const client = await connect(broker.url, { ...session, reconnect: false });
    await client.subscribe(["news", "wills"], { qos: 1 });
    const other = await connect(broker.url, {
      reconnect: false,
      will: { topic: "wills", payload: "gone", qos: 1 },
    });
    await other.publish("state", "on", { qos: 2, retain: true });
    await client.disconnect();
    await other.publish("news", "1", { qos: 2 });
    assertStrictEquals((await broker.stop("SIGINT")).code, 0);
    assertStrictEquals((await other.closed)?.reasonCode, 0x8b);
    await broker.start();
    await using again = await connect(broker.url, session);
    assertStrictEquals(again.server.sessionPresent, true);
    assertEquals(textsOf(await take(again.messages, 2)), ["1", "gone"]);
    assertEquals(textsOf(await take(await again.subscribe("state", { qos: 1 }), 1)), ["on"]);
  },
  "--file",
  "FILE",
);

commandTest(
  "A file that another broker uses is refused in a sentence",
  async (_broker, path) => {
    const permissions = ["--allow-net=127.0.0.1", "--allow-read", "--allow-write"];
    const { exitCode, stderr } = await runUnread(
      permissions,
      ["broker", "--port", "0", "--file", path],
      "",
    );
    assertStrictEquals(exitCode, 1);
    assertMatch(stderr, /^mqtt5: \S+broker\.db cannot be used: [^\n]+\n$/);
  },
  "--file",
  "FILE",
);

Deno.test("A broker whose output nobody reads ends without an error", () =>
  withinPatience((async () => {
    const ending = await runUnread(["--allow-net=127.0.0.1"], ["broker", "--port", "0"], "");
    assertEquals(ending, { exitCode: 0, stderr: "" });
  })()));
