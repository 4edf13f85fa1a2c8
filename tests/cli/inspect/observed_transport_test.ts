// A broker's end of a connection: what passes is observed, and passes all the same.

import { assertEquals, assertRejects } from "@std/assert";
import type { Entry } from "../../../src/cli/inspect/link_observer.ts";
import { observedTransport } from "../../../src/cli/inspect/observed_transport.ts";
import { Observer } from "../../../src/cli/inspect/observer.ts";
import { memoryTransports } from "../../../src/io/memory.ts";
import { bytesOf } from "../../hex.ts";

const PLACE = { client: "127.0.0.1:40000", server: "mqtt://a", listener: "mqtt://a" };

/** Two ends, of which one is observed, and a function that tells what was. */
function scene() {
  const observer = new Observer();
  const [theirs, ours] = memoryTransports();
  const observed = observedTransport(ours, observer.open(PLACE, 0));
  const cursor = observer.follow();
  const seen = () => cursor.take(Infinity).entries.map(inShort);
  return { theirs, ours, observed, seen };
}

function inShort(entry: Entry): string {
  switch (entry.type) {
    case "packet":
      return `${entry.from} ${entry.bytes.toHex()}`;
    case "ended":
      return `${entry.from} ended`;
    case "closed":
      return `closed ${entry.fault ?? ""}`.trimEnd();
    default:
      return entry.type;
  }
}

Deno.test("both directions are observed, and the end of each", async () => {
  const { theirs, observed, seen } = scene();
  await theirs.write(bytesOf("c000"));
  assertEquals(await observed.read(), bytesOf("c000"));
  await observed.write(bytesOf("d000"));
  assertEquals(await theirs.read(), bytesOf("d000"));
  await theirs.closeWrite();
  assertEquals(await observed.read(), undefined);
  await observed.closeWrite();
  assertEquals(await theirs.read(), undefined);
  observed.close();
  observed.close();
  assertEquals(seen(), [
    "opened",
    "client c000",
    "server d000",
    "client ended",
    "server ended",
    "closed",
  ]);
});

Deno.test("a connection that breaks is observed as one that broke", async () => {
  const { ours, seen } = scene();
  const observer = new Observer();
  const cursor = observer.follow();
  const broken = observedTransport(
    { ...ours, read: () => Promise.reject(new Error("reset")), close: () => ours.close() },
    observer.open(PLACE, 0),
  );
  await assertRejects(() => broken.read(), Error, "reset");
  broken.close();
  assertEquals(cursor.take(Infinity).entries.map(inShort), [
    "opened",
    "closed the connection to the client broke",
  ]);
  assertEquals(seen(), ["opened"]);
});

Deno.test("a transport that can be released can still be", () => {
  const { ours } = scene();
  let released = 0;
  const transport = { ...ours, close: () => ours.close(), release: () => void released++ };
  const link = () => new Observer().open(PLACE, 0);
  observedTransport(transport as typeof ours, link()).release?.();
  assertEquals(released, 1);
  assertEquals(observedTransport(ours, link()).release, undefined);
});
