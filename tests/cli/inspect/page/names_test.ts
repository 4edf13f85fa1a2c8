// What connections are called in the page's diagram.

import { assertEquals, assertNotEquals } from "@std/assert";
import type { ConnectionRow } from "../../../../src/cli/inspect/page/events.ts";
import { headsOf, knownOf, nameIn } from "../../../../src/cli/inspect/page/names.js";

function connectionsOf(...clientIds: readonly (string | null)[]): Map<number, ConnectionRow> {
  return new Map(clientIds.map((clientId, index) => {
    const row = { id: index + 1, clientId, client: "10.0.0.8:1234", server: "broker:1883" };
    return [row.id, row as ConnectionRow];
  }));
}

Deno.test("a row says which connection it is of, unless there is only one", () => {
  const connections = connectionsOf("thermostat", null, "");
  const names = [1, 2, 3, 4].map((id) => nameIn({ connection: undefined, connections }, id));
  assertEquals(names, ["#1 thermostat", "#2", "#3", "#4"]);
  assertEquals(nameIn({ connection: 1, connections }, 1), "");
});

Deno.test("above the lifelines stand the two ends of the connection that alone is shown", () => {
  const connections = connectionsOf("thermostat", "");
  assertEquals(headsOf({ connection: undefined, connections }), ["Clients", "Server"]);
  assertEquals(headsOf({ connection: 1, connections }), ["thermostat", "broker:1883"]);
  assertEquals(headsOf({ connection: 2, connections }), ["10.0.0.8:1234", "broker:1883"]);
});

Deno.test("a name that would turn the text around it is written out", () => {
  const connections = connectionsOf("a\u202eb");
  assertEquals(nameIn({ connection: undefined, connections }, 1), "#1 a\\u{202e}b");
  assertEquals(headsOf({ connection: 1, connections })[0], "a\\u{202e}b");
});

Deno.test("it is seen when more is known of connections", () => {
  const one = knownOf({ connections: connectionsOf("a", null) });
  assertEquals(one, knownOf({ connections: connectionsOf("a", null) }));
  assertNotEquals(one, knownOf({ connections: connectionsOf("a", "b") }));
  assertNotEquals(one, knownOf({ connections: connectionsOf("a", null, null) }));
  const later = connectionsOf("a", null, null);
  later.delete(2);
  assertNotEquals(one, knownOf({ connections: later }));
});
