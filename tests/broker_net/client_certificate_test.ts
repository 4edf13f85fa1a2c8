// Clients that show a certificate, and clients that should.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Client, connect, RefusedError, type TlsOptions } from "../../mod.ts";
import type { Broker, ClientInfo, ServeOptions } from "../../src/broker/mod.ts";
import {
  type Certificate,
  certificateFiles,
  EXPIRED,
  NOT_YET_VALID,
  otherAuthority,
} from "../io/certificates.ts";
import { connectMqttJs } from "../interop/mqttjs.ts";
import { isInstalled, until } from "./broker_net.ts";
import { run } from "./mosquitto_clients.ts";
import { type Credentials, fileOf, tlsTest } from "./secure.ts";

/** Whom the hooks have been told of, by their Client Identifiers. */
const seen = new Map<string, ClientInfo>();

function options(
  protocol: "mqtts" | "wss",
  more: Pick<ServeOptions, "clientCertificate" | "certificateUsername">,
): (credentials: Credentials) => ServeOptions {
  return ({ cert, key, ca }) => ({
    ...{ protocol, port: 0, cert, key, ca, ...more },
    onConnect: (client) => void seen.set(client.clientId, client),
  });
}

/** Our client, with this certificate or none. */
function dial(
  { url }: Broker,
  { ca }: Credentials,
  certificate: Certificate | undefined,
  clientId = "ours",
): Promise<Client> {
  const tls: TlsOptions = { ca, ...certificate };
  return connect({ url, tls }, { reconnect: false, clientId });
}

/** Certificates that no listener takes. */
const WRONG: Readonly<Record<string, (credentials: Credentials) => Promise<Certificate>>> = {
  "of another authority": async () => await (await otherAuthority()).client(),
  "that has expired": ({ authority }) => authority.client(EXPIRED),
  "that is not yet valid": ({ authority }) => authority.client(NOT_YET_VALID),
  "that is for servers": ({ authority }) => authority.server(),
};

for (const protocol of ["mqtts", "wss"] as const) {
  for (const clientCertificate of ["request", "require"] as const) {
    const where = `${protocol} that ${clientCertificate}s certificates`;

    tlsTest(`${where} shows the hooks that of a client`, async (broker, credentials) => {
      const certificate = await credentials.authority.client();
      await using _ = await dial(broker, credentials, certificate);
      const client = seen.get("ours")!;
      const { subject, subjectText, issuer, issuerText } = client.certificate!;
      assertEquals({ ...subject }, { O: "Acme", CN: "device-7" });
      assertStrictEquals(subjectText, "CN=device-7,O=Acme");
      assertEquals({ ...issuer }, { CN: "Authority of the tests" });
      assertStrictEquals(issuerText, "CN=Authority of the tests");
      assert(/^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/.test(client.certificate!.fingerprint256));
      assert(/^[0-9A-F]+$/.test(client.certificate!.serialNumber));
      assertStrictEquals(client.username, undefined);
      assertStrictEquals(client.listener, broker.url);
    }, options(protocol, { clientCertificate }));

    for (const [which, certificateOf] of Object.entries(WRONG)) {
      tlsTest(`${where} refuses one ${which}`, async (broker, credentials) => {
        const certificate = await certificateOf(credentials);
        await assertRejects(() => dial(broker, credentials, certificate));
        assertStrictEquals(broker.statistics.clients, 0);
      }, options(protocol, { clientCertificate }));
    }
  }

  tlsTest(
    `${protocol} that requires certificates refuses who has none`,
    async (broker, credentials) => {
      await assertRejects(() => dial(broker, credentials, undefined));
      await using _ = await dial(broker, credentials, await credentials.authority.client());
    },
    options(protocol, { clientCertificate: "require" }),
  );

  tlsTest(
    `${protocol} that requests certificates lets in who has none`,
    async (broker, credentials) => {
      await using _ = await dial(broker, credentials, undefined, "none");
      assertStrictEquals(seen.get("none")!.certificate, undefined);
    },
    options(protocol, { clientCertificate: "request" }),
  );
}

tlsTest(
  "A certificate of an intermediate authority is verified by the root",
  async (broker, credentials) => {
    const intermediate = await credentials.authority.intermediate();
    await using _ = await dial(broker, credentials, await intermediate.client());
  },
  options("mqtts", { clientCertificate: "require" }),
);

for (
  const [certificateUsername, expected] of [
    ["common name", "device-7"],
    ["subject", "CN=device-7,O=Acme"],
  ] as const
) {
  tlsTest(
    `The ${certificateUsername} of a certificate is the User Name, whatever CONNECT says`,
    async (broker, credentials) => {
      const { url } = broker;
      const tls = { ca: credentials.ca, ...await credentials.authority.client() };
      await using _ = await connect({ url, tls }, {
        ...{ clientId: "named", reconnect: false },
        credentials: () => ({ username: "admin", password: "secret" }),
      });
      assertStrictEquals(seen.get("named")!.username, expected);
    },
    (credentials) => ({
      ...options("mqtts", { clientCertificate: "require", certificateUsername })(credentials),
      authenticate: (client, { username, password }) =>
        client.username === expected && username === expected &&
        new TextDecoder().decode(password) === "secret",
    }),
  );
}

tlsTest(
  "A certificate without a Common Name is none to be known by",
  async (broker, credentials) => {
    const certificate = await credentials.authority.client({ subject: "/O=Acme" });
    const error = await assertRejects(() => dial(broker, credentials, certificate), Error);
    assertEquals((error as Error & { reasonCode?: number }).reasonCode, 0x86);
  },
  options("mqtts", { clientCertificate: "require", certificateUsername: "common name" }),
);

tlsTest(
  "Where a certificate gives the User Name, nobody with another one gets the session",
  async (broker, credentials) => {
    const { authority } = credentials;
    await using own = await dial(broker, credentials, await authority.client(), "bound");
    const other = await authority.client({ subject: "/O=Acme/CN=device-8" });
    const error = await assertRejects(
      () => dial(broker, credentials, other, "bound"),
      RefusedError,
    );
    assertStrictEquals(error.reasonCode, 0x87);
    await own.publish("a", "", { qos: 1 });
  },
  options("mqtts", { clientCertificate: "require", certificateUsername: "common name" }),
);

tlsTest("MQTT.js shows its certificate", async (broker, { ca, authority }) => {
  await using _ = await connectMqttJs(broker, {
    ...{ ca, ...await authority.client(), clientId: "js", username: "admin" },
  });
  await until(() => seen.has("js"));
  assertStrictEquals(seen.get("js")!.username, "device-7");
}, options("mqtts", { clientCertificate: "require", certificateUsername: "common name" }));

const hasMosquitto = await isInstalled("mosquitto_pub", "--help");
const mosquitto = "mosquitto_pub shows its certificate, and is refused without";
if (hasMosquitto) {
  tlsTest(mosquitto, async (broker, { ca, authority }) => {
    await using file = await fileOf(ca);
    await using files = await certificateFiles(await authority.client());
    const over = ["-h", "localhost", "--cafile", file.path, "-t", "a", "-n", "-q", "1"];
    const own = ["--cert", files.cert, "--key", files.key, "-u", "admin", "-i", "mosquitto"];
    await run("mosquitto_pub", broker, ...over, ...own);
    assertStrictEquals(seen.get("mosquitto")!.username, "device-7");
    await assertRejects(() => run("mosquitto_pub", broker, ...over));
  }, options("mqtts", { clientCertificate: "require", certificateUsername: "common name" }));
} else {
  Deno.test({
    name: `${mosquitto} (skipped: mosquitto_pub cannot be found)`,
    ignore: true,
    fn() {},
  });
}
