// What it costs to reach the broker by each of its listeners: how long from the first SYN to CONNACK, and the memory of a
// connection that is idle. It judges nothing: it prints. Nagle's algorithm would show as 40 ms and more.
// deno run --allow-env --allow-net=127.0.0.1 --allow-read --allow-run --allow-write tests/bench/listeners.ts

import { connect, type TlsOptions } from "../../mod.ts";
import { type ListenOptions, serve } from "../../src/broker/mod.ts";
import { Child } from "./child.ts";
import { median, table } from "./harness.ts";

/** Connections that are timed, one after the other. */
const TIMED = 100;

/** Connections that are open at the same time, and weighed. */
const WEIGHED = 1000;

if (import.meta.main) {
  if (Deno.args.length === 0) await compareListeners();
  else await serveUntilTold(JSON.parse(Deno.args[0]!));
}

async function compareListeners(): Promise<void> {
  // It looks for openssl, which the broker's process may not.
  const { certificateAuthority } = await import("../io/certificates.ts");
  const authority = await certificateAuthority();
  const ca = authority.cert;
  const server = await authority.server();
  const client = await authority.client();
  const listeners: [name: string, ListenOptions, TlsOptions | undefined][] = [
    ["mqtt", { protocol: "mqtt" }, undefined],
    ["mqtts", { protocol: "mqtts", ...server }, { ca }],
    [
      "mqtts, client certificate",
      { protocol: "mqtts", ...server, ca, clientCertificate: "require" },
      { ca, ...client },
    ],
    ["ws", { protocol: "ws" }, undefined],
    ["wss", { protocol: "wss", ...server }, { ca }],
  ];
  const line = table(listeners.map(([name]) => name));
  line("", "CONNACK", "slowest", "memory");
  for (const [name, options, tls] of listeners) {
    line(name, ...await measure(options, tls));
  }
}

async function measure(options: ListenOptions, tls: TlsOptions | undefined): Promise<string[]> {
  const self = new URL(import.meta.url).pathname;
  await using broker = new Child(Deno.execPath(), [
    ...["run", "--v8-flags=--expose-gc", "--allow-env", "--allow-net=127.0.0.1", self],
    JSON.stringify(options),
  ]);
  const url = await broker.hear();
  const dial = () => connect(tls === undefined ? url : { url, tls }, { reconnect: false });
  const times: number[] = [];
  for (let count = 0; count < TIMED; count++) {
    const start = performance.now();
    const client = await dial();
    times.push(performance.now() - start);
    await client.disconnect();
  }
  const resident = async () => {
    await broker.tell("");
    return Number(await broker.hear());
  };
  const before = await resident();
  const clients = [];
  for (let count = 0; count < WEIGHED; count++) clients.push(await dial());
  const bytes = (await resident() - before) / WEIGHED;
  await Promise.all(clients.map((client) => client.disconnect()));
  return [
    `${median(times).toFixed(2)} ms`,
    `${Math.max(...times).toFixed(1)} ms`,
    `${(bytes / 1e3).toFixed(1)} kB`,
  ];
}

/** Serves, and tells at each line how much memory it has. */
async function serveUntilTold(options: ListenOptions): Promise<void> {
  await using broker = await serve({ ...options, port: 0 });
  console.log(broker.url);
  const { gc } = globalThis as unknown as { readonly gc: () => void };
  for await (const _ of Deno.stdin.readable) {
    gc();
    console.log(Deno.memoryUsage().rss);
  }
}
