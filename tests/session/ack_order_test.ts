// §4.6 Message ordering: acknowledgements go out in the order of the messages, in whatever order the application is done
// with them. PUBACKs and PUBRECs do not wait for each other.

import { assert } from "@std/assert";
import type { PendingAcknowledgement } from "../../src/session/pending_acknowledgement.ts";
import { Session } from "../../src/session/session.ts";
import { eachRole, messageOf } from "./roles.ts";

const STATEMENTS = {
  puback: { client: ["MQTT-4.6.0-2"] },
  pubrec: { client: ["MQTT-4.6.0-3"] },
} as const;

for (const [type, firstByte, ack] of [["puback", "32", "40"], ["pubrec", "34", "50"]] as const) {
  eachRole(
    `sends every ${type.toUpperCase()} in the order of its PUBLISH, in whatever order the application is done`,
    ({ open }) => {
      for (const order of permutations([0, 1, 2, 3])) {
        const script = open();
        const acknowledgements = [0, 1, 2, 3].map((number) => {
          script.send(`${firstByte} 06 0001 61 ${id(9 - number)} 00`);
          return script.expectMessage("a");
        });
        const done = new Set<number>();
        let sent = 0;
        for (const number of order) {
          assert(script.acknowledge(acknowledgements[number]));
          done.add(number);
          for (; done.has(sent); sent++) script.expect(`${ack} 02 ${id(9 - sent)}`);
          script.expectQuiet();
        }
      }
    },
    STATEMENTS[type],
  );
}

eachRole("lets PUBACKs not wait for PUBRECs, nor PUBRECs for PUBACKs", ({ open }) => {
  const script = open();
  script.send("34 06 0001 61 0001 00", "32 06 0001 62 0002 00");
  script.send("34 06 0001 63 0003 00", "32 06 0001 64 0004 00");
  const acknowledgements = new Map<string, PendingAcknowledgement | undefined>();
  for (const topic of ["a", "b", "c", "d"]) {
    acknowledgements.set(topic, script.expectMessage(topic));
  }
  script.acknowledge(acknowledgements.get("b"));
  script.expect("40 02 0002");
  script.acknowledge(acknowledgements.get("c"));
  script.acknowledge(acknowledgements.get("d"));
  script.expect("40 02 0004");
  script.expectQuiet();
  script.acknowledge(acknowledgements.get("a"));
  script.expect("50 02 0001", "50 02 0003");
  script.expectQuiet();
});

eachRole("lets a refusal wait for its turn, too", ({ open }) => {
  const script = open();
  script.send("34 06 0001 61 0001 00", "34 06 0001 62 0002 00");
  const [first, second] = [script.expectMessage("a"), script.expectMessage("b")];
  script.acknowledge(second, 0x87);
  script.expectQuiet();
  script.acknowledge(first);
  script.expect("50 02 0001", "50 03 0002 87");
});

eachRole("lets the PUBREC of a message that comes again wait for its turn, too", ({ open }) => {
  const session = new Session("c");
  const script = open({ session });
  script.send("34 06 0001 61 0001 00");
  script.acknowledge(script.expectMessage("a"));
  script.expect("50 02 0001");
  script.end();
  const again = open({ session, sessionPresent: true });
  again.send("34 06 0001 62 0005 00");
  const acknowledgement = again.expectMessage("b");
  again.send("3C 06 0001 61 0001 00", "3C 06 0001 61 0001 00");
  again.expectQuiet();
  again.acknowledge(acknowledgement);
  again.expect("50 02 0005", "50 02 0001");
  again.expectQuiet();
}, { client: ["MQTT-4.6.0-3"] });

eachRole("sends every PUBREL in the order of its PUBREC", ({ open }) => {
  const script = open();
  for (const topic of ["a", "b", "c"]) script.publish(messageOf(topic, 2));
  script.takePackets();
  script.send("50 02 0002 50 02 0003 50 02 0001");
  script.expect("62 02 0002", "62 02 0003", "62 02 0001");
  script.expectQuiet();
}, { client: ["MQTT-4.6.0-4"] });

function* permutations<Item>(items: readonly Item[]): Generator<Item[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest];
  }
}

function id(packetId: number): string {
  return packetId.toString(16).padStart(4, "0");
}
