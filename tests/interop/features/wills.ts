// §3.1.2.5, §3.1.3.2: what the server publishes for a client that is gone.

import { ReasonCode } from "../../../mod.ts";
import { maximumQoS } from "./delivery.ts";
import { type Feature, needs, same } from "./feature.ts";
import { type Fixture, textsOf } from "./fixture.ts";

/** The features of the Will. */
export const WILLS: readonly Feature[] = [
  { name: "Will, with all its properties", section: "§3.1.2.5, §3.1.3.2", check: properties },
  { name: "Will and DISCONNECT", section: "§3.14.4", check: goodbye },
  { name: "Will Delay Interval", section: "§3.1.3.2.2", check: delay },
];

async function properties(fixture: Fixture): Promise<void> {
  const watcher = await fixture.open();
  const wills = await watcher.subscribe(fixture.topic(), { qos: 1 });
  const will = {
    contentType: "application/octet-stream",
    responseTopic: fixture.topic("answers"),
    correlationData: Uint8Array.of(4),
    payloadFormatIndicator: 0,
    userProperties: [["b", "1"], ["a", "2"], ["b", "1"]],
  } as const;
  const payload = Uint8Array.of(1, 2, 255);
  const { wire } = await fixture.breakable({
    reconnect: false,
    will: {
      topic: fixture.topic(),
      payload,
      qos: maximumQoS(fixture, 1),
      messageExpiryInterval: 1000,
      ...will,
    },
  });
  wire.cut();
  const [message] = await fixture.take(wills, 1);
  same("payload", message!.payload, payload);
  const received = message!.properties;
  for (const name of Object.keys(will) as (keyof typeof will)[]) {
    // 0 is what its absence means (§3.3.2.3.2).
    const value = name === "payloadFormatIndicator" ? received[name] ?? 0 : received[name];
    same(name, value, will[name]);
  }
  const left = received.messageExpiryInterval ?? 0;
  same("Message Expiry Interval, at most 1000", left > 900 && left <= 1000 ? 1000 : left, 1000);
}

async function goodbye(fixture: Fixture): Promise<void> {
  const watcher = await fixture.open();
  const wills = await watcher.subscribe(fixture.topic(), { qos: 1 });
  const will = (payload: string) => ({
    will: { topic: fixture.topic(), payload, qos: maximumQoS(fixture, 1) },
  });
  const quiet = await fixture.open(will("DISCONNECT 0x00"));
  await quiet.disconnect();
  const loud = await fixture.open(will("DISCONNECT 0x04"));
  await loud.disconnect({ reasonCode: ReasonCode.disconnectWithWillMessage });
  same("Wills", textsOf(await fixture.take(wills, 1)), ["DISCONNECT 0x04"]);
  same("further Wills", wills.waiting, 0);
}

/** The later Will comes behind the earlier one; that of who comes back in time does not come. */
async function delay(fixture: Fixture): Promise<void> {
  const watcher = await fixture.open();
  const wills = await watcher.subscribe(fixture.topic(), { qos: 1 });
  const connect = async (payload: string, willDelayInterval: number) => {
    const { wire, client } = await fixture.breakable({
      sessionExpiryInterval: 60,
      will: { topic: fixture.topic(), payload, willDelayInterval, qos: maximumQoS(fixture, 1) },
    });
    needs(client.server.sessionExpiryInterval > 0, "sessions end with their connections");
    return { client, wire };
  };
  const returning = await connect("of who comes back", 2);
  const delayed = await connect("delayed", 3);
  const prompt = await connect("prompt", 0);
  let isBack = false;
  returning.client.addEventListener("connected", () => isBack = true);
  returning.wire.cut();
  await fixture.until(() => isBack, () => "the client is not back");
  same("session of who comes back", returning.client.server.sessionPresent, true);
  delayed.wire.down();
  prompt.wire.down();
  const texts = textsOf(await fixture.take(wills, 2));
  // The Will of who came back would have been due before the delayed one.
  same("Wills", texts, ["prompt", "delayed"]);
  same("further Wills", wills.waiting, 0);
}
