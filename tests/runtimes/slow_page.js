// Runs in a page whose timers fire once a minute, as in a tab in the background: what is sent does
// not wait for them, and the connection outlives its Keep Alive. Of the 60 s of the standard's clock
// each takes a thirtieth of a second here.

import { connect } from "@mqtt5/mqtt5";
import { equal, take } from "./checks.js";

const { setTimeout } = globalThis.realTimers;
const MINUTE = 60_000 / globalThis.realTimers.speed;

const { url, control } = await (await fetch("./plan.json")).json();
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

try {
  const client = await connect(url);
  let losses = 0;
  client.addEventListener("disconnected", () => losses++);
  const messages = await client.subscribe("slow", { qos: 2 });

  // More than the transport lets wait. If each waited for a timer they would take minutes.
  const started = realTimers.now();
  const payload = new Uint8Array(1_200_000);
  for (let count = 0; count < 8; count++) await client.publish("slow", payload, { qos: count % 3 });
  equal((await take(messages, 8)).length, 8);
  const took = realTimers.now() - started;
  if (took > 2 * MINUTE) throw new Error(`to publish took ${took} ms of ${MINUTE} ms a minute`);

  // The longest silence follows what is sent just after a timer has fired.
  await wait(MINUTE - realTimers.now() % MINUTE + MINUTE / 20);
  await client.publish("slow", "last", { qos: 1 });
  await wait(4 * MINUTE);
  await client.publish("slow", "again", { qos: 2 });
  equal(losses, 0);
  await client.disconnect();
  await post({});
} catch (error) {
  await post({ error: String(error.stack ?? error) });
}

async function post(result) {
  const body = JSON.stringify({ name: "slow", ...result });
  await fetch(`${control}/result`, { method: "POST", body });
  await fetch(`${control}/done`, { method: "POST", body: "{}" });
}
