// §3.14.2.1, §3.2.2.2 What each Reason Code of a server's DISCONNECT or CONNACK says about another
// attempt: whether the client makes one, and if not, what kind of fault it tells.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { CloseKind } from "../../src/errors.ts";
import { REASON_CODE_LINES } from "../build.ts";
import { settle, test } from "./world.ts";

/** What no other attempt cures, by its name in the standard; all else may be cured by time. */
const FINAL: Readonly<Record<string, CloseKind>> = {
  "Malformed Packet": "protocol",
  "Protocol Error": "protocol",
  "Receive Maximum exceeded": "protocol",
  "Topic Alias invalid": "protocol",
  "Unsupported Protocol Version": "configuration",
  "Client Identifier not valid": "configuration",
  "Topic Filter invalid": "configuration",
  "Topic Name invalid": "configuration",
  "Packet too large": "configuration",
  "Payload format invalid": "configuration",
  "Retain not supported": "configuration",
  "QoS not supported": "configuration",
  "Server moved": "configuration",
  "Shared Subscriptions not supported": "configuration",
  "Subscription Identifiers not supported": "configuration",
  "Wildcard Subscriptions not supported": "configuration",
  "Bad User Name or Password": "credentials",
  "Not authorized": "credentials",
  "Banned": "credentials",
  "Bad authentication method": "credentials",
  "Session taken over": "taken over",
};

/** The codes with which a server ends a connection. */
function codesOf(packet: string): { readonly code: number; readonly name: string }[] {
  return REASON_CODE_LINES.filter(({ code, packets }) => code >= 0x80 && packets.includes(packet));
}

function hex(code: number): string {
  return `0x${code.toString(16).toUpperCase()}`;
}

for (const { code, name } of codesOf("DISCONNECT")) {
  const kind = FINAL[name];
  const then = kind === undefined ? "connects again" : `ends, its fault being "${kind}"`;
  test(`A client that is told ${hex(code)} ${name} by DISCONNECT ${then}`, async (world) => {
    const { client, peer } = await world.connected();
    peer.send({ type: "disconnect", reasonCode: code as 0x80 });
    await settle();
    if (kind === undefined) {
      await world.accept();
      assertStrictEquals(client.state, "connected");
    } else {
      const error = await client.closed;
      assertEquals([error?.kind, error?.reasonCode], [kind, code]);
      await world.expectNoPeer();
    }
  });
}

for (const { code, name } of codesOf("CONNACK")) {
  const kind = FINAL[name];
  const then = kind === undefined ? "connects again" : `ends, its fault being "${kind}"`;
  test(`A client that is refused with ${hex(code)} ${name} when it reconnects ${then}`, async (world) => {
    const { client, peer } = await world.connected();
    peer.far.cut();
    const refusing = await world.peer();
    await refusing.accept({ reasonCode: code as 0x80 });
    refusing.close();
    if (kind === undefined) {
      await world.accept();
      assertStrictEquals(client.state, "connected");
    } else {
      const error = await client.closed;
      assertEquals([error?.kind, error?.reasonCode], [kind, code]);
      await world.expectNoPeer();
    }
  });
}
