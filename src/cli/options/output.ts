// The options for printing received messages.

import type { OptionTable } from "./parse.ts";

const GROUP = "Output";
const CHOICE = "format";

/** The options. */
export const OUTPUT = {
  "verbose": { short: "v", help: "print the topic before the payload" },
  "format": {
    short: "F",
    value: "TEXT",
    choice: CHOICE,
    help: "print in this format: %t topic, %p payload, …",
    group: GROUP,
  },
  "json": { choice: CHOICE, help: "print JSON lines, as pub --json reads them" },
  "no-eol": { short: "N", help: "print no newline after a message", group: GROUP },
  "raw": {
    help: "do not escape control characters on a terminal",
    group: GROUP,
  },
} as const satisfies OptionTable;

/** The letters of `-F`, for the help. */
export const FORMAT_LETTERS =
  `In formats: %t topic, %p payload, %x %X payload in hexadecimal, %l its length,
%q QoS, %r retain, %m Packet Identifier, %C Content Type, %R Response Topic,
%D Correlation Data, %E Message Expiry Interval, %F Payload Format Indicator,
%P User Properties, %S Subscription Identifier, %j %J JSON of mosquitto_sub,
%I time, %U seconds since 1970, %% a percent sign; %-8.3t sets width and length;
@Y and others as in strftime(3), @N nanoseconds; \\n \\t \\r \\0 \\a \\e \\v \\\\.
`;
