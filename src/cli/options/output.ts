// The options for how received messages are shown.

import type { OptionTable } from "./parse.ts";

const GROUP = "Output";
const CHOICE = "format";

/** The options. */
export const OUTPUT = {
  "verbose": { short: "v", help: "print the topic, too, before the payload" },
  "format": {
    short: "F",
    value: "TEXT",
    choice: CHOICE,
    help: "print as this says, with %t topic, %p payload",
    group: GROUP,
  },
  "json": { choice: CHOICE, help: "print JSON, a line each, as pub --json takes it" },
  "no-eol": { short: "N", help: "print no end of line after a message", group: GROUP },
  "raw": {
    help: "escape nothing on a terminal: it may obey what was received",
    group: GROUP,
  },
} as const satisfies OptionTable;

/** What `-F` knows, for the help. */
export const FORMAT_LETTERS =
  `In a format: %t topic, %p payload, %x %X payload in hexadecimal, %l its length,
%q QoS, %r retain, %m Packet Identifier, %C Content Type, %R Response Topic,
%D Correlation Data, %E Message Expiry Interval, %F Payload Format Indicator,
%P User Properties, %S Subscription Identifier, %j %J JSON as mosquitto_sub has
it, %I time, %U seconds since 1970, %% a percent sign; %-8.3t width and cut;
@Y and so on as strftime(3), @N nanoseconds; \\n \\t \\r \\0 \\a \\e \\v \\\\.
`;
