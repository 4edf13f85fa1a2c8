// The options for messages to publish: payload, QoS, RETAIN, properties.

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
  "message": { short: "m", value: "TEXT", choice: CHOICE, help: "payload" },
  "file": {
    short: "f",
    value: "FILE",
    isFile: true,
    choice: CHOICE,
    help: "payload: the content of a file",
  },
  "stdin-file": {
    short: "s",
    choice: CHOICE,
    help: "payload: all of standard input",
    group: GROUP,
  },
  "null-message": { short: "n", choice: CHOICE, help: "empty payload", group: GROUP },
} as const satisfies OptionTable;

/** The options for many messages. */
export const LINES = {
  "stdin-line": { short: "l", choice: CHOICE, help: "one message per line of standard input" },
  "topic-line": {
    choice: CHOICE,
    help: "the same; each line is TOPIC, a space, payload",
    group: GROUP,
  },
  "json": { choice: CHOICE, help: "the same; each line is JSON, as from sub --json" },
} as const satisfies OptionTable;

/** The option `-M` of mosquitto's tools. */
export const MAX_INFLIGHT = {
  "max-inflight": {
    short: "M",
    value: "N",
    help: "at most N unacknowledged messages at once",
    group: "Sending",
  },
} as const satisfies OptionTable;

/** The same for commands that never have more than one: the bound always holds. */
export const ONE_INFLIGHT = {
  "max-inflight": {
    ...MAX_INFLIGHT["max-inflight"],
    help: "accepted; it sends one message at a time",
  },
} as const satisfies OptionTable;

/** The value of `--max-inflight`; `undefined` without it. */
export function maxInflightOf(
  { "max-inflight": text }: { readonly "max-inflight": string | undefined },
): number | undefined {
  return text === undefined ? undefined : integerOption("max-inflight", text, 1, 65_535);
}

/** The options for the other fields of a message. */
export const PUBLISH = {
  "qos": { short: "q", value: "0|1|2", help: "QoS; default 0" },
  "retain": { short: "r", help: "have the server retain the message" },
} as const satisfies OptionTable;

/** The properties of PUBLISH, for a command that publishes. */
export const PUBLISH_NAMES = { holder: "publish", prefix: "" } as const satisfies PropertyNames;

/** The options of `publish()`. */
export function publishOptionsOf(
  options: OptionValues<typeof PUBLISH> & AnyValues,
): PublishOptions {
  return {
    ...propertiesOf(PUBLISH_NAMES, options),
    qos: integerOption("qos", options.qos ?? "0", 0, 2) as QoS,
    retain: options.retain,
  };
}

/** How often a message is published, and the pause between, in milliseconds. */
export interface Repetition {
  readonly times: number;
  readonly delay: number;
}

/** The values of `--repeat` and `--repeat-delay`. */
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
