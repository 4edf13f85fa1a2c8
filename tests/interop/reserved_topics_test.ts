// Topics that begin with $: what clients may publish to is the same for Mosquitto and for our broker.

import { assertEquals } from "@std/assert";
import { connect, type PublishResult, RefusedError } from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";
import { interopTest } from "./interop.ts";

const TOPICS = ["$SYS", "$SYS/a", "$share", "$share/a", "$share/g/a", "$foo/a", "$sys/a", "$"];

/** The Reason Code with which a server answers a message of each of these topics. */
async function answersOf({ url }: { readonly url: string }): Promise<number[]> {
  await using client = await connect(url, { reconnect: false });
  const codeOf = ({ reasonCode }: PublishResult | RefusedError) => reasonCode;
  return await Promise.all(
    TOPICS.map((topic) =>
      client.publish(topic, "x", { qos: 1 }).then(codeOf, (error) => {
        if (error instanceof RefusedError) return codeOf(error);
        throw error;
      })
    ),
  );
}

interopTest("What begins with $ is refused or taken as our broker does", async (server) => {
  await using broker = await serve({ port: 0 });
  const theirs = await answersOf(server);
  assertEquals(await answersOf(broker), theirs);
  assertEquals(theirs, [0x87, 0x87, 0x87, 0x87, 0x87, 0x10, 0x10, 0x10]);
});
