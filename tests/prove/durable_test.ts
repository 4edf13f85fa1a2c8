// `deno task prove:durable` in small, so that nobody breaks it unnoticed.

import { temporaryFolder, withinPatience } from "../broker_net/broker_net.ts";
import { durable } from "./durable.ts";

Deno.test("Publisher, consumer and broker are killed six times, and every message is there exactly once at QoS 2, at least once at QoS 1", async () => {
  await using folder = await temporaryFolder();
  await using stack = new AsyncDisposableStack();
  await withinPatience(durable(1, folder.path, stack, 2));
});
