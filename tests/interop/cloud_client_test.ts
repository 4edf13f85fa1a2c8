// Our client in the clouds: the code of each row of the README's table "How to reach a server",
// against a server that lets in who comes so, and nobody else; and again when the connection breaks.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Client,
  connect,
  ConnectionClosedError,
  RefusedError,
  tokenAuthentication,
} from "../../mod.ts";
import { opensslTest, otherAuthority } from "../io/certificates.ts";
import {
  awsIot,
  awsIotAuthorizer,
  awsIotOn443,
  awsIotSigned,
  awsIotToken,
  azureEventGrid,
  azureEventGridToken,
  type Cloud,
  hivemqCloud,
  type SigningCloud,
} from "./cloud.ts";
import type { Visit } from "./cloud_server.ts";
import { once, QUICKLY, take, textsOf, withinPatience } from "./interop.ts";

/** What a user has at hand; the authority is one that nobody knows but this test. */
type Options = Cloud["options"] & {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly username: string;
  readonly password: string;
};

/** A test in which a client is let in, works, and is let in again when the connection breaks. */
function cloudTest<Kind extends Cloud>(
  name: string,
  start: () => Promise<Kind>,
  enter: (url: string, options: Options, cloud: Kind) => Promise<Client>,
  visit: Partial<Visit> = {},
): void {
  opensslTest(`A client reaches ${name}, and does so again`, async () => {
    await using cloud = await start();
    await withinPatience((async () => {
      const { ca, cert = "", key = "" } = cloud.options.tls;
      const { username = "", password = "" } = cloud.options;
      const given = { ...cloud.options, ca, cert, key, username, password };
      await using client = await enter(cloud.url, given, cloud);
      const news = await client.subscribe("news/#", { qos: 1 });
      await client.publish("news/1", "before", { qos: 1 });
      assertEquals(textsOf(await take(news, 1)), ["before"]);
      const again = once(client, "connected");
      cloud.server.cut();
      await again;
      await client.publish("news/2", "after", { qos: 1 });
      assertEquals(textsOf(await take(news, 1)), ["after"]);
    })());
    const { visits, refusals } = cloud.server;
    assertEquals(refusals, []);
    assertStrictEquals(visits.length, 2);
    for (const seen of visits) {
      assertEquals({ ...seen, ...visit }, seen);
      assertStrictEquals(seen.serverName, "localhost");
    }
  });
}

const reconnect = QUICKLY;

cloudTest(
  "HiveMQ Cloud and EMQX Cloud by TLS, with a user and a password",
  () => hivemqCloud(),
  (url, { username, password, ca }) => connect(url, { username, password, tls: { ca }, reconnect }),
);

cloudTest(
  "HiveMQ Cloud and EMQX Cloud by WebSocket",
  () => hivemqCloud("wss"),
  (url, { username, password, ca }) => connect(url, { username, password, tls: { ca }, reconnect }),
  { target: "/mqtt" },
);

cloudTest(
  "AWS IoT Core with a certificate",
  awsIot,
  (url, { ca, cert, key }) =>
    connect(url, { clientId: "thing", tls: { ca, cert, key }, reconnect }),
  { commonName: "device-7" },
);

cloudTest(
  "AWS IoT Core with a certificate on port 443",
  awsIotOn443,
  (url, { ca, cert, key }) =>
    connect(url, {
      clientId: "thing",
      tls: { ca, cert, key, alpn: "x-amzn-mqtt-ca" },
      reconnect,
    }),
  { commonName: "device-7", alpn: "x-amzn-mqtt-ca" },
);

cloudTest(
  "AWS IoT Core with a custom authorizer",
  awsIotAuthorizer,
  (url, { ca, password }) =>
    connect(url, {
      clientId: "thing",
      username: "device-7?x-amz-customauthorizer-name=Acme",
      password,
      tls: { ca, alpn: "mqtt" },
      reconnect,
    }),
  { alpn: "mqtt" },
);

cloudTest(
  "AWS IoT Core by WebSocket, with a token in the request",
  awsIotToken,
  (url, { ca, headers = {} }) => connect(url, { tls: { ca }, headers, reconnect }),
  { target: "/mqtt" },
);

cloudTest(
  "AWS IoT Core by WebSocket, with a URL that is signed anew for each attempt",
  awsIotSigned,
  (_url, { ca }, cloud: SigningCloud) => {
    const signedUrl = () => Promise.resolve(cloud.sign());
    return connect(async () => await signedUrl(), { clientId: "thing", tls: { ca }, reconnect });
  },
);

cloudTest(
  "Azure Event Grid with a certificate",
  azureEventGrid,
  (url, { ca, cert, key, username }) =>
    connect(url, { clientId: "device", username, tls: { ca, cert, key }, reconnect }),
  { commonName: "device-7" },
);

cloudTest(
  "Azure Event Grid with a token",
  azureEventGridToken,
  (url, { ca, password }) => {
    const token = () => Promise.resolve(password);
    return connect(url, {
      clientId: "device",
      authentication: tokenAuthentication({ method: "CUSTOM-JWT", token }),
      tls: { ca },
      reconnect,
    });
  },
);

opensslTest(
  "A cloud that does not let a client in is told of by what must be changed",
  async () => {
    {
      await using cloud = await hivemqCloud();
      const { tls, username = "" } = cloud.options;
      const error = await assertRejects(
        () => connect(cloud.url, { tls, username, password: "wrong" }),
        RefusedError,
      );
      assertStrictEquals(error.reasonCode, 0x86);
    }
    const cases = [
      [awsIot, { cert: undefined, key: undefined }, "requires a client certificate; give one as"],
      [awsIotOn443, { alpn: "mqtt" }, "takes none of the protocols of tls.alpn; check their names"],
      [awsIot, await (await otherAuthority()).client(), "that it accepts the client certificate"],
    ] as const;
    for (const [start, change, text] of cases) {
      await using cloud = await start();
      const tls = { ...cloud.options.tls, ...change };
      const error = await assertRejects(
        () => connect(cloud.url, { tls }),
        ConnectionClosedError,
      );
      assert(error.message.includes(text), error.message);
      assertEquals(cloud.server.visits, []);
    }
    await using cloud = await awsIotToken();
    const error = await assertRejects(
      () => connect(cloud.url, { tls: cloud.options.tls, headers: { Token: "Bearer wrong" } }),
      ConnectionClosedError,
      'the server answered 403 Forbidden, "token"; check the token or cookie in headers',
    );
    assertEquals([error.kind, error.code], ["configuration", "websocket"]);
  },
);
