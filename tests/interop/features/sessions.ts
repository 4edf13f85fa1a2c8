// §3.1.2.4, §3.1.2.11.2, §4.1, §4.4: what the server keeps for a client that is away.

import { maximumQoS, needsQoS } from "./delivery.ts";
import { type Feature, needs, same } from "./feature.ts";
import { type Fixture, numbers, textsOf } from "./fixture.ts";

/** How many seconds a session is to last that nobody wants to see expire. */
const LONG = 60;

/** How many messages wait for a client that is away. */
const WAITING = 50;

/** The features of sessions. */
export const SESSIONS: readonly Feature[] = [
  { name: "A session is resumed, in order", section: "§3.1.2.4, §4.1", check: resume },
  { name: "Clean Start begins anew", section: "§3.1.2.4", check: cleanStart },
  { name: "Redelivery, with DUP 1", section: "§4.4, §3.3.1.1", check: redelivery },
  { name: "Session Expiry Interval", section: "§3.1.2.11.2", check: expiry },
  { name: "DISCONNECT ends the session", section: "§3.14.2.2.2", check: ended },
];

async function resume(fixture: Fixture): Promise<void> {
  needsQoS(fixture, 1);
  const session = await leave(fixture);
  const publisher = await fixture.open();
  const qos = fixture.server.maximumQoS === 2 ? 2 : 1;
  for (const text of numbers(WAITING)) await publisher.publish(fixture.topic(), text, { qos });
  const client = await fixture.open({ ...session, cleanStart: false });
  same("Session Present", client.server.sessionPresent, true);
  const received = await fixture.take(client.messages, WAITING);
  same("texts", textsOf(received), numbers(WAITING));
  await publisher.publish(fixture.topic(), "live", { qos });
  same("texts", textsOf(await fixture.take(client.messages, 1)), ["live"]);
}

async function cleanStart(fixture: Fixture): Promise<void> {
  needsQoS(fixture, 1);
  const session = await leave(fixture);
  await fixture.publish(fixture.topic(), "old");
  const client = await fixture.open({ ...session, cleanStart: true });
  same("Session Present", client.server.sessionPresent, false);
  await fixture.publish(fixture.topic(), "too early");
  const news = await client.subscribe(fixture.topic(), { qos: 1 });
  await fixture.publish(fixture.topic(), "end");
  same("messages of the session before", await fixture.textsBeforeEnd(news), []);
}

/** On the wire: what has come at QoS 2 once is not shown to the application again. */
async function redelivery(fixture: Fixture): Promise<void> {
  needsQoS(fixture, 1);
  const seen: (readonly [text: string, dup: boolean])[] = [];
  const { client, wire } = await fixture.breakable(
    { sessionExpiryInterval: LONG, ack: "manual" },
    (packet) => {
      if (packet.type !== "publish") return;
      seen.push([new TextDecoder().decode(packet.payload), packet.dup]);
    },
  );
  needsSession(client.server.sessionExpiryInterval);
  const news = await client.subscribe(fixture.topic(), { qos: 2 });
  const qos2 = maximumQoS(fixture, 2);
  await fixture.publish(fixture.topic(), "acknowledged");
  await fixture.take(news, 1);
  const sent = [["1", 1], ["2", qos2], ["3", 1], ["4", qos2]] as const;
  // A server need not send more before what it has sent is acknowledged, so they come together.
  wire.down();
  for (const [text, qos] of sent) await fixture.publish(fixture.topic(), text, { qos });
  seen.length = 0;
  wire.up();
  const first = await fixture.take(news, sent.length, { ack: false });
  wire.cut();
  await fixture.until(
    () => seen.length >= 2 * sent.length,
    () => `${seen.length - sent.length} of ${sent.length} messages came again`,
  );
  same("texts, with DUP", seen, [false, true].flatMap((dup) => sent.map(([text]) => [text, dup])));
  for (const message of first) message.ack();
  // At QoS 1 the application has each message twice, and the second is the one to acknowledge.
  await fixture.take(news, sent.filter(([, qos]) => qos === 1).length);
  await fixture.publish(fixture.topic(), "end");
  same("messages behind", await fixture.textsBeforeEnd(news), []);
}

/** A session is published for when it ends, by a Will whose delay is longer [MQTT-3.1.3-9]. */
async function expiry(fixture: Fixture): Promise<void> {
  const watcher = await fixture.open();
  const wills = await watcher.subscribe(fixture.topic("wills"));
  const clientId = fixture.clientId();
  const { client, wire } = await fixture.breakable({
    clientId,
    reconnect: false,
    sessionExpiryInterval: 1,
    will: { topic: fixture.topic("wills"), payload: "gone", willDelayInterval: 1000 },
  });
  needsSession(client.server.sessionExpiryInterval);
  wire.cut();
  await fixture.take(wills, 1);
  const late = await fixture.open({ clientId, cleanStart: false });
  same("Session Present after the interval", late.server.sessionPresent, false);
}

async function ended(fixture: Fixture): Promise<void> {
  const options = { clientId: fixture.clientId(), sessionExpiryInterval: LONG } as const;
  const present = async (): Promise<boolean> => {
    const client = await fixture.open({ ...options, cleanStart: false });
    needsSession(client.server.sessionExpiryInterval);
    const { sessionPresent } = client.server;
    await client.disconnect(sessionPresent ? { sessionExpiryInterval: 0 } : {});
    return sessionPresent;
  };
  same("Session Present at first", await present(), false);
  same("Session Present after DISCONNECT", await present(), true);
  same("Session Present after DISCONNECT that ends the session", await present(), false);
  // The last one began another.
  same("Session Present after another", await present(), true);
}

/** Subscribes, and leaves for a while. */
async function leave(fixture: Fixture) {
  const session = { clientId: fixture.clientId(), sessionExpiryInterval: LONG } as const;
  const client = await fixture.open(session);
  needsSession(client.server.sessionExpiryInterval);
  await client.subscribe(fixture.topic(), { qos: 2 });
  await client.disconnect();
  return session;
}

function needsSession(sessionExpiryInterval: number): void {
  needs(sessionExpiryInterval > 0, "sessions end with their connections");
}
