// A client with a store in one process after the other, the first of which are killed.

import { type Client, startClient } from "../../src/client/client.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import type { Packet } from "../../src/packets/mod.ts";
import type { MemoryStore } from "./memory_store.ts";
import type { Connack, Peer } from "./peer.ts";
import { settle, type TestWorld, URL_OF_SERVER } from "./world.ts";

/** What a client with a store needs. */
export const OPTIONS = { clientId: "c", sessionExpiryInterval: 3600 } as const;

/** A client of a process, with its store. */
export async function begin(
  world: TestWorld,
  store: MemoryStore,
  connack: Connack = {},
  options: ConnectOptions = {},
): Promise<{ readonly client: Client; readonly peer: Peer; readonly cleanStart: boolean }> {
  const started = startClient(world, URL_OF_SERVER, { ...OPTIONS, store, ...options });
  const peer = await world.peer();
  const { cleanStart } = await peer.accept(connack);
  return { client: await world.adopt(await started), peer, cleanStart };
}

/** The process is killed: neither its connection nor its store hears of anything any more. */
export async function kill(client: Client, peer: Peer, store: MemoryStore): Promise<MemoryStore> {
  const next = store.kill();
  peer.far.cut();
  await settle();
  await client.disconnect();
  return next;
}

/** The packets in short. */
export function summary(packets: readonly Packet[]): string[] {
  return packets.map((packet) => {
    const id = "packetId" in packet ? ` ${packet.packetId}` : "";
    if (packet.type !== "publish") return `${packet.type}${id}`;
    return `publish${id} ${packet.topic}${packet.dup ? " dup" : ""}`;
  });
}

/** Does nothing, with what a promise that nobody awaits rejects with. */
export function none(): void {}
