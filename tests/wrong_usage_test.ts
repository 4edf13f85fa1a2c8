// Wrong usages that the compiler refuses: where it takes one, the line that expects the error is the error. Nothing here runs
// but the one test, which says so.

import type { Client, Message, Subscription } from "../mod.ts";
import { connect, json, topic } from "../mod.ts";
import { type Broker, serve } from "../src/broker/mod.ts";

Deno.test("The compiler refuses each wrong usage in this file", () => {
  void [events, levels, payloads, reading, requests, options, administration];
});

async function events(client: Client) {
  client.addEventListener("disconnected", ({ detail }) => void detail.error);
  client.addEventListener("connected", { handleEvent: ({ detail }) => void detail.server });
  // @ts-expect-error a misspelt event
  client.addEventListener("disconected", () => {});
  // @ts-expect-error a misspelt event
  client.removeEventListener("disconected", () => {});
  // @ts-expect-error a detail of another event
  client.addEventListener("disconnected", ({ detail }) => void detail.server);
  // @ts-expect-error nobody could hear the first
  client.addEventListener("connected", ({ detail }) => void detail.isFirst);
  const { willReconnect } = await client.once("disconnected");
  void willReconnect.valueOf();
  // @ts-expect-error a misspelt event
  await client.once("disconected");
  // @ts-expect-error a detail of another event
  void (await client.once("disconnected")).server;
  const target: EventTarget = client;
  void target;
}

async function requests(client: Client, message: Message) {
  void (await client.request("a", json({ id: 7 }), { timeout: 5000 })).text();
  for await (const response of client.requestMany("a", "", { limit: 2 })) response.json();
  await client.respond("a", () => {});
  await client.respond("a", async () => await Promise.resolve({ payload: "b", qos: 2 }));
  await message.respond(json([1]));
  // @ts-expect-error a misspelt option
  await client.request("a", "", { timeOut: 5000 });
  // @ts-expect-error one response has no limit
  await client.request("a", "", { limit: 2 });
  // @ts-expect-error several responses are not one
  (await client.requestMany("a", "")).text();
  // @ts-expect-error neither text nor bytes nor a payload with properties
  await client.respond("a", () => 7);
  // @ts-expect-error a request is acknowledged after its response
  await client.respond("a", () => "", { ack: "auto" });
  // @ts-expect-error the Correlation Data is that of the request
  await message.respond({ payload: "", correlationData: new Uint8Array() });
}

function levels(message: Message) {
  const logs = topic`logs/${"host"}/${"...path"}`;
  const { host, path } = logs.parameters(message.topic);
  void [host.toUpperCase(), path.join("/")];
  // @ts-expect-error a name that the template does not have
  void logs.parameters(message.topic).hots;
  // @ts-expect-error there may be no match
  void logs.match(message.topic).host;
  // @ts-expect-error the rest is a list of levels
  void path.toUpperCase();
  // @ts-expect-error the dots are not part of the name
  void logs.parameters(message.topic)["...path"];
  logs.topic({ host: "alpha", path: [] });
  // @ts-expect-error a parameter is missing
  logs.topic({ host: "alpha" });
  // @ts-expect-error a parameter that the template does not have
  logs.topic({ host: "alpha", path: [], level: "warning" });
  // @ts-expect-error a level is text
  logs.topic({ host: 7, path: [] });
  // @ts-expect-error a name is text
  topic`logs/${7}`;
  // @ts-expect-error a template is not called
  topic("logs/+");
}

async function payloads(client: Client, message: Message) {
  await client.publish("a", json({ on: true }), { qos: 1 });
  await client.publish("a", { payload: "on", contentType: "text/plain" });
  void message.json<{ readonly on: boolean }>().on;
  // @ts-expect-error of what nobody has named a type of nothing is known
  void message.json().on;
  // @ts-expect-error a payload is text, bytes or content
  await client.publish("a", { on: true });
  // @ts-expect-error a message that was received is not content
  await client.publish("a", message);
  // @ts-expect-error a property that messages do not have
  await client.publish("a", { payload: "on", contentTpye: "text/plain" });
}

async function reading(client: Client, subscription: Subscription) {
  for await (const message of subscription.read({ limit: 1, timeout: 1 })) void message.topic;
  for await (const messages of client.messages.read({ batch: 1 })) void messages[0]?.topic;
  // @ts-expect-error a misspelt option
  subscription.read({ limits: 1 });
  // @ts-expect-error a batch is an array
  for await (const messages of subscription.read({ batch: 1 })) void messages.topic;
  // @ts-expect-error of an array that may be empty
  for await (const messages of subscription.read({ batch: 1 })) void messages[0].topic;
  // @ts-expect-error one message at a time is no array
  for await (const message of subscription.read({ limit: 1 })) void message.length;
}

async function options(client: Client) {
  // @ts-expect-error an option of another library
  await connect("mqtt://localhost", { clean: false });
  // @ts-expect-error a misspelt option of an option
  await connect("mqtt://localhost", { reconnect: { maxDelay: 5 } });
  // @ts-expect-error a misspelt option
  await client.publish("a", "", { reatin: true });
  // @ts-expect-error a misspelt option
  await client.subscribe("a", { Qos: 1 });
  // @ts-expect-error a QoS that there is none of
  await client.subscribe("a", { qos: 3 });
  // @ts-expect-error a misspelt option
  await serve({ prot: 3 });
  // @ts-expect-error a limit that there is none of
  await serve({ limits: { clients: 3 } });
  // @ts-expect-error a misspelt option of a listener
  await serve({ listeners: [{ prot: 3 }] });
  // @ts-expect-error a misspelt hook
  await serve({ onSubscribed: () => {} });
}

async function administration(broker: Broker) {
  await broker.publish("a", json({ on: true }), { qos: 1, retain: true });
  broker.disconnect("c", 0x8b, { reasonString: "Maintenance" });
  for (const { since, queued, inFlight, subscriptions } of broker.clients()) {
    void [since.toFixed(), queued.toFixed(), inFlight.toFixed(), subscriptions.toFixed()];
  }
  // @ts-expect-error Topic Aliases are for each connection
  await broker.publish("a", "", { topicAlias: 1 });
  // @ts-expect-error a Reason Code of another packet
  broker.disconnect("c", 0x10);
  // @ts-expect-error a server may not say this
  broker.disconnect("c", 0x98, { sessionExpiryInterval: 5 });
  // @ts-expect-error a name that clients do not have
  void broker.clients()[0]?.id;
}
