// Our broker for the benchmark of transports, in a process of its own, listening in every way that it can. It takes its
// certificate as JSON in the first line of its standard input, prints its URLs as JSON, and ends when its standard input does.
// deno run --allow-all tests/bench/transport_broker.ts FOLDER

import { type ListenOptions, serve } from "../../src/broker/mod.ts";
import { linesOf } from "./child.ts";
import type { TransportName } from "./transport_servers.ts";

if (import.meta.main) {
  const lines = linesOf(Deno.stdin.readable);
  const { value } = await lines.next();
  const certificates: { ca: string; cert: string; key: string } | null = JSON.parse(value!);
  const listeners: [TransportName, ListenOptions][] = [
    ["tcp", { protocol: "mqtt", port: 0 }],
    ["ws", { protocol: "ws", port: 0 }],
    ["unix", { protocol: "mqtt+unix", socketPath: `${Deno.args[0]}/broker-${Deno.pid}.sock` }],
  ];
  if (certificates !== null) {
    const { ca, ...certificate } = certificates;
    listeners.push(
      ["tls", { protocol: "mqtts", port: 0, ...certificate }],
      ["wss", { protocol: "wss", port: 0, ...certificate }],
      ["mutual", {
        protocol: "mqtts",
        port: 0,
        ...certificate,
        ca,
        clientCertificate: "require",
      }],
    );
  }
  await using broker = await serve({ listeners: listeners.map(([, options]) => options) });
  const urls = broker.listeners.map(({ url }, index) => [listeners[index]![0], url]);
  console.log(JSON.stringify({ urls: Object.fromEntries(urls) }));
  for await (const _ of lines);
  Deno.exit();
}
