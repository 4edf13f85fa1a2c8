// The watch over messages that expire in a store, when the store cannot be read.

import { assertEquals } from "@std/assert";
import { DurableExpiry, type DurableExpirySetup } from "../../src/client/durable_expiry.ts";
import { VirtualClock } from "../io/virtual_clock.ts";
import { settle } from "./world.ts";

Deno.test("A store that cannot say what expires next is reported, and no more once the watch has ended", async () => {
  const errors: string[] = [];
  const storage = { nextExpiry: () => Promise.reject(new Error("disk I/O error")) };
  const expiry = new DurableExpiry(
    {
      clock: new VirtualClock(),
      storage,
      onError: (error: unknown) => void errors.push((error as Error).message),
    } as unknown as DurableExpirySetup,
  );
  expiry.watch();
  await settle();
  assertEquals(errors, ["disk I/O error"]);
  expiry.watch();
  expiry.end();
  await settle();
  assertEquals(errors, ["disk I/O error"]);
});
