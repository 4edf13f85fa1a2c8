// What explainPacket() says that a value means, for either value of each flag and for the values
// that are special.

import { assertEquals } from "@std/assert";
import { encodePacket, explainPacket, type PacketInit } from "../../mod.ts";

const PASSWORD = Uint8Array.of(1);

/** Packets, and what they mean by the names of fields and bits. */
const MEANINGS: readonly (readonly [PacketInit, Readonly<Record<string, string>>])[] = [
  [{ type: "connect", clientId: "", keepAlive: 0 }, {
    "MQTT Control Packet type": "CONNECT",
    "Remaining Length": "13 bytes follow",
    "Protocol Version": "MQTT 5.0",
    "User Name Flag": "no User Name",
    "Password Flag": "no Password",
    "Will Retain": "the Will is not to be retained",
    "Will QoS": "at most once",
    "Will Flag": "no Will Message",
    "Clean Start": "go on with the session, if there is one",
    "Keep Alive": "the Server waits for ever",
    "Property Length": "no properties",
    "Client Identifier": "the Server is to choose one",
  }],
  [
    {
      ...{ type: "connect", clientId: "c", cleanStart: true, keepAlive: 1, username: "u" },
      password: PASSWORD,
      will: { topic: "w", qos: 1, retain: true, properties: { willDelayInterval: 1 } },
      properties: {
        ...{ requestProblemInformation: false, requestResponseInformation: true },
        ...{ sessionExpiryInterval: 1, topicAliasMaximum: 0 },
      },
    },
    {
      "User Name Flag": "there is a User Name",
      "Password Flag": "there is a Password",
      "Will Retain": "the Will is to be retained",
      "Will QoS": "at least once",
      "Will Flag": "there is a Will Message",
      "Clean Start": "begin a new session",
      "Keep Alive": "the Client sends something at least every 1 second",
      "Request Problem Information": "no Reason String but in PUBLISH, CONNACK, DISCONNECT",
      "Request Response Information": "Response Information is wanted",
      "Session Expiry Interval": "the session outlives the connection by 1 second",
      "Topic Alias Maximum": "no Topic Aliases",
      "Client Identifier": "names the session",
      "Will Delay Interval": "the Will is published 1 second after the connection",
    },
  ],
  [
    {
      ...{ type: "connect", clientId: "c", keepAlive: 2 },
      properties: {
        ...{ requestProblemInformation: true, requestResponseInformation: false },
        ...{ sessionExpiryInterval: 0, topicAliasMaximum: 3 },
      },
    },
    {
      "Keep Alive": "the Client sends something at least every 2 seconds",
      "Request Problem Information": "Reason Strings are welcome",
      "Request Response Information": "Response Information is not wanted",
      "Session Expiry Interval": "the session ends with the connection",
      "Topic Alias Maximum": "Topic Aliases from 1 to 3",
    },
  ],
  [{ type: "connect", clientId: "c", properties: { sessionExpiryInterval: 0xffff_ffff } }, {
    "Session Expiry Interval": "the session never expires",
  }],
  [
    { type: "connack", sessionPresent: true, properties: { retainAvailable: true, maximumQoS: 0 } },
    {
      "Session Present": "the Server goes on with the session",
      "Connect Reason Code": "Success (accepted)",
      "Retain Available": "yes",
      "Maximum QoS": "at most once",
    },
  ],
  [{ type: "connack", properties: { retainAvailable: false, maximumQoS: 1 } }, {
    "Session Present": "the session is new",
    "Retain Available": "no",
    "Maximum QoS": "at least once",
  }],
  [
    {
      ...{ type: "publish", topic: "t", qos: 2, packetId: 1, dup: true, retain: true },
      properties: { payloadFormatIndicator: 1, messageExpiryInterval: 2 },
    },
    {
      "DUP": "may have been sent before",
      "QoS": "exactly once",
      "RETAIN": "to be kept by the Server, or kept by it",
      "Payload Format Indicator": "text in UTF-8",
      "Message Expiry Interval": "the message is of use for 2 seconds",
    },
  ],
  [{ type: "publish", topic: "t", properties: { payloadFormatIndicator: 0 } }, {
    "DUP": "sent for the first time",
    "QoS": "at most once",
    "RETAIN": "not to be kept, or new",
    "Payload Format Indicator": "bytes of any kind",
  }],
  [
    {
      ...{ type: "subscribe", packetId: 1 },
      subscriptions: [{ topicFilter: "a", noLocal: true, retainAsPublished: true }],
    },
    {
      "Retain Handling": "retained messages are sent now",
      "Retain As Published": "RETAIN arrives as published",
      "No Local": "not the Client's own messages",
      "Maximum QoS": "at most once",
    },
  ],
  [{ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a", retainHandling: 1 }] }, {
    "Retain Handling": "retained messages are sent now if the subscription is new",
    "Retain As Published": "RETAIN tells kept messages from new",
    "No Local": "the Client's own messages too",
  }],
  [{ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a", retainHandling: 2 }] }, {
    "Retain Handling": "retained messages are not sent now",
  }],
];

for (const [packet, expected] of MEANINGS) {
  const [first] = Object.values(expected);
  Deno.test(`explainPacket() says what the values of a ${packet.type} mean, such as "${first}"`, () => {
    const { fields } = explainPacket(encodePacket(packet));
    const meanings = fields.flatMap((field) => [field, ...field.bits])
      .filter(({ name }) => name in expected)
      .map(({ name, meaning }) => [name, meaning] as const);
    assertEquals(Object.fromEntries(meanings), expected);
  });
}
