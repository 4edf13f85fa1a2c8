// What a client says of servers whose TLS is not as it should be: by Deno's own TLS, and by that of
// Node's modules, which is used with a client certificate.

import type { TlsOptions } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import {
  type Certificate,
  certificateAuthority,
  COMMON_NAME_ONLY,
  EXPIRED,
  IP_ONLY,
  NOT_YET_VALID,
  opensslTest,
  otherAuthority,
  selfSigned,
  WRONG_HOST,
} from "./certificates.ts";
import { assertVerdict, type FaultyServer, type Verdict } from "./dial_faults.ts";
import { type OpensslServerOptions, startOpensslServer, UNKNOWN_CIPHER } from "./openssl_server.ts";
import { silentServer } from "./silent_server.ts";

type Path = "Deno's own TLS" | "node:tls";

interface Case {
  readonly name: string;
  readonly start: (tls: TlsOptions) => Promise<FaultyServer>;
  readonly verdict: Omit<Verdict, "cause">;
  /** The cause by each of the two; without, it is not met there. */
  readonly causes: Readonly<Partial<Record<Path, string | RegExp | undefined>>>;
  readonly connectTimeout?: number;
}

const CANNOT = "Cannot connect to {address}: ";

/** Our broker with a certificate, and a client with more options, that asks for it by a name. */
function certified(
  certificate: () => Promise<Certificate>,
  { host = "localhost", tls: more = {} }: {
    readonly host?: string;
    readonly tls?: TlsOptions | (() => Promise<TlsOptions>);
  } = {},
): Case["start"] {
  return async (tls) => {
    const broker = await serve({ protocol: "mqtts", port: 0, ...await certificate() });
    const address = `${host}:${broker.port}`;
    const own = typeof more === "function" ? await more() : more;
    return {
      server: { url: `mqtts://${address}`, tls: { ...tls, ...own } },
      address,
      [Symbol.asyncDispose]: () => broker.shutDown(),
    };
  };
}

/** A server of openssl's, and a client with more options. */
function odd(
  options: Partial<OpensslServerOptions> | (() => Promise<Partial<OpensslServerOptions>>),
  more: () => Promise<TlsOptions> | TlsOptions = () => ({}),
): Case["start"] {
  return async (tls) => {
    const certificate = await (await certificateAuthority()).server();
    const server = await startOpensslServer({
      certificate,
      ...typeof options === "function" ? await options() : options,
    });
    return {
      server: { url: server.url, tls: { ...tls, ...await more() } },
      address: `localhost:${server.port}`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  };
}

const ours = certificateAuthority;

function certificate(message: string): Case["verdict"] {
  return { message: CANNOT + message, code: "certificate", kind: "configuration" };
}

function clientCertificate(message: string): Case["verdict"] {
  return { message: CANNOT + message, code: "client certificate", kind: "configuration" };
}

function tls(message: string): Case["verdict"] {
  return { message: CANNOT + message, code: "tls", kind: "configuration" };
}

const CERTIFICATES: readonly Case[] = [
  {
    name: "has expired",
    start: certified(async () => (await ours()).server(EXPIRED)),
    verdict: certificate(
      "the server's certificate has expired; have it renewed, or set this machine's clock",
    ),
    causes: both(/^invalid peer certificate: certificate expired/),
  },
  {
    name: "is not valid yet",
    start: certified(async () => (await ours()).server(NOT_YET_VALID)),
    verdict: certificate(
      "the server's certificate is not valid yet; check the clocks of both machines",
    ),
    causes: both(/^invalid peer certificate: certificate not valid yet/),
  },
  {
    name: "is for another host",
    start: certified(async () => (await ours()).server(WRONG_HOST)),
    verdict: certificate(
      `the server's certificate is not for "localhost", but for other.example; connect by a ` +
        "name that it is for, or give that as tls.serverName",
    ),
    causes: named("localhost"),
  },
  {
    name: "is not for the name that is asked for",
    start: certified(async () => (await ours()).server({ names: ["localhost"] }), {
      tls: { serverName: "broker.example" },
    }),
    verdict: certificate(
      `the server's certificate is not for "broker.example", but for localhost; connect by a ` +
        "name that it is for, or give that as tls.serverName",
    ),
    causes: named("broker.example"),
  },
  {
    name: "is for an address, and asked for by a name",
    start: certified(async () => (await ours()).server(IP_ONLY)),
    verdict: certificate(
      `the server's certificate is not for "localhost", but for 127.0.0.1; connect by a name ` +
        "that it is for, or give that as tls.serverName",
    ),
    causes: named("localhost"),
  },
  {
    name: "is for a name, and asked for by an address",
    start: certified(async () => (await ours()).server(WRONG_HOST), { host: "127.0.0.1" }),
    verdict: certificate(
      `the server's certificate is not for "127.0.0.1", but for other.example; connect by a ` +
        "name that it is for, or give that as tls.serverName",
    ),
    causes: named("127.0.0.1"),
  },
  {
    name: "names its host in the Common Name alone",
    start: certified(async () => (await ours()).server(COMMON_NAME_ONLY)),
    verdict: certificate(
      "the server's certificate has a Common Name alone; have it issued with the host name as " +
        "Subject Alternative Name",
    ),
    causes: both(/is not valid for any names/),
  },
  {
    name: "is of an authority that nobody knows",
    start: certified(async () => (await otherAuthority()).server()),
    verdict: certificate(
      "the server's certificate was issued by an authority that is not trusted here; give the " +
        "authority's certificate as tls.ca",
    ),
    causes: both("invalid peer certificate: UnknownIssuer"),
  },
  {
    name: "is that of an authority, signed by itself, and trusted",
    start: certified(selfSignedOnce, { tls: async () => ({ ca: (await selfSignedOnce()).cert }) }),
    verdict: certificate(
      "the server uses the certificate of an authority as its own, as `openssl req -x509` makes " +
        "it; have one made with CA:FALSE",
    ),
    // Node's TLS takes it.
    causes: { "Deno's own TLS": /CaUsedAsEndEntity/ },
  },
  {
    name: "is signed by itself, and not trusted",
    start: certified(selfSignedOnce),
    verdict: certificate(
      "the server's certificate was issued by an authority that is not trusted here; give the " +
        "authority's certificate as tls.ca",
    ),
    causes: { "node:tls": "DEPTH_ZERO_SELF_SIGNED_CERT" },
  },
  {
    name: "is one for clients",
    start: certified(async () => (await ours()).client({ names: ["localhost"] })),
    verdict: certificate(
      "the server's certificate is not one for servers; have it issued for server authentication",
    ),
    causes: both(/does not allow extended key usage for server authentication/),
  },
];

const REQUIRED = "the server requires a client certificate; give one as tls.cert and tls.key";
const HANDSHAKE_FAILURE =
  "the server refused the TLS handshake; it may require a client certificate (tls.cert and " +
  "tls.key), or ciphers that are not safe any more";
const OLD = "the server speaks no TLS from version 1.2 on; it must be updated";
const NO_PROTOCOL = "the server takes none of the protocols of tls.alpn; check their names";

function refused(why: string): Case["verdict"] {
  return clientCertificate(
    `the server does not accept the client certificate: ${why}; check tls.cert and tls.key`,
  );
}

const CLIENT_CERTIFICATES: readonly Case[] = (["1.2", "1.3"] as const).flatMap((version) => {
  const asking = async () => ({ version, clients: await ours() });
  const only = (path: Path, cause: string | RegExp) => ({ [path]: cause });
  return [
    {
      name: `wants a client certificate by TLS ${version}, and gets none`,
      start: odd(asking),
      verdict: version === "1.2" ? tls(HANDSHAKE_FAILURE) : clientCertificate(REQUIRED),
      causes: only("Deno's own TLS", /^received fatal alert: (HandshakeF|CertificateR)/),
    },
    {
      name: `wants a client certificate by TLS ${version}, and gets one of another authority`,
      start: odd(asking, async () => ({ ...await (await otherAuthority()).client() })),
      verdict: refused("it does not know the authority"),
      causes: only("node:tls", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"),
    },
    {
      name: `wants a client certificate by TLS ${version}, and gets one that has expired`,
      start: odd(asking, async () => ({ ...await (await ours()).client(EXPIRED) })),
      verdict: refused("it has expired"),
      causes: only("node:tls", "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"),
    },
    {
      name: `wants a client certificate by TLS ${version}, and gets that of a server`,
      start: odd(asking, async () => ({ ...await (await ours()).server() })),
      verdict: refused("it is not valid for this server"),
      causes: only("node:tls", "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"),
    },
  ];
});

/** A ServerHello of TLS 1.2 (RFC 5246, §7.4.1.3) with the protocol `h2` (RFC 7301, §3.1). */
const HELLO_WITH_H2 = Uint8Array.from([
  ...[0x16, 3, 3, 0, 53],
  ...[0x02, 0, 0, 49],
  ...[3, 3, ...new Array(32).fill(7), 0, 0xc0, 0x2b, 0],
  ...[0, 9, 0, 0x10, 0, 5, 0, 3, 2, 0x68, 0x32],
]);

const SERVERS: readonly Case[] = [
  {
    name: "speaks none of the protocols",
    start: odd({ alpn: ["x-other"] }, () => ({ alpn: ["mqtt", "x-amzn-mqtt-ca"] })),
    verdict: tls(NO_PROTOCOL),
    causes: both("received fatal alert: NoApplicationProtocol"),
  },
  {
    name: "answers with another protocol",
    start: (tls) => Promise.resolve(answering({ ...tls, alpn: "mqtt" }, HELLO_WITH_H2)),
    verdict: tls("the server chose a protocol that tls.alpn does not offer"),
    causes: both("peer misbehaved: SelectedUnofferedApplicationProtocol"),
  },
  {
    name: "breaks the rules",
    start: (tls) => Promise.resolve(answering(tls, HELLO_WITH_H2)),
    verdict: tls("the server breaks the rules of TLS: UnsolicitedServerHelloExtension"),
    causes: both("peer misbehaved: UnsolicitedServerHelloExtension"),
  },
  {
    name: "is too old",
    start: odd({ version: "1.1" }),
    verdict: tls(OLD),
    causes: both("received fatal alert: ProtocolVersion"),
  },
  {
    name: "knows no cipher that is safe",
    start: odd({ version: "1.2", args: UNKNOWN_CIPHER }),
    verdict: tls(HANDSHAKE_FAILURE),
    causes: both("received fatal alert: HandshakeFailure"),
  },
  {
    name: "closes the connection at once",
    start: (tls) => Promise.resolve(answering(tls)),
    verdict: {
      message: CANNOT +
        "the server closed the connection during the TLS handshake; check that this is its port " +
        "for TLS, and whether it requires a client certificate",
      code: "closed",
      kind: "transient",
    },
    causes: { "Deno's own TLS": "UnexpectedEof", "node:tls": "ECONNRESET" },
  },
  {
    name: "never answers",
    start: (tls) => {
      const silent = silentServer();
      const address = `localhost:${silent.port}`;
      return Promise.resolve({ ...silent, server: { url: `mqtts://${address}`, tls }, address });
    },
    connectTimeout: 50,
    verdict: {
      message:
        "{address} did not accept the connection within 50 ms; check the address, and that " +
        "it is a server of MQTT 5.0",
      code: "timeout",
      kind: "transient",
    },
    causes: both(undefined),
  },
];

for (
  const [what, cases] of [
    ["whose certificate ", CERTIFICATES],
    ["that ", CLIENT_CERTIFICATES],
    ["that ", SERVERS],
  ] as const
) {
  for (const { name, start, verdict, causes, connectTimeout } of cases) {
    for (const [path, cause] of Object.entries(causes)) {
      opensslTest(
        `A server of TLS ${what}${name} is told of in one sentence by ${path}`,
        async () => {
          const authority = await ours();
          const identity = path === "node:tls" ? await authority.client() : {};
          const tls = { ca: authority.cert, ...identity };
          await assertVerdict(
            () => start(tls),
            { ...verdict, ...cause !== undefined && { cause } },
            connectTimeout === undefined ? {} : { connectTimeout },
          );
        },
      );
    }
  }
}

function both(cause: string | RegExp | undefined): Case["causes"] {
  const said = typeof cause === "string" ? new RegExp(`^${cause}$`) : cause;
  return { "Deno's own TLS": said, "node:tls": said };
}

function named(name: string): Case["causes"] {
  return {
    "Deno's own TLS": new RegExp(
      `^invalid peer certificate: certificate not valid for name "${name}"`,
    ),
    "node:tls": "ERR_TLS_CERT_ALTNAME_INVALID",
  };
}

let own: Promise<Certificate> | undefined;

/** The same each time. */
function selfSignedOnce(): Promise<Certificate> {
  return own ??= selfSigned();
}

/** A server that says something when it has heard the client, and closes. */
function answering(tls: TlsOptions, answer = new Uint8Array(0)): FaultyServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) {
      // Unread, it would make the system answer with a reset.
      await connection.read(new Uint8Array(4096));
      if (answer.length > 0) await connection.write(answer);
      connection.close();
    }
  })();
  const address = `localhost:${listener.addr.port}`;
  return {
    server: { url: `mqtts://${address}`, tls },
    address,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}
