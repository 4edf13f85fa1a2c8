// An option that there is none of would do nothing, and the person who wrote it would not know: every public function that
// takes options refuses it by name, nested ones, too, before anything else happens.

import { assertRejects } from "@std/assert";
import {
  connect,
  PacketDecoder,
  PacketDecoderStream,
  PacketEncoderStream,
  scramSha256,
  tokenAuthentication,
} from "../mod.ts";
import {
  aclFile,
  type Broker,
  passwordFile,
  passwordLine,
  scramAuthentication,
  scramKeys,
  serve,
} from "../src/broker/mod.ts";
import { ClientConnection, ServerConnection, Session } from "../src/session/mod.ts";

/** What a person may write who thinks of MQTT.js, or makes a slip. */
const WRONG = { prot: 3 } as object;

type Client = Awaited<ReturnType<typeof connect>>;

const CONNECT = { type: "connect", clientId: "a" } as const;
const LIMITS = { messages: 1, bytes: 1, whenFull: "drop newest" } as const;

const CALLS: Readonly<Record<string, (client: Client, broker: Broker) => unknown>> = {
  "connect()": (_client, broker) => connect(broker, WRONG),
  "connect({ will })": (_client, broker) => connect(broker, { will: { topic: "a", ...WRONG } }),
  "connect({ reconnect })": (_client, broker) => connect(broker, { reconnect: WRONG }),
  "connect({ sendQueue })": (_client, broker) => connect(broker, { sendQueue: WRONG }),
  "connect({ receiveQueue })": (_client, broker) => connect(broker, { receiveQueue: WRONG }),
  "connect({ tls })": () => connect("mqtts://127.0.0.1:1", { tls: WRONG }),
  "connect({ url })": () => connect({ url: "mqtt://127.0.0.1:1", ...WRONG }),
  "client.publish()": (client) => client.publish("a", "", WRONG),
  "content of client.publish()": (client) => client.publish("a", { payload: "", ...WRONG }),
  "client.subscribe()": (client) => client.subscribe("a", WRONG),
  "a Topic Filter": (client) => client.subscribe({ topicFilter: "a", ...WRONG }),
  "subscribe({ receiveQueue })": (client) => client.subscribe("a", { receiveQueue: WRONG }),
  "client.unsubscribe()": (client) => client.unsubscribe("a", WRONG),
  "client.disconnect()": (client) => client.disconnect(WRONG),
  "client.once()": (client) => client.once("closed", WRONG),
  "client.messages.read()": (client) => client.messages.read(WRONG),
  "client.request()": (client) => client.request("a", "", WRONG),
  "client.respond()": (client) => client.respond("a", () => "", WRONG),
  "client.reauthenticate()": (client) => client.reauthenticate(WRONG),
  "tokenAuthentication()": () => tokenAuthentication({ method: "a", token: () => "b", ...WRONG }),
  "scramSha256()": () => scramSha256({ username: "a", password: "b", ...WRONG }),
  "scramAuthentication()": () => scramAuthentication(() => undefined, WRONG),
  "scramKeys()": () => scramKeys("SCRAM-SHA-256", "a", WRONG),
  "passwordFile()": () => passwordFile("", WRONG),
  "passwordLine()": () => passwordLine("a", "b", WRONG),
  "aclFile()": () => aclFile("", WRONG),
  "broker.publish()": (_client, broker) => broker.publish("a", "", WRONG),
  "broker.disconnect()": (_client, broker) => broker.disconnect("a", 0x98, WRONG),
  "serve()": () => serve({ listeners: [], ...WRONG }),
  "serve({ limits })": () => serve({ listeners: [], limits: WRONG }),
  "a listener of serve()": () => serve({ listeners: [{ port: 0, ...WRONG }] }),
  "PacketDecoder": () => new PacketDecoder(WRONG),
  "PacketDecoderStream": () => new PacketDecoderStream(WRONG),
  "PacketEncoderStream": () => new PacketEncoderStream(WRONG),
  "Session": () => new Session("a", { ...LIMITS, ...WRONG }),
  "ServerConnection": () => new ServerConnection(0, WRONG),
  "ClientConnection": () =>
    new ClientConnection(0, { connect: CONNECT, session: new Session("a"), ...WRONG }),
};

for (const [what, call] of Object.entries(CALLS)) {
  Deno.test(`An unknown option of ${what} is refused`, async () => {
    await using broker = await serve({ listeners: [] });
    await using client = await connect(broker);
    await assertRejects(async () => await call(client, broker), TypeError, "prot");
  });
}

Deno.test("An unknown name in what credentials() gives is told: the client would connect as nobody", async () => {
  await using broker = await serve({ listeners: [] });
  const credentials = () => ({ user: "alice", password: "secret" });
  await assertRejects(() => connect(broker, { credentials }), Error, '"user" of credentials()');
});

Deno.test("An option of a listener beside listeners is refused: it would do nothing", async () => {
  await assertRejects(
    () => serve({ listeners: [], port: 1883 }),
    TypeError,
    "port cannot be combined with listeners",
  );
});
