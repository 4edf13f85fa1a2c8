// What a listener over TLS speaks, by the names that the client may offer (ALPN, RFC 7301).

import { assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../mod.ts";
import { tlsTest } from "./secure.ts";

const OFFERS = [
  ["mqtts", ["mqtt"], "mqtt"],
  ["mqtts", ["h2", "mqtt"], "mqtt"],
  ["mqtts", [], null],
  ["wss", ["http/1.1"], "http/1.1"],
  ["wss", ["h2", "http/1.1"], "http/1.1"],
  ["wss", [], null],
] as const;

for (const [protocol, offered, chosen] of OFFERS) {
  tlsTest(
    `A client that offers ${offered.join(" and ") || "no protocol"} to ${protocol} is served`,
    async (broker, { ca }) => {
      using connection = await dial(broker.port, ca, offered);
      assertEquals((await connection.handshake()).alpnProtocol, chosen);
      await using _ = await connect(
        { url: broker.url, tls: { ca, alpn: offered } },
        { reconnect: false },
      );
    },
    ({ cert, key }) => ({ protocol, port: 0, cert, key }),
  );
}

for (
  const [protocol, offered] of [["mqtts", "h2"], ["mqtts", "http/1.1"], ["wss", "h2"]] as const
) {
  tlsTest(
    `A client that offers ${protocol} nothing but ${offered} is refused`,
    async (broker, { ca }) => {
      using connection = await dial(broker.port, ca, [offered]);
      await assertRejects(() => connection.handshake(), Error, "NoApplicationProtocol");
    },
    ({ cert, key }) => ({ protocol, port: 0, cert, key }),
  );
}

async function dial(port: number, ca: string, offered: readonly string[]) {
  return await Deno.connectTls({
    ...{ hostname: "127.0.0.1", port, caCerts: [ca] },
    alpnProtocols: [...offered],
  });
}
