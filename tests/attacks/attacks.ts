// What a stranger may do to a broker without logging in: each attack goes on until it is told to end, whatever the broker
// says to it. Sent only to 127.0.0.1, by a process of its own.
// deno run --allow-net=127.0.0.1 tests/attacks/attacks.ts NAME PORT TLS-PORT MILLISECONDS

import { type ConnectInit, encodePacket, type PacketInit } from "../../mod.ts";
import { AttackLink, count, dial, type Field, type LinkOptions, rest, writeAll } from "./link.ts";

/** Attacks by their names. */
export const ATTACKS = {
  "flood at QoS 0, 50 subscribers that do not read": flood,
  "SUBSCRIBE with 4,000,000 filters": manyFilters,
  "100,000 retained, 100 filters that match none": searchRetained,
  "Receive Maximum 1, no PUBACK, 10,000 filters": neverAcknowledge,
  "16 MB of tiny User Properties": tinyProperties,
  "15 clients, 10,000 filters, 128 levels": manyLevels,
  "100,000 retained of 128 levels": retainedLevels,
  "2,500 retained of 1 MB": retainedMegabytes,
  "60 KB of User Properties, session offline": offlineProperties,
  "120,000 sessions": manySessions,
  "sessions, Client Identifiers of 65,000 bytes": longIdentifiers,
  "150 CONNECT of 16 MiB, not whole": hugeConnects,
  "TLS handshakes never finished": halfHandshakes,
  "hooks that never answer": hangingHooks,
  "wrong passwords, 50 at a time": wrongPasswords,
} as const satisfies Readonly<Record<string, (field: Field) => Promise<void>>>;

/** The name of an attack. */
export type AttackName = keyof typeof ATTACKS;

/** Attacks that need hooks, which Mosquitto does not have. */
export const ONLY_OURS: readonly AttackName[] = ["hooks that never answer"];

/** What Client Identifiers begin with whose hooks never answer. */
export const HANGING = "hanging-";

/** The only user with a password; all others have no User Name. */
export const USER = "user";

/** The longest that a session may be asked for. */
const FOREVER = { sessionExpiryInterval: 0xffff_ffff } as const;

/** Milliseconds between two tries. */
const BETWEEN = 50;

const PAYLOAD = new Uint8Array(100);

if (import.meta.main) {
  const [name, port, tlsPort, milliseconds] = Deno.args;
  const field: Field = {
    port: Number(port),
    tlsPort: Number(tlsPort),
    signal: AbortSignal.timeout(Number(milliseconds)),
    tally: new Map(),
  };
  await ATTACKS[name as AttackName](field);
  console.log(JSON.stringify(Object.fromEntries(field.tally)));
  Deno.exit();
}

/** Connects again and again, and does the same on each connection, until the end of the attack. */
async function again(
  field: Field,
  init: Partial<ConnectInit>,
  work: (link: AttackLink, round: number) => Promise<unknown>,
  options?: LinkOptions,
): Promise<void> {
  for (let round = 0; !field.signal.aborted; round++) {
    using link = await AttackLink.open(field, init, options);
    if (link !== undefined) await work(link, round);
    await rest(field, BETWEEN);
  }
}

/** The numbers from 0, as many as it says. */
function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, index) => index);
}

/** Bytes over and over, about so many in all. */
function repeated(bytes: Uint8Array, total: number): Uint8Array {
  const times = Math.floor(total / bytes.length);
  const all = new Uint8Array(times * bytes.length);
  for (let index = 0; index < times; index++) all.set(bytes, index * bytes.length);
  return all;
}

/** A packet of that fixed header's first byte, with so much in it. */
function packetOf(first: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = [first, ...variable(length)];
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  let at = header.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** As many as a broker checks: each takes the time of 100,000 iterations. */
async function wrongPasswords(field: Field): Promise<void> {
  const guessing = upTo(50).map((index) => {
    const password = new TextEncoder().encode(`guess-${index}`);
    return again(field, { clientId: `guess-${index}`, username: USER, password }, (link) => {
      return link.settled();
    });
  });
  await Promise.all(guessing);
}

/** A Variable Byte Integer (§1.5.5). */
function variable(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...variable(Math.floor(value / 128))];
}

function publish(topic: string, more: Partial<PacketInit & { type: "publish" }> = {}): Uint8Array {
  return encodePacket({ type: "publish", topic, payload: PAYLOAD, ...more });
}

async function flood(field: Field): Promise<void> {
  const subscribers = upTo(50).map((index) =>
    again(field, { clientId: `deaf-${index}` }, async (link) => {
      const subscriptions = [{ topicFilter: "flood" }];
      await link.send({ type: "subscribe", packetId: 1, subscriptions });
      // Until the end, or until the broker has had enough, which shows when something is written.
      while (await link.send({ type: "pingreq" })) {
        await rest(field, 1000);
        if (field.signal.aborted) break;
      }
    }, { reads: false })
  );
  const block = repeated(publish("flood"), 65_536);
  const publisher = again(field, { clientId: "flood" }, async (link) => {
    while (await link.send(block));
  });
  await Promise.all([publisher, ...subscribers]);
}

async function manyFilters(field: Field): Promise<void> {
  const filters = repeated(Uint8Array.of(0, 1, 0x61, 0), 16_000_000);
  const subscribe = packetOf(0x82, Uint8Array.of(0, 1, 0), filters);
  await again(field, { clientId: "filters" }, async (link) => {
    await link.ask(subscribe);
    await link.settled();
  });
}

/** Retains so many messages, and says no more. */
function retain(field: Field, clientId: string, total: number, topicOf: (index: number) => string) {
  return again(field, { clientId }, async (link) => {
    for (let index = 0; index < total && !link.isClosed; index++) {
      const packet = publish(topicOf(index), { qos: 1, packetId: 1 + index % 100, retain: true });
      if (!await link.ask(packet, 50)) return;
    }
    await link.settled();
    // They are there.
    await rest(field, 2000);
  });
}

async function searchRetained(field: Field): Promise<void> {
  const filling = retain(field, "fill", 100_000, (index) => `r/${index}/${index % 7}/x`);
  const subscriptions = upTo(100).map((index) => ({ topicFilter: `+/+/+/none-${index}` }));
  const searching = upTo(5).map((index) =>
    again(field, { clientId: `search-${index}` }, async (link) => {
      while (await link.ask({ type: "subscribe", packetId: 1, subscriptions }));
    })
  );
  await Promise.all([filling, ...searching]);
}

async function neverAcknowledge(field: Field): Promise<void> {
  const filling = retain(field, "waits", 1000, (index) => `w/${index}`);
  const waiting = upTo(20).map((index) => {
    const properties = { receiveMaximum: 1, ...FOREVER };
    return again(field, { clientId: `waits-${index}`, properties }, async (link) => {
      for (let first = 0; first < 10_000; first += 500) {
        // Each of them matches all, in a way of its own.
        const subscriptions = upTo(500).map((next) =>
          ({
            topicFilter: (first + next) % 2 === 0 ? `w/${first + next}` : `+/${first + next}`,
            qos: 1,
          }) as const
        );
        if (!await link.ask({ type: "subscribe", packetId: 1, subscriptions })) return;
      }
      while (await link.ask({ type: "pingreq" })) {
        await rest(field, 1000);
        if (field.signal.aborted) break;
      }
    });
  });
  await Promise.all([filling, ...waiting]);
}

async function tinyProperties(field: Field): Promise<void> {
  const properties = repeated(Uint8Array.of(0x26, 0, 0, 0, 0), 16_000_000);
  const head = Uint8Array.of(0, 1, 0x70, ...variable(properties.length));
  const packet = packetOf(0x30, head, properties);
  await again(field, { clientId: "properties" }, async (link) => {
    while (await link.send(packet));
  });
}

/** 128 levels of which the first is its own. */
function deep(first: string): string {
  return `${first}${"/a".repeat(127)}`;
}

async function manyLevels(field: Field): Promise<void> {
  await Promise.all(
    upTo(15).map((client) =>
      again(field, { clientId: `levels-${client}`, properties: FOREVER }, async (link) => {
        for (let first = 0; first < 10_000; first += 100) {
          const subscriptions = upTo(100).map((next) => ({
            topicFilter: deep(`${client}-${first + next}`),
          }));
          if (!await link.ask({ type: "subscribe", packetId: 1, subscriptions })) return;
        }
        await link.settled();
        await rest(field, 2000);
      })
    ),
  );
}

async function retainedLevels(field: Field): Promise<void> {
  await retain(field, "deep", 100_000, (index) => deep(`l-${index}`));
}

async function retainedMegabytes(field: Field): Promise<void> {
  const payload = new Uint8Array(1_000_000);
  await again(field, { clientId: "megabytes" }, async (link) => {
    for (let index = 0; index < 2500 && !link.isClosed; index++) {
      const more = { payload, qos: 1, packetId: 1 + index % 100, retain: true } as const;
      if (!await link.ask(publish(`m/${index}`, more), 4)) return;
    }
    await link.settled();
  });
}

async function offlineProperties(field: Field): Promise<void> {
  const subscriptions = [{ topicFilter: "offline", qos: 1 }] as const;
  for (let subscribed = false; !subscribed && !field.signal.aborted;) {
    using link = await AttackLink.open(field, { clientId: "offline", properties: FOREVER });
    if (link !== undefined) {
      await link.ask({ type: "subscribe", packetId: 1, subscriptions });
      subscribed = await link.settled();
    } else await rest(field, BETWEEN);
  }
  const properties = { userProperties: [["x", "y".repeat(60_000)]] } as const;
  const packet = publish("offline", { qos: 1, packetId: 1, properties });
  await again(field, { clientId: "stuffs" }, async (link) => {
    while (await link.ask(packet));
  });
}

/** Leaves sessions behind, until the end of the attack. */
async function leaveSessions(
  field: Field,
  total: number,
  nameOf: (index: number) => string,
): Promise<void> {
  let index = 0;
  const disconnect = encodePacket({ type: "disconnect" });
  await Promise.all(
    upTo(50).map(async () => {
      const buffer = new Uint8Array(64);
      while (!field.signal.aborted) {
        const clientId = nameOf(index++ % total);
        const connection = await dial(field);
        if (connection === undefined) {
          await rest(field, BETWEEN);
          continue;
        }
        const connect = encodePacket({
          ...{ type: "connect", clientId, cleanStart: false, properties: FOREVER },
        });
        const close = () => connection.close();
        field.signal.addEventListener("abort", close);
        await writeAll(connection, connect);
        const length = await connection.read(buffer).catch(() => null);
        // §3.2: the Reason Code of a CONNACK.
        const code = length === null ? undefined : buffer[3]!;
        if (code === 0) await writeAll(connection, disconnect);
        field.signal.removeEventListener("abort", close);
        if (field.signal.aborted) break;
        connection.close();
        if (code === 0) continue;
        count(
          field,
          code === undefined ? "closed" : `connack 0x${code.toString(16).toUpperCase()}`,
        );
        await rest(field, BETWEEN);
      }
    }),
  );
}

function manySessions(field: Field): Promise<void> {
  return leaveSessions(field, 120_000, (index) => `s-${index}`);
}

function longIdentifiers(field: Field): Promise<void> {
  return leaveSessions(field, 5000, (index) => `${index}`.padStart(6, "0") + "x".repeat(65_000));
}

async function hugeConnects(field: Field): Promise<void> {
  const pair = Uint8Array.of(0x26, 0, 1, 0x61, 0xff, 0xff, ...new Uint8Array(65_535).fill(0x62));
  const properties = repeated(pair, 16_700_000);
  const head = [0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, ...variable(properties.length)];
  const packet = packetOf(0x10, Uint8Array.from(head), properties, Uint8Array.of(0, 1, 0x68));
  // Its last byte never comes.
  await manyHeld(field, 150, field.port, packet.subarray(0, -1));
}

function halfHandshakes(field: Field): Promise<void> {
  return manyHeld(field, 1000, field.tlsPort, Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3));
}

/** Opens so many connections, sends the same on each, and holds it until the broker closes it; then the next one. */
async function manyHeld(
  field: Field,
  total: number,
  port: number,
  bytes: Uint8Array,
): Promise<void> {
  await Promise.all(
    upTo(total).map(async () => {
      while (!field.signal.aborted) {
        const connection = await dial(field, port);
        if (connection === undefined) {
          await rest(field, BETWEEN);
          continue;
        }
        const close = () => connection.close();
        field.signal.addEventListener("abort", close);
        await writeAll(connection, bytes);
        const buffer = new Uint8Array(1024);
        while (await connection.read(buffer).catch(() => null) !== null);
        field.signal.removeEventListener("abort", close);
        if (!field.signal.aborted) {
          count(field, "closed");
          connection.close();
          await rest(field, BETWEEN);
        }
      }
    }),
  );
}

async function hangingHooks(field: Field): Promise<void> {
  await Promise.all(
    upTo(500).map(async (index) => {
      const connect = encodePacket({ type: "connect", clientId: `${HANGING}${index}` });
      while (!field.signal.aborted) {
        const connection = await dial(field);
        if (connection === undefined) {
          await rest(field, BETWEEN);
          continue;
        }
        await writeAll(connection, connect);
        // Every other one waits, the others go while the hook is still asked.
        const close = () => connection.close();
        field.signal.addEventListener("abort", close);
        if (index % 2 === 0) await connection.read(new Uint8Array(64)).catch(() => null);
        else await rest(field, 500);
        field.signal.removeEventListener("abort", close);
        if (!field.signal.aborted) connection.close();
      }
    }),
  );
}
