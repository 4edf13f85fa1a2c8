// What is secret in a packet is found by the lengths alone, in whole packets and in broken ones.

import { assertEquals } from "@std/assert";
import { encodePacket, type PacketInit } from "../../../mod.ts";
import { mask, outlineOf } from "../../../src/cli/inspect/secrets.ts";
import { bytesOf as hex } from "../../hex.ts";

const encoder = new TextEncoder();

/** A packet as text, with its secrets masked. */
function maskedText(packet: Uint8Array): string {
  const bytes = packet.slice();
  mask(bytes, outlineOf(packet).secrets);
  return new TextDecoder("latin1").decode(bytes);
}

const EVERYTHING: PacketInit = {
  type: "connect",
  clientId: "client",
  username: "user",
  password: encoder.encode("geheim"),
  properties: {
    sessionExpiryInterval: 1,
    requestProblemInformation: true,
    userProperties: [["name", "value"]],
    authenticationMethod: "method",
    authenticationData: encoder.encode("proof"),
  },
  will: {
    topic: "will",
    payload: encoder.encode("gone"),
    properties: { willDelayInterval: 3, contentType: "text" },
  },
};

Deno.test("the Password and Authentication Data of CONNECT are masked, and nothing else", () => {
  const bytes = encodePacket(EVERYTHING);
  const plain = new TextDecoder("latin1").decode(bytes);
  assertEquals(maskedText(bytes), plain.replace("geheim", "******").replace("proof", "*****"));
  const { version, clientId, isReadable } = outlineOf(bytes);
  assertEquals([version, clientId, isReadable], [5, "client", true]);
});

for (const type of ["auth", "connack"] as const) {
  Deno.test(`the Authentication Data of ${type.toUpperCase()} is masked`, () => {
    const authenticationData = encoder.encode("proof");
    const properties = { authenticationMethod: "method", authenticationData, reasonString: "why" };
    const bytes = encodePacket(
      type === "auth" ? { type, reasonCode: 0x18, properties } : { type, properties },
    );
    const plain = new TextDecoder("latin1").decode(bytes);
    assertEquals(maskedText(bytes), plain.replace("proof", "*****"));
  });
}

Deno.test("an AUTH and a CONNACK in their shortest forms have nothing to hide", () => {
  for (const text of ["F0 00", "F0 01 00", "20 02 00 00", "20 03 00 00 00"]) {
    assertEquals(outlineOf(hex(text)).secrets, []);
    assertEquals(outlineOf(hex(text)).isReadable, true);
  }
});

Deno.test("the Password of MQTT 3.1 and 3.1.1, which have no properties, is masked", () => {
  const head = "00 04 4D 51 54 54 04 C2 00 3C";
  const bytes = hex(`10 16 ${head} 00 01 64 00 01 75 00 04 70 61 73 73`);
  assertEquals(maskedText(bytes).slice(-4), "****");
  const { version, clientId } = outlineOf(bytes);
  assertEquals([version, clientId], [4, "d"]);
  const older = hex(
    "10 18 00 06 4D 51 49 73 64 70 03 C2 00 3C 00 01 64 00 01 75 00 04 70 61 73 73",
  );
  assertEquals(maskedText(older).slice(-6), "\x00\x04****");
});

Deno.test("of a CONNECT that is cut anywhere, no part of a secret is left", () => {
  const bytes = encodePacket(EVERYTHING);
  const plain = new TextDecoder("latin1").decode(bytes);
  const secret = Array.from(bytes, () => false);
  for (const text of ["geheim", "proof"]) {
    secret.fill(true, plain.indexOf(text), plain.indexOf(text) + text.length);
  }
  for (let end = 2; end < bytes.length; end++) {
    const text = maskedText(bytes.subarray(0, end));
    for (let at = 0; at < end; at++) if (secret[at]) assertEquals(text[at], "*", `${end} ${at}`);
  }
});

Deno.test("behind a property that does not exist, the other properties are hidden, no more", () => {
  const bytes = hex("10 15 00 04 4D 51 54 54 05 00 00 3C 05 7E 16 00 01 70 00 03 61 62 63");
  const { secrets, clientId, isReadable } = outlineOf(bytes);
  assertEquals([secrets, clientId, isReadable], [[{ start: 13, end: 18 }], "abc", true]);
});
