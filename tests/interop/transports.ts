// The same test over every transport: TCP, TLS with and without a client certificate, WebSocket with
// and without TLS, a Unix socket.

import type { ServerAddress } from "../../mod.ts";
import { certificateAuthority, noOpenssl } from "../io/certificates.ts";
import {
  type Mosquitto,
  type MosquittoOptions,
  mosquittoTest,
  startMosquitto,
} from "../io/mosquitto.ts";
import { everyListener } from "../io/mosquitto_listeners.ts";
import { withinPatience } from "./interop.ts";

/** How a server is reached; `mutual` is TLS with a client certificate. */
export type Way = "mqtt" | "mqtts" | "mutual" | "ws" | "wss" | "unix";

/** Every way. */
export const EVERY_WAY: readonly Way[] = ["mqtt", "mqtts", "mutual", "ws", "wss", "unix"];

/** Without those on which Mosquitto lets 100 ms pass before each step. */
export const QUICK_WAYS: readonly Way[] = ["mqtt", "mqtts", "mutual", "unix"];

/** A server as it is reached by one of the ways. */
export interface Reached extends Pick<Mosquitto, "start" | "stop"> {
  /** What `connect()` is given. */
  readonly url: ServerAddress;
  /** Where it listens: a port of 127.0.0.1, or the path of a Unix socket. */
  readonly place: number | string;
  /** What `connect()` is given for a relay at another place. */
  urlAt(place: number | string): ServerAddress;
  /** The same server by plain TCP. */
  readonly plain: Mosquitto;
}

/** A test with a Mosquitto of its own, once for each way. */
export function everywhereTest(
  name: string,
  test: (server: Reached, way: Way) => Promise<void>,
  { over = EVERY_WAY, ...options }: MosquittoOptions & { readonly over?: readonly Way[] } = {},
): void {
  for (const way of over) {
    const lacks = way === "mqtt" || noOpenssl === undefined ? "" : ` (skipped: ${noOpenssl})`;
    mosquittoTest(`${name}${way === "mqtt" ? "" : `, over ${way}`}${lacks}`, async () => {
      if (lacks !== "") return;
      if (way === "mqtt") {
        await using plain = await startMosquitto(options);
        return await withinPatience(test(reached(plain), way));
      }
      const { [way]: listener } = await everyListener();
      await using plain = await startMosquitto({ ...options, listeners: { listener } });
      const tls = await tlsFor(way);
      const { listener: url } = plain.urls;
      await withinPatience(
        test(reached(plain, url, way === "unix" ? undefined : plain.ports.listener, tls), way),
      );
    }, options);
  }
}

async function tlsFor(way: Way) {
  if (way !== "mqtts" && way !== "mutual" && way !== "wss") return undefined;
  const authority = await certificateAuthority();
  return { ca: authority.cert, ...way === "mutual" && await authority.client() };
}

function reached(
  plain: Mosquitto,
  url = plain.url,
  port: number | undefined = plain.port,
  tls?: Awaited<ReturnType<typeof tlsFor>>,
): Reached {
  const place = url.startsWith("mqtt+unix:") ? new URL(url).pathname : port;
  const urlAt = (other: number | string) => {
    const there = url.replace(String(place), String(other));
    return tls === undefined ? there : { url: there, tls };
  };
  return {
    url: urlAt(place),
    place,
    urlAt,
    plain,
    start: () => plain.start(),
    stop: (signal) => plain.stop(signal),
  };
}
