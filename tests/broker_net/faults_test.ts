// What no client may send, over TCP: the guilty one is told, as far as it may be told, and is gone; what it sent before has
// been heard, what it sent afterwards has not; its Will is published, and everybody else goes on.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { binary, text, u16, u8, vbi, whole } from "../build.ts";
import { brokerTest, take, until } from "./broker_net.ts";
import { bytesOf } from "../hex.ts";
import { Peer } from "./peer.ts";
import type { ServeOptions } from "../../src/broker/mod.ts";

const NAME = "00044D515454";

/** CONNECT with these flags, properties and payload. */
function connectHex(flags: string, properties = "", payload = "0000", version = "05"): string {
  const length = vbi(properties.replaceAll(" ", "").length / 2);
  return whole("10", NAME, version, flags, "003C", length, properties, payload);
}

/** What a client must not send first, and the Reason Code of the CONNACK that it gets; without, it gets none. */
const FIRST:
  readonly (readonly [what: string, hex: string, reasonCode?: number, options?: ServeOptions])[] = [
    ["PUBLISH", "30 04 0001 61 00"],
    ["SUBSCRIBE", "82 07 0001 00 0001 61 00"],
    ["PINGREQ", "C0 00"],
    ["DISCONNECT", "E0 00"],
    ["AUTH", "F0 06 18 04 15 0001 6D"],
    ["CONNACK", "20 03 00 00 00"],
    ["a packet of no type", "00 00"],
    ["a malformed PUBLISH", "36 00"],
    ["something else altogether", "47 45 54 20 2F 20 48 54 54 50 2F 31 2E 31 0D 0A 0D 0A"],
    [
      "CONNECT with a reserved flag in its first byte",
      "11 0D 00044D515454 05 02 0000 00 0000",
      0x81,
    ],
    ["CONNECT with a Remaining Length of five bytes", "10 80 80 80 80 01", 0x81],
    [
      "CONNECT with a Remaining Length that is longer than need be",
      "10 8D 00 00044D515454 05 02 0000 00 0000",
      0x81,
    ],
    ["CONNECT of another protocol", whole("10", text("MQTX"), "05 02 003C 00 0000"), 0x84],
    ["CONNECT of MQTT 6", connectHex("02", "", "0000", "06"), 0x84],
    ["CONNECT with the reserved Connect Flag", connectHex("03"), 0x81],
    ["CONNECT with Will QoS 3", connectHex("1E", "", `0000 00 ${text("a")} 0000`), 0x81],
    ["CONNECT with Will QoS but no Will", connectHex("0A"), 0x81],
    ["CONNECT with Will Retain but no Will", connectHex("22"), 0x81],
    ["CONNECT without payload", connectHex("02", "", ""), 0x81],
    ["CONNECT without the Will that it announces", connectHex("06"), 0x81],
    ["CONNECT without the User Name that it announces", connectHex("82"), 0x81],
    ["CONNECT with more than it announces", connectHex("02", "", "0000 00"), 0x81],
    [
      "CONNECT with a Will for a wildcard",
      connectHex("06", "", `0000 00 ${text("a/#")} 0000`),
      0x81,
    ],
    [
      "CONNECT with a Client Identifier that is no UTF-8",
      connectHex("02", "", binary("C0 80")),
      0x81,
    ],
    ["CONNECT with a Client Identifier with U+0000", connectHex("02", "", binary("00")), 0x81],
    ["CONNECT with a property of PUBLISH", connectHex("02", "23 0001"), 0x81],
    ["CONNECT with a property that there is not", connectHex("02", "04 00"), 0x81],
    [
      "CONNECT with properties that go on after their end",
      whole("10", NAME, "05 02 003C 02 21 0001 0000"),
      0x81,
    ],
    ["CONNECT with a property twice", connectHex("02", "21 0001 21 0001"), 0x82],
    ["CONNECT with a Receive Maximum of 0", connectHex("02", "21 0000"), 0x82],
    ["CONNECT with a Maximum Packet Size of 0", connectHex("02", "27 00000000"), 0x82],
    ["CONNECT with a flag of 2", connectHex("02", "17 02"), 0x82],
    ["CONNECT with Authentication Data alone", connectHex("02", "16 0001 00"), 0x82],
    [
      "CONNECT with an Authentication Method that is not known",
      connectHex("02", "15 0001 6D"),
      0x8c,
    ],
    ["CONNECT that is too large", whole("10", "00".repeat(200)), 0x95, {
      limits: { maximumPacketSize: 100 },
    }],
    [
      "CONNECT with a Will above the Maximum QoS",
      connectHex("16", "", `0000 00 ${text("a")} 0000`),
      0x9b,
      { maximumQoS: 1 },
    ],
    [
      "CONNECT with a Will to be retained where nothing is",
      connectHex("26", "", `0000 00 ${text("a")} 0000`),
      0x9a,
      {
        retainAvailable: false,
      },
    ],
  ];

for (const [what, hex, reasonCode, options] of FIRST) {
  brokerTest(`A client that begins with ${what} is not let in`, async (broker) => {
    await using other = await connect(broker.url);
    const all = await other.subscribe("#", { qos: 1 });
    using peer = await Peer.dial(broker);
    await peer.send(hex);
    if (reasonCode !== undefined) {
      const connack = await peer.expect("connack");
      assertEquals([connack.reasonCode, connack.sessionPresent], [reasonCode, false]);
    }
    await peer.expectEnd();
    await other.publish("still", "there", { qos: 1 });
    assertEquals((await take(all, 1)).map(({ topic }) => topic), ["still"]);
    assertStrictEquals(broker.statistics.sessions, 1);
  }, { limits: { maximumPacketSize: 1000 }, ...options });
}

for (
  const [what, hex] of [
    ["MQTT 3.1", whole("10", text("MQIsdp"), "03 02 003C 0000")],
    ["MQTT 3.1.1", whole("10", NAME, "04 02 003C 0000")],
  ] as const
) {
  brokerTest(
    `A client of ${what} at a broker of MQTT 5.0 alone is refused in the form that it knows`,
    async (broker) => {
      using socket = await Deno.connect({ hostname: "127.0.0.1", port: broker.port });
      await socket.write(bytesOf(hex));
      const answer = await new Response(socket.readable).bytes();
      assertEquals(answer, Uint8Array.of(0x20, 0x02, 0x00, 0x01));
      assertStrictEquals(broker.statistics.sessions, 0);
    },
    { versions: [5] },
  );
}

/** What a client must not send once it is connected, and the Reason Code that it is told. */
const FAULTS:
  readonly (readonly [what: string, hex: string, reasonCode: number, options?: ServeOptions])[] = [
    ["CONNECT a second time", connectHex("02"), 0x82],
    ["CONNECT of MQTT 3.1.1", whole("10", NAME, "04 02 003C 0000"), 0x82],
    ["CONNACK of MQTT 3", "20 02 00 01", 0x82],
    ["CONNACK", "20 03 00 00 00", 0x82],
    ["SUBACK", "90 04 0001 00 00", 0x82],
    ["UNSUBACK", "B0 04 0001 00 00", 0x82],
    ["PINGRESP", "D0 00", 0x82],
    ["a packet of no type", "00 00", 0x82],
    ["AUTH where CONNECT had no method", "F0 06 18 04 15 0001 6D", 0x82],
    ["AUTH without anything", "F0 00", 0x82],
    ["AUTH of one byte", "F0 01 18", 0x81],
    ["a Remaining Length of five bytes", "30 80 80 80 80 01", 0x81],
    ["a Remaining Length that is longer than need be", "C0 80 00", 0x81],
    ["PINGREQ with a body", "C0 01 00", 0x81],
    ["PINGREQ with a flag", "C1 00", 0x81],
    ["SUBSCRIBE without its flag", "80 07 0001 00 0001 61 00", 0x81],
    ["UNSUBSCRIBE without its flag", "A0 06 0001 00 0001 61", 0x81],
    ["PUBREL without its flag", "60 02 0001", 0x81],
    ["QoS 3", "36 06 0001 61 0001 00", 0x81],
    ["DUP at QoS 0", "38 04 0001 61 00", 0x81],
    ["PUBLISH that is too short for its topic", "30 03 0005 61", 0x81],
    ["PUBLISH without Property Length", "30 03 0001 61", 0x81],
    ["PUBLISH with properties longer than itself", "30 05 0001 61 05 01", 0x81],
    ["PUBLISH with a topic that is no UTF-8", whole("30", binary("FF"), "00"), 0x81],
    ["PUBLISH with a surrogate in its topic", whole("30", binary("ED A0 80"), "00"), 0x81],
    ["PUBLISH with U+0000 in its topic", whole("30", binary("00"), "00"), 0x81],
    ["PUBLISH to a wildcard", whole("30", text("a/+"), "00"), 0x81],
    ["PUBLISH to nothing", "30 03 0000 00", 0x82],
    ["PUBLISH with a Subscription Identifier", "30 06 0001 61 02 0B 01", 0x82],
    [
      "PUBLISH with a Response Topic that is a filter",
      whole("30", text("a"), "04 08", text("#")),
      0x82,
    ],
    ["PUBLISH with an empty Response Topic", "30 07 0001 61 03 08 0000", 0x82],
    ["PUBLISH with a payload format that there is not", "30 06 0001 61 02 01 02", 0x82],
    ["PUBLISH with a property of CONNECT", "30 09 0001 61 05 11 00000000", 0x81],
    ["PUBLISH with a property twice", "30 08 0001 61 04 01 00 01 00", 0x82],
    ["a Topic Alias of 0", "30 07 0001 61 03 23 0000", 0x94],
    ["a Topic Alias above the maximum", "30 07 0001 61 03 23 0041", 0x94],
    ["a Topic Alias that stands for nothing", "30 06 0000 03 23 0001", 0x82],
    ["QoS 1 with Packet Identifier 0", "32 06 0001 61 0000 00", 0x82],
    ["SUBSCRIBE with Packet Identifier 0", "82 07 0000 00 0001 61 00", 0x82],
    ["SUBSCRIBE to nothing", "82 03 0001 00", 0x82],
    ["SUBSCRIBE with QoS 3", "82 07 0001 00 0001 61 03", 0x82],
    ["SUBSCRIBE with Retain Handling 3", "82 07 0001 00 0001 61 30", 0x82],
    ["SUBSCRIBE with reserved bits", "82 07 0001 00 0001 61 40", 0x81],
    ["SUBSCRIBE without options", "82 06 0001 00 0001 61", 0x81],
    ["SUBSCRIBE with a Subscription Identifier of 0", "82 09 0001 02 0B 00 0001 61 00", 0x82],
    ["No Local on a Shared Subscription", whole("82", "0001 00", text("$share/g/a"), "04"), 0x82],
    ...["", "a#", "#/a", "a/+b", "$share/g", "$share//a", "$share/+/a", "$share/g/"].map(
      (filter) => {
        const what = `SUBSCRIBE to ${JSON.stringify(filter)}`;
        return [what, whole("82", "0001 00", text(filter), "00"), 0x81] as const;
      },
    ),
    ["UNSUBSCRIBE of nothing", "A2 03 0001 00", 0x82],
    ["UNSUBSCRIBE of no filter", whole("A2", "0001 00", text("a#")), 0x81],
    ["PUBACK with Packet Identifier 0", "40 02 0000", 0x82],
    ["PUBACK with a Reason Code of another packet", "40 03 0001 92", 0x82],
    ["PUBACK that is too long", "40 05 0001 00 00 00", 0x81],
    ["PUBACK of one byte", "40 01 00", 0x81],
    ["DISCONNECT with a Reason Code of the server", "E0 01 8E", 0x82],
    [
      "DISCONNECT with a Session Expiry Interval where there was none",
      "E0 07 00 05 11 00000001",
      0x82,
    ],
    ["DISCONNECT with a flag", "E1 00", 0x81],
    ["a packet that is too large", `30 ${vbi(1001)}`, 0x95],
    [
      "more of QoS 2 than may be unacknowledged",
      [1, 2, 3].map((id) => whole("34", text("a"), u16(id), "00")).join(""),
      0x93,
      { limits: { maximumPacketSize: 1000, receiveMaximum: 2 } },
    ],
    ["QoS above the maximum", "34 06 0001 61 0001 00", 0x9b, { maximumQoS: 1 }],
    ["RETAIN where nothing is retained", "31 04 0001 61 00", 0x9a, { retainAvailable: false }],
    [
      "SUBSCRIBE with a wildcard where none is taken",
      whole("82", "0001 00", text("a/#"), "00"),
      0xa2,
      {
        wildcardSubscriptionAvailable: false,
      },
    ],
    ["SUBSCRIBE with an identifier where none is taken", "82 09 0001 02 0B 01 0001 61 00", 0xa1, {
      subscriptionIdentifierAvailable: false,
    }],
    [
      "SUBSCRIBE to share where nothing is shared",
      whole("82", "0001 00", text("$share/g/a"), "00"),
      0x9e,
      {
        sharedSubscriptionAvailable: false,
      },
    ],
  ];

for (const [what, hex, reasonCode, options] of FAULTS) {
  brokerTest(
    `A client that sends ${what} is told 0x${u8(reasonCode)} and is gone`,
    async (broker) => {
      await using other = await connect(broker.url);
      // It asks for nothing that may not be there.
      const [before, after, wills] = await Promise.all(
        ["before", "after", "wills"].map((topic) => other.subscribe(topic, { qos: 1 })),
      );
      const will = { topic: "wills", payload: new TextEncoder().encode(what) };
      using peer = await Peer.connect(broker, { clientId: "guilty", will });
      await peer.send(whole("30", text("before"), "00"), hex, whole("30", text("after"), "00"));
      // More than one PUBREC may come before.
      for (;;) {
        const packet = await peer.next();
        if (packet?.type === "pubrec") continue;
        assertStrictEquals(packet?.type === "disconnect" && packet.reasonCode, reasonCode);
        break;
      }
      await peer.expectEnd();
      await take(before!, 1);
      const [gone] = await take(wills!, 1);
      assertEquals([gone!.text(), after!.waiting, before!.waiting], [what, 0, 0]);
      await until(() => broker.statistics.clients === 1);
      assertStrictEquals(broker.statistics.sessions, 1);
    },
    { limits: { maximumPacketSize: 1000 }, ...options },
  );
}
