// Whose pages may open WebSockets, and where: through a listener, by the platform's own client and by bare requests.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import type { ServeOptions } from "../../src/broker/mod.ts";
import { brokerTest, until } from "./broker_net.ts";
import { RawWebSocket, request } from "./websocket_peer.ts";

async function statusOf(port: number, head: string): Promise<number> {
  using socket = await RawWebSocket.dial(port);
  await socket.sendText(head);
  return (await socket.head()).status;
}

/** A request from a page of this origin, for a path. */
function asked(port: number, origin: string | undefined, path = "/"): string {
  const more = origin === undefined ? "" : `Origin: ${origin}\r\n`;
  return request()
    .replace(/^GET \S+/, `GET ${path}`)
    .replace(/\r\nHost: [^\r]*\r\n/, `\r\nHost: localhost:${port}\r\n${more}`);
}

const ORIGINS = [
  [undefined, {}, 101],
  ["http://localhost", {}, 101],
  ["https://localhost:3000", {}, 101],
  ["null", {}, 403],
  ["https://evil.example", {}, 403],
  ["https://evil.example", { allowedOrigins: ["https://good.example"] }, 403],
  ["https://good.example", { allowedOrigins: ["https://good.example"] }, 101],
  ["https://evil.example", { allowedOrigins: ["*"] }, 101],
] as const;

for (const [origin, options, status] of ORIGINS) {
  const allowed = "allowedOrigins" in options ? options.allowedOrigins.join() : "no others";
  brokerTest(
    `A page of ${origin} is answered ${status} where ${allowed} are allowed`,
    async ({ port }) => {
      assertStrictEquals(await statusOf(port, asked(port, origin)), status);
    },
    { protocol: "ws", port: 0, ...options },
  );
}

brokerTest("WebSockets are asked for at the path, and at no other", async ({ port }) => {
  const statuses = ["/mqtt", "/mqtt?x=1", "/", "/mqtt/x"].map((path) => {
    return statusOf(port, asked(port, undefined, path));
  });
  assertEquals(await Promise.all(statuses), [101, 101, 404, 404]);
}, { protocol: "ws", port: 0, websocketPath: "/mqtt" });

const origins: (string | undefined)[] = [];
const TOLD: ServeOptions = {
  ...{ protocol: "ws", port: 0 },
  authenticate: ({ origin }) => origins.push(origin) > 0 && origin === "http://127.0.0.1:8000",
};

brokerTest("The hooks are told of the origin", async ({ url }) => {
  const headers = { Origin: "http://127.0.0.1:8000" };
  await using _ = await connect({ url, headers }, { reconnect: false });
  await assertRejects(() => connect(url, { reconnect: false }));
  await until(() => origins.length === 2);
  assertEquals(origins, ["http://127.0.0.1:8000", undefined]);
}, TOLD);
