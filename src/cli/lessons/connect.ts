// The chapter `connect`: §3.1 CONNECT, §3.2 CONNACK, §3.12 PINGREQ, §3.14 DISCONNECT.

import type { Chapter } from "./chapter.ts";

/** How a conversation begins, lasts and ends. */
export const CONNECT: Chapter = {
  about: "In MQTT, programs and devices do not talk to each other but to a broker, which the " +
    "standard calls the Server. They are its clients, here a lamp. A client opens a connection, " +
    "keeps it open, and both ends send packets over it: short pieces of binary data. Bytes are " +
    "written in hexadecimal here, two digits each: 10 is sixteen, FF is 255. A § is a section " +
    "of the standard, [MQTT-…] one of its numbered rules.",
  steps: [
    {
      title: "The lamp connects: it sends CONNECT, and the broker answers with CONNACK.",
      text: "Each packet begins with a fixed header (§2.1): a byte with the type of the packet, " +
        "then the number of bytes that follow. CONNECT says what the client wants, CONNACK what " +
        "it gets. The `00` in CONNACK behind its flags is the Reason Code, Success (§3.2.2.2); " +
        "from 0x80 on it would be a refusal. What follows there are properties: limits of this " +
        "broker, such as `21 03 E8`, its Receive Maximum of 1000 (§3.2.2.3.3).",
      bytes: {
        of: "CONNECT",
        rows: [
          ["10", "the type in the high half: 1 is CONNECT; the low half is reserved, 0 (§2.1.2)"],
          ["11", "the Remaining Length: 17 more bytes follow, 1 × 16 + 1 (§2.1.4)"],
          ["00 04 4D 51 54 54", 'the Protocol Name: 4 bytes of text, "MQTT" (§3.1.2.1)'],
          ["05", "the Protocol Version: 5 for MQTT 5.0 (§3.1.2.2)"],
          ["02", "the Connect Flags: only Clean Start is set, for a new session (§3.1.2.4)"],
          ["0E 10", "Keep Alive: 3600 seconds, see the next step (§3.1.2.10)"],
          ["00", "the properties take 0 bytes: there are none (§3.1.2.11.1)"],
          ["00 04", "the Client Identifier takes 4 bytes (§3.1.3.1)"],
          ["6C 61 6D 70", '"lamp": by this name the broker knows the client'],
        ],
      },
      async run(stage) {
        await stage.client("lamp").connect();
      },
    },
    {
      title: "The lamp has nothing to say: it sends PINGREQ, and the broker answers PINGRESP.",
      text:
        "A client promises with Keep Alive that it never stays silent for longer; a broker that " +
        "hears nothing for one and a half times as long takes it for dead (§3.1.2.10). Here it " +
        "is an hour, so that you can read in peace; a minute is usual. The smallest packet that " +
        "keeps the promise is PINGREQ, `C0 00`: type 12, and 0 bytes follow (§3.12). The answer " +
        "`D0 00` tells the client that the broker is still there, too (§3.13).",
      async run(stage) {
        const lamp = stage.client("lamp");
        await lamp.send({ type: "pingreq" });
        await lamp.receive("pingresp");
      },
    },
    {
      title: "The lamp leaves: it sends DISCONNECT and closes the connection.",
      text: "`E0` is DISCONNECT (§3.14). `00` says that no byte follows: then the Reason Code " +
        "counts as 0x00, Normal disconnection (§3.14.2.1). A client that leaves without this " +
        "word, because its battery is empty, is another story: see the chapter will.",
      async run(stage) {
        await stage.client("lamp").disconnect();
      },
    },
  ],
};
