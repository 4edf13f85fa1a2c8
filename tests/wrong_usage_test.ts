// Wrong usages that the compiler refuses: where it takes one, the line that expects the error is the error. Nothing here runs
// but the one test, which says so.

import type { Client, Message, Subscription } from "../mod.ts";
import { json, topic } from "../mod.ts";

Deno.test("The compiler refuses each wrong usage in this file", () => {
  void [events, levels, payloads, reading];
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
