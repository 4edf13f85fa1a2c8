// The servers of the benchmark of transports, as seen from the benchmark.

import { certificateAuthority, noOpenssl } from "../io/certificates.ts";
import { startMosquitto } from "../io/mosquitto.ts";
import { everyListener } from "../io/mosquitto_listeners.ts";
import { Child } from "./child.ts";
import type { Server } from "./server.ts";

/** What carries MQTT. `mutual` is TLS with a client certificate. */
export type TransportName = "tcp" | "tls" | "mutual" | "ws" | "wss" | "unix";

/** Where a server is, for each transport that there is here. */
export type Servers = Readonly<Partial<Record<TransportName, Server>>>;

/** Servers in one process, which disposing ends. */
export interface ServerProcess extends AsyncDisposable {
  /** For many messages together, none of which is answered. */
  readonly servers: Servers;
  /** For what waits for an answer: no delay of its own. */
  readonly prompt: Servers;
}

/** What the servers and the clients need to know each other; `undefined` where there is no openssl. */
export interface Certificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** Makes certificates; without openssl there are none. */
export async function makeCertificates(): Promise<Certificates | undefined> {
  if (noOpenssl !== undefined) return undefined;
  const authority = await certificateAuthority();
  const [server, client] = await Promise.all([authority.server(), authority.client()]);
  return { ca: authority.cert, server, client };
}

/** Starts `transport_peer.ts` or `transport_broker.ts`. */
export async function startServers(
  name: "peer" | "broker",
  folder: string,
  certificates: Certificates | undefined,
): Promise<ServerProcess> {
  const file = new URL(`transport_${name}.ts`, import.meta.url).pathname;
  const child = new Child(Deno.execPath(), ["run", "--allow-all", file, folder]);
  const told = certificates === undefined ? null : { ca: certificates.ca, ...certificates.server };
  await child.tell(JSON.stringify(told));
  const { urls, promptUrls = urls } = JSON.parse(await child.hear());
  return {
    servers: serversAt(urls, certificates),
    prompt: serversAt(promptUrls, certificates),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Starts Mosquitto, without WebSockets: there it does everything once in 100 ms. `undefined` where there is none. */
export async function startMosquittoServers(
  certificates: Certificates | undefined,
): Promise<ServerProcess | undefined> {
  if (certificates === undefined) return undefined;
  const { mqtts: tls, mutual, unix } = await everyListener();
  const configuration = ["set_tcp_nodelay true"];
  const started = startMosquitto({ configuration, listeners: { tls, mutual, unix } });
  const mosquitto = await started.catch(() => undefined);
  if (mosquitto === undefined) return undefined;
  const servers = serversAt({ tcp: mosquitto.url, ...mosquitto.urls }, certificates);
  return {
    servers,
    prompt: servers,
    [Symbol.asyncDispose]: () => mosquitto[Symbol.asyncDispose](),
  };
}

function serversAt(
  urls: Readonly<Record<string, string>>,
  certificates: Certificates | undefined,
): Servers {
  const ca = certificates?.ca ?? "";
  const tls = { tls: { ca }, wss: { ca }, mutual: { ca, ...certificates?.client } };
  const entries = Object.entries(urls).map(([name, url]) => {
    return [name, { url, tls: tls[name as keyof typeof tls] }] as const;
  });
  return Object.fromEntries(entries);
}
