// How large a message is taken to be: about what it takes on the wire.

import { assertEquals } from "@std/assert";
import { elementsOf, messageSize, textBytes } from "../../src/session/message_size.ts";

const LONG = "x".repeat(65);

Deno.test("A text counts a byte for each character, and two when it is long and not Latin", () => {
  assertEquals(textBytes(""), 0);
  assertEquals(textBytes("é€"), 2);
  assertEquals(textBytes("€".repeat(64)), 64);
  assertEquals(textBytes("€".repeat(65)), 130);
  assertEquals(textBytes(LONG), 65);
  assertEquals(textBytes("\xff".repeat(65)), 65);
  assertEquals(textBytes(LONG + "\u0100"), 132);
});

Deno.test("A message counts its topic, its payload and each of its properties", () => {
  const topic = "abc";
  const payload = new Uint8Array(10);
  assertEquals(messageSize({ topic }), 3);
  assertEquals(messageSize({ topic, payload }), 13);
  const sizes: [object, number][] = [
    [{}, 0],
    [{ messageExpiryInterval: 1 }, 5],
    [{ contentType: undefined }, 0],
    [{ contentType: "text" }, 7],
    [{ contentType: LONG.replace("x", "€") }, 133],
    [{ correlationData: new Uint8Array(6) }, 9],
    [{ subscriptionIdentifiers: [1, 2] }, 10],
    [{ userProperties: [] }, 0],
    [{ userProperties: [["name", "value"], ["", ""]] }, 3 + 4 + 2 + 5 + 3 + 2],
    [{ messageExpiryInterval: 1, contentType: "text", subscriptionIdentifiers: [1] }, 17],
  ];
  for (const [properties, size] of sizes) {
    assertEquals(messageSize({ topic, payload, properties }), 13 + size, Deno.inspect(properties));
  }
});

Deno.test("The elements of properties are those of all that have several", () => {
  assertEquals(elementsOf({}), 0);
  assertEquals(elementsOf({ contentType: "text", correlationData: new Uint8Array(5) }), 0);
  const userProperties = [["a", "b"], ["c", "d"]];
  assertEquals(elementsOf({ subscriptionIdentifiers: [1, 2, 3], userProperties }), 5);
});
