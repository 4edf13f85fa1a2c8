// Mistakes in the engine that client and broker share, and in the codec.

import type { Mutant } from "./mutant.ts";

export const SESSION_MUTANTS: readonly Mutant[] = [
  {
    name: "a message is sent again without DUP",
    file: "src/session/sender.ts",
    from: "this.#write(message.packet, packetId, true);",
    to: "this.#write(message.packet, packetId, false);",
    by: "monitor",
    within: 100,
  },
  {
    name: "PUBREL is not sent again",
    file: "src/session/sender.ts",
    from: '        this.#writeBuffer.write({ type: "pubrel", packetId: message.packetId });\n',
    to: "",
    by: "everything drains",
    within: 200,
  },
  {
    name: "a Packet Identifier is used again too soon",
    file: "src/session/pending_requests.ts",
    from: "packetIds.next((id) => inFlight.isTaken(id) || this.isInUse(id));",
    to: "inFlight.values()[0]?.packetId ?? packetIds.next((id) => this.isInUse(id));",
    by: "monitor",
    within: 100,
  },
  {
    name: "the Receive Maximum of the peer is ignored",
    file: "src/session/sender.ts",
    from: "return this.#quotaUsed < this.#peer.receiveMaximum;",
    to: "return true;",
    by: "monitor",
    within: 100,
  },
  {
    name: "the send quota is not given back",
    file: "src/session/sender.ts",
    from: "if (message.sentOn === this) this.#quotaUsed--;",
    to: "",
    by: "everything drains",
    within: 100,
  },
  {
    name: "the client keeps its session at Session Present 0",
    file: "src/session/client_connection.ts",
    from: "if (!sessionPresent) {",
    to: "if (!sessionPresent && !session.exists) {",
    by: "everything drains",
    within: 100,
  },
  {
    name: "Topic Aliases are kept across connections",
    file: "src/session/message_exchange.ts",
    from: "      : new OutgoingAliases(topicAliases, peer.topicAliasMaximum);",
    to: "      : ((session as { aliases?: OutgoingAliases }).aliases ??= " +
      "new OutgoingAliases(topicAliases, peer.topicAliasMaximum));",
    by: "monitor",
    within: 100,
  },
  {
    name: "a Topic Alias that is assigned anew keeps its topic",
    file: "src/session/topic_alias.ts",
    from: 'if (packet.topic !== "") this.#set(topicAlias, packet.topic);',
    to: 'if (packet.topic !== "" && this.#topics[topicAlias] === undefined) ' +
      "this.#set(topicAlias, packet.topic);",
    by: "routing",
    within: 100,
  },
  {
    name: "Message Expiry Interval is not counted down",
    file: "src/session/outgoing_message.ts",
    from: "    if (messageExpiryInterval === before) return;",
    to: "    if (messageExpiryInterval <= before) return;",
    by: "expiry",
    within: 100,
  },
  {
    name: "what has expired is sent",
    file: "src/session/send_queue.ts",
    from: "return this.takeOut(({ expiresAt }) => expiresAt <= now);",
    to: "this.#nextExpiry = Infinity;\n    return [];",
    by: "expiry",
    within: 500,
  },
  {
    name: "what expires later is dropped with what has expired",
    file: "src/session/send_queue.ts",
    from: "return this.takeOut(({ expiresAt }) => expiresAt <= now);",
    to: "return this.takeOut(({ expiresAt }) => expiresAt <= now + 3_600_000);",
    by: "expiry",
    within: 100,
  },
  {
    name: "a message of QoS 2 that comes again is delivered again",
    file: "src/session/receiver.ts",
    from: "    if (known === undefined) {\n      const acknowledgement = " +
      "new PendingAcknowledgement(packetId, 2);",
    to:
      "    if (known === undefined || known.receivedOn !== this) {\n      const acknowledgement = " +
      "new PendingAcknowledgement(packetId, 2);",
    by: "once",
    within: 100,
  },
  {
    name: "acknowledgements go out in the order of the application",
    file: "src/session/receiver.ts",
    from: "    try {\n      this.#flush();",
    to: "    try {\n      const all: PendingAcknowledgement[] = [];\n" +
      "      while (queue.length > 0) all.push(queue.shift()!);\n" +
      "      const isFirst = (each: PendingAcknowledgement) => each === acknowledgement;\n" +
      "      for (const each of all) if (isFirst(each)) queue.push(each);\n" +
      "      for (const each of all) if (!isFirst(each)) queue.push(each);\n" +
      "      this.#flush();",
    by: "monitor",
    within: 200,
  },
  {
    name: "messages are sent again in no order",
    file: "src/session/in_flight.ts",
    from: "      .sort((a, b) => a.order - b.order);",
    to: "      .sort((a, b) => b.order - a.order);",
    by: "monitor",
    within: 100,
  },
  {
    name: "what is in flight is not sent again",
    file: "src/session/sender.ts",
    from: "      } else this.#again.push(message);",
    to: "      }",
    by: "everything drains",
    within: 100,
  },
  {
    name: "PUBREC is not answered",
    file: "src/session/sender.ts",
    from: '    this.#writeBuffer.write({ type: "pubrel", packetId });\n' +
      "    if (message.isReleased) return;",
    to: "    if (message.isReleased) return;",
    by: "everything drains",
    within: 100,
  },
  {
    name: "PUBREC is not sent again",
    file: "src/session/receiver.ts",
    from: "    if (known.receivedOn !== this) this.#take(known, packet, this.#pubrecs);",
    to: "    if (known.receivedOn !== this) known.receivedOn = this;",
    by: "monitor",
    within: 100,
  },
  {
    name: "the client never asks whether the server lives",
    file: "src/session/keep_alive.ts",
    from: "    } else if (now < this.#due) return undefined;",
    to: "    } else {\n      if (now >= this.#due) this.#sent = this.#answered = now;\n" +
      "      return undefined;\n    }",
    by: "monitor",
    within: 500,
  },
  {
    name: "the Maximum Packet Size of the peer is ignored",
    file: "src/session/write_buffer.ts",
    from: "    this.#options.maximumPacketSize = bytes;",
    to: "    this.#options.maximumPacketSize = Math.max(bytes, 1_000_000);",
    by: "monitor",
    within: 100,
  },
];
