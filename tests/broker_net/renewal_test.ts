// Certificates of the broker that are renewed while it runs.

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { certificateAuthority, otherAuthority } from "../io/certificates.ts";
import { type Credentials, tlsTest } from "./secure.ts";

const TWO = ({ cert, key }: Credentials) => ({
  listeners: [
    { protocol: "mqtts", port: 0, cert, key },
    { protocol: "wss", port: 0, cert, key },
  ],
} as const);

tlsTest(
  "A new certificate is for new connections; those that there are go on",
  async (broker, { ca }) => {
    const [mqtts, wss] = broker.listeners.map(({ url }) => url);
    await using first = await connect({ url: mqtts!, tls: { ca } }, { reconnect: false });
    await using second = await connect({ url: wss!, tls: { ca } }, { reconnect: false });
    const other = await otherAuthority();
    broker.setCertificate(await other.server());
    for (const url of [mqtts!, wss!]) {
      await assertRejects(() => connect({ url, tls: { ca } }, { reconnect: false }));
      await using _ = await connect({ url, tls: { ca: other.cert } }, { reconnect: false });
    }
    for (const client of [first, second]) {
      assertStrictEquals((await client.publish("a", "b", { qos: 2 })).reasonCode, 0x10);
    }
  },
  TWO,
);

tlsTest("A listener may have a new certificate of its own", async (broker, { ca }) => {
  const other = await otherAuthority();
  broker.listeners[1]!.setCertificate(await other.server());
  const [mqtts, wss] = broker.listeners.map(({ url }) => url);
  await using _first = await connect({ url: mqtts!, tls: { ca } }, { reconnect: false });
  await using _second = await connect({ url: wss!, tls: { ca: other.cert } }, { reconnect: false });
}, TWO);

tlsTest(
  "A wrong certificate is refused, and that of before holds",
  async (broker, { ca, cert, authority }) => {
    const { key } = await authority.server({ subject: "/CN=other" });
    const broken = cert.replace(/\n[\w+/]{10}/, "\n##########");
    for (
      const wrong of [{ cert: "x", key }, { cert, key: "x" }, { cert, key }, { cert: broken, key }]
    ) {
      assertThrows(() => broker.setCertificate(wrong), TypeError);
    }
    const unknown = { cert, key, prot: 3 };
    assertThrows(() => broker.setCertificate(unknown), TypeError, '"prot" of setCertificate()');
    for (const url of broker.listeners.map(({ url }) => url)) {
      await using _ = await connect({ url, tls: { ca } }, { reconnect: false });
    }
  },
  TWO,
);

tlsTest(
  "Authorities of clients are renewed with the certificate, or stay",
  async (broker, { ca, cert, key, authority }) => {
    const other = await otherAuthority();
    const [old, young] = [await authority.client(), await other.client()];
    const dial = async (certificate: typeof old) => {
      await using _ = await connect({ url: broker.url, tls: { ca, ...certificate } }, {
        reconnect: false,
      });
    };
    await dial(old);
    broker.setCertificate({ cert, key });
    await dial(old);
    await assertRejects(() => dial(young));
    broker.setCertificate({ cert, key, ca: other.cert });
    await dial(young);
    await assertRejects(() => dial(old));
    assertThrows(
      () => broker.setCertificate({ cert, key, ca: "x" }),
      TypeError,
      "ca has no certificate",
    );
    await dial(young);
  },
  ({ cert, key, ca }) => ({
    ...{ protocol: "mqtts", port: 0, cert, key, ca, clientCertificate: "require" } as const,
  }),
);

Deno.test("A broker without TLS has no certificate to renew", async () => {
  await using broker = await serve({ port: 0 });
  const { cert, key } = { cert: "x", key: "y" };
  assertThrows(() => broker.setCertificate({ cert, key }), TypeError, "no TLS listener");
  assertThrows(() => broker.listeners[0]!.setCertificate({ cert, key }), TypeError, "mqtt has no");
});

tlsTest(
  "What is wrong with a certificate is said before anything listens",
  async (_broker, { cert, key, ca }) => {
    const other = await (await certificateAuthority("Yet another")).server();
    const good = { protocol: "mqtts", port: 0, cert, key } as const;
    const cases = [
      [{ ...good, cert: "x" }, "cert has no certificate in PEM"],
      [{ ...good, key: "x" }, "key has no private key in PEM"],
      [{ ...good, key: other.key }, "key is not the private key of cert"],
      [{ ...good, cert: `${cert}${cert.slice(0, 100)}-----END CERTIFICATE-----` }, "number 2"],
      [{ ...good, clientCertificate: "require" }, "ca must be text in PEM"],
      [{ ...good, clientCertificate: "request", ca: "x" }, "ca has no certificate in PEM"],
      [{ ...good, ca }, "ca is for clientCertificate"],
    ] as const;
    for (const [options, message] of cases) {
      await assertRejects(() => serve(options), TypeError, message);
    }
    assertEquals(cases.length, 7);
  },
  () => ({ listeners: [] }),
);
