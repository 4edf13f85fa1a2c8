// §4.3.3, §4.4: what QoS 2 promises holds over connections that break.

import { needsQoS } from "./delivery.ts";
import { Difference, type Feature, needs, same } from "./feature.ts";
import { type Breakable, type Fixture, numbers } from "./fixture.ts";

const COUNT = 2000;
const CUTS = 15;

/** So many messages are on their way at most: servers hold no more than they like. */
const WINDOW = 200;

/** The features of broken connections. */
export const CUTS_OF_CONNECTIONS: readonly Feature[] = [{
  name: `QoS 2: ${COUNT} messages, ${CUTS} cuts`,
  section: "§4.3.3, §4.4",
  check: cuts,
}];

async function cuts(fixture: Fixture): Promise<string> {
  needsQoS(fixture, 2);
  let again = 0;
  let lost = 0;
  const open = async (): Promise<Breakable> => {
    const breakable = await fixture.breakable({ sessionExpiryInterval: 60 });
    const { client } = breakable;
    needs(client.server.sessionExpiryInterval > 0, "sessions end with their connections");
    client.addEventListener("connected", ({ detail: { server } }) => {
      again++;
      if (!server.sessionPresent) lost++;
    });
    return breakable;
  };
  const [publisher, subscriber] = [await open(), await open()];
  const news = await subscriber.client.subscribe(fixture.topic(), { qos: 2 });
  const texts: string[] = [];
  let made = 0;
  const read = async () => {
    for await (const message of news) {
      const text = message.text();
      // In turn it is broken before the acknowledgement and behind it, at each end.
      const isDue = made < CUTS && texts.length === Math.ceil((made + 1) * COUNT / (CUTS + 1));
      const { wire } = made % 2 === 0 ? publisher : subscriber;
      if (isDue && made % 4 < 2) wire.cut();
      message.ack();
      if (isDue && made % 4 >= 2) wire.cut();
      if (isDue) made++;
      if (text === "end") break;
      texts.push(text);
    }
  };
  const reading = read();
  // It is waited for in the end.
  reading.catch(() => {});
  const publishing: Promise<unknown>[] = [];
  let hasFailed = false;
  for (const text of [...numbers(COUNT), "end"]) {
    const index = publishing.length;
    await fixture.until(
      () => hasFailed || index - texts.length < WINDOW,
      () => `${texts.length} of ${COUNT} messages came`,
    );
    const work = fixture.within(
      publisher.client.publish(fixture.topic(), text, { qos: 2 }),
      () => `message ${text} was not acknowledged`,
    );
    work.catch(() => hasFailed = true);
    publishing.push(work);
  }
  await Promise.all(publishing);
  await fixture.within(reading, () => `${texts.length} of ${COUNT} messages came`);
  const missing = numbers(COUNT).filter((text) => !texts.includes(text)).length;
  const twice = texts.length - new Set(texts).size;
  if (missing > 0 || twice > 0) {
    const session = lost === 0 ? "" : `; sessions that the server lost: ${lost}`;
    throw new Difference(`lost: ${missing}, duplicates: ${twice}${session}`);
  }
  same("order", texts, numbers(COUNT));
  same("cuts", made, CUTS);
  await fixture.until(() => again >= CUTS, () => `${again} connections were made again`);
  return "none lost, none twice, in order";
}
