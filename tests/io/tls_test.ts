// What a client may ask of TLS: what a runtime would ignore in silence is refused before there is a
// connection.

import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { connect } from "../../mod.ts";
import { checkTlsOptions, type TlsOptions, tlsRequest } from "../../src/io/tls.ts";
import { certificateAuthority, opensslTest } from "./certificates.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

const WRONG: readonly (readonly [what: string, options: Record<string, unknown>, text: RegExp])[] =
  [
    [
      "an authority that is a path",
      { ca: "ca.pem" },
      /^tls\.ca has no certificate in PEM: expected/,
    ],
    ["an authority among several that is none", { ca: [PEM, ""] }, /^tls\.ca has no certificate/],
    [
      "an authority in bytes",
      { ca: new Uint8Array(1) },
      /^tls\.ca must be text in PEM, got object$/,
    ],
    ["a key as an authority", { ca: KEY }, /^tls\.ca has no certificate in PEM/],
    ["a certificate without a key", { cert: PEM }, /^tls\.cert and tls\.key go together/],
    ["a key without a certificate", { key: KEY }, /^tls\.cert and tls\.key go together/],
    ["a certificate that is a path", { cert: "a.pem", key: KEY }, /^tls\.cert has no certificate/],
    ["a key that is a path", { cert: PEM, key: "a.key" }, /^tls\.key has no private key in PEM/],
    [
      "a key that is encrypted",
      { cert: PEM, key: "-----BEGIN ENCRYPTED PRIVATE KEY-----" },
      /^tls\.key is encrypted, which is not supported; decrypt it with `openssl pkey`$/,
    ],
    [
      "a key that is encrypted in the old way",
      { cert: PEM, key: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n" },
      /^tls\.key is encrypted/,
    ],
    ["a certificate that cannot be read", { cert: PEM, key: KEY }, /^tls\.cert cannot be read: /],
    ["a protocol without a name", { alpn: [""] }, /^tls\.alpn must be names of 1 to 255 bytes/],
    [
      "a protocol with a long name",
      { alpn: "x".repeat(256) },
      /^tls\.alpn must be names of 1 to 25/,
    ],
    [
      "a protocol that is a number",
      { alpn: 1 },
      /^tls\.alpn must be names of 1 to 255 bytes, got 1/,
    ],
    [
      "a server name that is a URL",
      { serverName: "mqtts://a" },
      /^tls\.serverName must be a host n/,
    ],
    [
      "a server name with a space",
      { serverName: "a b" },
      /^tls\.serverName must be a host name, go/,
    ],
    [
      "a server name with a port",
      { serverName: "localhost:8883" },
      /^tls\.serverName must be a host name,/,
    ],
    [
      "no check at all",
      { verify: false },
      /^tls\.verify must be "host" or "chain only", got false$/,
    ],
    [
      "an unknown option",
      { rejectUnauthorized: false },
      /^Unknown option tls\.rejectUnauthorized$/,
    ],
  ];

for (const [what, options, text] of WRONG) {
  Deno.test(`connect() refuses ${what} before it connects`, async () => {
    const wrong = options as TlsOptions;
    assertMatch(assertThrows(() => checkTlsOptions(wrong), TypeError).message, text);
    const connecting = () => connect("mqtts://localhost:1", { tls: wrong });
    assertMatch((await assertRejects(connecting, TypeError)).message, text);
  });
}

opensslTest(
  "connect() refuses a key that is not the certificate's before it connects",
  async () => {
    const authority = await certificateAuthority();
    const { cert } = await authority.client();
    const { key } = await authority.server();
    await assertRejects(
      () => connect("mqtts://localhost:1", { tls: { cert, key } }),
      TypeError,
      "tls.key is not the private key of tls.cert",
    );
  },
);

Deno.test("connect() refuses TLS for a server that is reached without", async () => {
  for (const url of ["mqtt://localhost:1", "ws://localhost:1", "mqtt+unix:///run/mqtt.sock"]) {
    const message = "tls needs mqtts:// or wss://, which no URL here is";
    await assertRejects(() => connect(url, { tls: {} }), TypeError, message);
    await assertRejects(() => connect({ url, tls: {} }), TypeError, message);
  }
});

Deno.test("What is not said of TLS follows from the URL and from what is safe", () => {
  const nothing = { cert: undefined, key: undefined };
  assertEquals(tlsRequest({}, "broker.example"), {
    ...nothing,
    ...{ serverName: "broker.example", ca: [], alpn: [], verifiesHost: true },
  });
  const all = { ca: PEM, alpn: "mqtt", serverName: "::1", verify: "chain only" } as const;
  assertEquals(tlsRequest(all, "broker.example"), {
    ...nothing,
    ...{ serverName: "::1", ca: [PEM], alpn: ["mqtt"], verifiesHost: false },
  });
});
