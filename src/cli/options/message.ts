// The options for what is published: payloads, QoS, properties.

import type { PublishOptions } from "../../client/mod.ts";
import type { QoS } from "../../packets/mod.ts";
import {
  type AnyValues,
  integerOption,
  type OptionTable,
  type OptionValues,
  secondsOption,
} from "./parse.ts";
import { propertiesOf, type PropertyNames } from "./properties.ts";

const GROUP = "Payload";
const CHOICE = "payload";

/** The options for one payload. */
export const PAYLOAD = {
  "message": { short: "m", value: "TEXT", choice: CHOICE, help: "the payload" },
  "file": { short: "f", value: "FILE", isFile: true, choice: CHOICE, help: "the payload: a file" },
  "stdin-file": {
    short: "s",
    choice: CHOICE,
    help: "the payload: all of standard input",
    group: GROUP,
  },
  "null-message": { short: "n", choice: CHOICE, help: "the payload: nothing", group: GROUP },
} as const satisfies OptionTable;

/** The options for many messages. */
export const LINES = {
  "stdin-line": { short: "l", choice: CHOICE, help: "a message for each line of standard input" },
  "topic-line": {
    choice: CHOICE,
    help: "likewise; a line is TOPIC, a blank, the payload",
    group: GROUP,
  },
  "json": { choice: CHOICE, help: "likewise; a line is JSON, as sub --json prints it" },
} as const satisfies OptionTable;

/** The options for what a message has beside its topic and its payload. */
export const PUBLISH = {
  "qos": { short: "q", value: "0|1|2", help: "QoS; 0 by default" },
  "retain": { short: "r", help: "the server keeps it for those who subscribe later" },
} as const satisfies OptionTable;

/** The properties of PUBLISH, for a command that is about it. */
export const PUBLISH_NAMES = { holder: "publish", prefix: "" } as const satisfies PropertyNames;

/** How a message is published, as the options say. */
export function publishOptionsOf(
  options: OptionValues<typeof PUBLISH> & AnyValues,
): PublishOptions {
  return {
    ...propertiesOf(PUBLISH_NAMES, options),
    qos: integerOption("qos", options.qos ?? "0", 0, 2) as QoS,
    retain: options.retain,
  };
}

/** How often a message is published, and how long it is waited before each other time, in milliseconds. */
export interface Repetition {
  readonly times: number;
  readonly delay: number;
}

/** How `--repeat` and `--repeat-delay` are meant. */
export function repetitionOf(
  { repeat, "repeat-delay": delay }: {
    readonly repeat: string | undefined;
    readonly "repeat-delay": string | undefined;
  },
): Repetition {
  return {
    times: integerOption("repeat", repeat ?? "1", 1, 4_294_967_295),
    delay: secondsOption("repeat-delay", delay ?? "0"),
  };
}
