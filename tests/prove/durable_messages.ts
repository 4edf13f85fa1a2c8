// What the processes of prove:durable share: topics, options, and the files by which they are told
// where the broker is and when to stop.

import type { ConnectOptions } from "../../mod.ts";
import type { Store } from "../../src/store/mod.ts";
import { QUICKLY } from "../interop/interop.ts";

/** The topics, with the QoS of their messages; how they are published is the first level. */
export function topicsOf(): readonly (readonly [topic: string, qos: 1 | 2])[] {
  return ["outbox", "enqueue", "publish"].flatMap((how) =>
    ([1, 2] as const).map((qos) => [`${how}/${qos}`, qos] as const)
  );
}

/** How both connect. */
export function durableOptions(clientId: string, store: Store): ConnectOptions {
  return {
    clientId,
    store,
    sessionExpiryInterval: 1000,
    reconnect: QUICKLY,
    waitForServer: true,
  };
}

/** Says where the broker listens. */
export async function sayUrl(folder: string, url: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/url.new`, url);
  await Deno.rename(`${folder}/url.new`, `${folder}/url`);
}

/** Where the broker listens. */
export function urlIn(folder: string): Promise<string> {
  return Deno.readTextFile(`${folder}/url`);
}

/** Says that enough has been published. */
export async function stop(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/stop`, "");
}

/** Whether enough has been published. */
export function isStopped(folder: string): boolean {
  try {
    Deno.statSync(`${folder}/stop`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
