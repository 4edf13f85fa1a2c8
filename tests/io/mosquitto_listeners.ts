// The listeners of a Mosquitto beside its first: TLS, WebSocket, both, and a Unix socket.

import {
  type Certificate,
  type CertificateAuthority,
  certificateAuthority,
} from "./certificates.ts";

/** A listener of Mosquitto. */
export type MosquittoListener = OpenListener | SecureListener;

/** A listener for who can reach it. */
export interface OpenListener {
  readonly protocol: "mqtt" | "ws" | "mqtt+unix";
  /** More lines for its part of the configuration. */
  readonly configuration?: readonly string[];
}

/** A listener with TLS. */
export interface SecureListener {
  readonly protocol: "mqtts" | "wss";
  /** What it shows to its clients. */
  readonly certificate: Certificate;
  /** Whose certificates it wants its clients to have; without, it asks for none. */
  readonly clients?: CertificateAuthority;
  /** Whether the Common Name of a client's certificate is its User Name. */
  readonly identityIsUsername?: boolean;
  /** More lines for its part of the configuration, such as `tls_version tlsv1.2`. */
  readonly configuration?: readonly string[];
}

/** What a listener has to do with its folder and its port. */
export interface ListenerPlace {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
}

/** A listener of every kind, with certificates of the authority of the tests. */
export async function everyListener(): Promise<
  Record<"mqtts" | "mutual" | "ws" | "wss" | "unix", MosquittoListener>
> {
  const authority = await certificateAuthority();
  const certificate = await authority.server();
  return {
    mqtts: { protocol: "mqtts", certificate },
    mutual: { protocol: "mqtts", certificate, clients: authority, identityIsUsername: true },
    ws: { protocol: "ws" },
    wss: { protocol: "wss", certificate },
    unix: { protocol: "mqtt+unix" },
  };
}

/** The URL of a listener. With TLS it has a name: an IP address would not be sent (RFC 6066 §3). */
export function listenerUrl(
  { protocol }: MosquittoListener,
  { name, folder, port }: ListenerPlace,
): string {
  switch (protocol) {
    case "mqtt":
      return `mqtt://127.0.0.1:${port}`;
    case "ws":
      return `ws://127.0.0.1:${port}/mqtt`;
    case "mqtts":
      return `mqtts://localhost:${port}`;
    case "wss":
      return `wss://localhost:${port}/mqtt`;
    case "mqtt+unix":
      return `mqtt+unix://${folder}/${name}.socket`;
  }
}

/** The lines of a listener, and the files that they name. */
export async function configureListener(
  listener: MosquittoListener,
  { name, folder, port }: ListenerPlace,
): Promise<string[]> {
  const { protocol, configuration = [] } = listener;
  const lines = [
    protocol === "mqtt+unix" ? `listener 0 ${folder}/${name}.socket` : `listener ${port} 127.0.0.1`,
  ];
  if (protocol === "ws" || protocol === "wss") lines.push("protocol websockets");
  if (protocol === "mqtts" || protocol === "wss") {
    const { certificate, clients, identityIsUsername = false } = listener;
    const file = async (what: string, text: string) => {
      await Deno.writeTextFile(`${folder}/${name}.${what}`, text);
      lines.push(`${what} ${folder}/${name}.${what}`);
    };
    await file("certfile", certificate.cert);
    await file("keyfile", certificate.key);
    if (clients !== undefined) {
      await file("cafile", clients.cert);
      lines.push("require_certificate true");
    }
    if (identityIsUsername) lines.push("use_identity_as_username true");
  }
  return [...lines, ...configuration];
}

/**
 * Whether something takes connections where the URL leads. Of a Unix socket it is only known that
 * it is there: to connect to one takes a permission for that very path, which no test has.
 */
export async function accepts(url: string): Promise<boolean> {
  const { protocol, pathname, port } = new URL(url);
  try {
    if (protocol === "mqtt+unix:") return (await Deno.stat(pathname)).isSocket === true;
    (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
