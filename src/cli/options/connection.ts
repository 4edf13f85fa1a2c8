// The options of every command that connects to a server, with the letters of mosquitto's tools.

import type { ConnectOptions, DisconnectOptions, WillOptions } from "../../client/mod.ts";
import type { QoS } from "../../packets/mod.ts";
import { ReasonCode } from "../../packets/reason_codes.ts";
import { usageFailure } from "../failure.ts";
import type { Permissions } from "../permissions.ts";
import { checkAuthMethod, CREDENTIALS } from "./credentials.ts";
import {
  type AnyValues,
  integerOption,
  type Option,
  type OptionTable,
  type OptionValues,
  type ParsedArguments,
  secondsOption,
} from "./parse.ts";
import {
  bytesOption,
  propertiesOf,
  propertyByWords,
  type PropertyNames,
  propertyOptions,
} from "./properties.ts";
import {
  SERVER_OPTIONS,
  serverOf,
  serverPermissions,
  type ServerPlace,
  TLS_OPTIONS,
} from "./server.ts";
import { TRACE, type TraceLevel, traceOf } from "./trace.ts";

const GROUP = "Connection";
const WILL = "Will";

const OPTIONS = {
  ...SERVER_OPTIONS,
  ...CREDENTIALS,
  "client-id": {
    short: "i",
    value: "ID",
    choice: "client id",
    help: "Client Identifier; else the server assigns one",
    group: GROUP,
  },
  "client-id-prefix": {
    short: "I",
    value: "TEXT",
    choice: "client id",
    help: "Client Identifier: this plus the process id",
    group: GROUP,
  },
  "keep-alive": { short: "k", value: "SECONDS", help: "Keep Alive; default 60", group: GROUP },
  "no-clean-start": {
    short: "c",
    help: "resume the session; without -x, keep it forever",
    group: GROUP,
  },
  "timeout": { short: "W", value: "SECONDS", help: "give up after this long, with exit code 27" },
  "connect-timeout": {
    value: "SECONDS",
    help: "wait this long for CONNACK; default 10",
    group: GROUP,
  },
  "reconnect-attempts": {
    value: "N",
    help: "after a lost connection; default: no limit",
    group: GROUP,
  },
  "protocol-version": {
    short: "V",
    value: "5",
    help: "only MQTT 5.0 is supported",
    group: GROUP,
  },
  ...TLS_OPTIONS,
  ...TRACE,
  "disconnect-with-will": { help: "disconnect so that the Will is published", group: WILL },
  "will-topic": { value: "TOPIC", help: "Will Topic; sets a Will Message", group: WILL },
  "will-payload": { value: "BYTES", help: "Will Payload", group: WILL },
  "will-qos": { value: "0|1|2", help: "Will QoS", group: WILL },
  "will-retain": { help: "Will Retain", group: WILL },
} as const satisfies OptionTable;

const WILL_NAMES = { holder: "will", prefix: "will-" } as const satisfies PropertyNames;
const DISCONNECT_NAMES = {
  holder: "disconnect",
  prefix: "disconnect-",
} as const satisfies PropertyNames;
/** Properties of CONNECT have a prefix where the packet of the command has one of that name. */
const CONNECT_NAMES: Readonly<Record<Subject, PropertyNames & { readonly holder: "connect" }>> = {
  connect: { holder: "connect", prefix: "" },
  messages: { holder: "connect", prefix: "connect-", only: new Set(["user-property"]) },
};

const EXPIRY = "session-expiry-interval";

/** What a command is about: CONNECT, or the packets after it. */
export type Subject = "connect" | "messages";

/** The options, with the properties of CONNECT, Will, DISCONNECT and the command's own packets. */
export function connectionOptions(
  subject: Subject,
  ...about: readonly PropertyNames[]
): typeof OPTIONS {
  const packets = [...about, CONNECT_NAMES[subject], WILL_NAMES, DISCONNECT_NAMES];
  const properties: Record<string, Option> = Object.assign({}, ...packets.map(propertyOptions));
  // The letter of mosquitto's tools.
  properties[EXPIRY] = { ...properties[EXPIRY]!, short: "x" };
  return { ...OPTIONS, ...properties as object, ...propertyByWords(packets) as object };
}

/** Their values. */
export type ConnectionValues = OptionValues<typeof OPTIONS>;

/** A server, and how to connect to it. */
export interface Connection {
  readonly server: ServerPlace;
  /** The topic in the URL, if there is one. */
  readonly topic: string | undefined;
  /** Options of the client, without user and password. */
  readonly connect: ConnectOptions;
  readonly disconnect: DisconnectOptions;
  /** How packets are shown; `undefined` if they are not. */
  readonly trace: TraceLevel | undefined;
  /** Milliseconds after which the command gives up; `Infinity` for never. */
  readonly timeout: number;
  /** The values of the options, for user and password. */
  readonly given: ConnectionValues;
}

/**
 * The connection that the command line describes.
 *
 * @throws {Failure} when an option is invalid
 */
export function connectionOf(
  { options, operands }: ParsedArguments<typeof OPTIONS>,
  subject: Subject = "messages",
): Connection {
  const { server, topic } = serverOf(options, operands, subject !== "connect");
  const { trace, timeout, "reconnect-attempts": attempts } = options;
  if (!["5", "mqttv5", undefined].includes(options["protocol-version"])) {
    throw usageFailure("--protocol-version: only MQTT 5.0 is supported, expected 5 or mqttv5");
  }
  checkAuthMethod(options);
  return {
    server,
    topic,
    connect: {
      ...connectProperties(options, subject),
      clientId: clientIdOf(options),
      cleanStart: !options["no-clean-start"],
      keepAlive: integerOption("keep-alive", options["keep-alive"] ?? "60", 0, 65_535),
      will: willOf(options),
      connectTimeout: positive("connect-timeout", options["connect-timeout"] ?? "10"),
      reconnect: attempts === undefined ? {} : reconnectOf(attempts),
    },
    disconnect: {
      ...propertiesOf(DISCONNECT_NAMES, options),
      reasonCode: options["disconnect-with-will"]
        ? ReasonCode.disconnectWithWillMessage
        : ReasonCode.success,
    },
    trace: traceOf(trace),
    timeout: timeout === undefined ? Infinity : secondsOption("timeout", timeout),
    given: options,
  };
}

/** The permissions to connect, and to read a file. */
export function connectionPermissions(
  { server, given }: Connection,
  file?: string,
): Permissions {
  const { net = [], read = [], write = [] } = serverPermissions(server);
  const files = [given["password-file"], file].filter((path) => path !== undefined);
  return {
    net,
    read: [...read, ...files],
    write,
    env: [given["password-env"]].filter((name) => name !== undefined),
  };
}

/** The topics given with options, and the one in the URL. */
export function topicsOf(given: readonly string[], { topic }: Connection): readonly string[] {
  return topic === undefined ? given : [...given, topic];
}

const NEVER = "4294967295";

function connectProperties(options: AnyValues, subject: Subject): ConnectOptions {
  const given = options[EXPIRY] as string | undefined;
  // As with mosquitto's tools: a session that is resumed is there the next time, too.
  const otherwise = options["no-clean-start"] === true && subject === "messages"
    ? NEVER
    : undefined;
  const expiry = given === "-1" || given === "∞" ? NEVER : given ?? otherwise;
  if (subject === "messages" && expiry === NEVER && options["client-id"] === undefined) {
    throw usageFailure("A session that never expires needs a --client-id");
  }
  return propertiesOf(CONNECT_NAMES[subject], { ...options, [EXPIRY]: expiry });
}

function clientIdOf(options: ConnectionValues): string {
  const { "client-id": id, "client-id-prefix": prefix } = options;
  return prefix === undefined ? id ?? "" : `${prefix}${Deno.pid}`;
}

function positive(name: string, text: string): number {
  const milliseconds = secondsOption(name, text);
  if (milliseconds > 0) return milliseconds;
  throw usageFailure(`--${name}: expected more than 0 seconds`);
}

function reconnectOf(attempts: string): ConnectOptions["reconnect"] {
  const maximumAttempts = integerOption("reconnect-attempts", attempts, 0, 1_000_000);
  return maximumAttempts === 0 ? false : { maximumAttempts };
}

function willOf(options: ConnectionValues): WillOptions | undefined {
  const topic = options["will-topic"];
  if (topic === undefined) {
    const stray = Object.entries(options).find(([name, value]) =>
      name.startsWith("will-") && [value].flat().some(Boolean)
    );
    if (stray !== undefined) throw usageFailure(`--${stray[0]} needs --will-topic`);
    return undefined;
  }
  return {
    topic,
    payload: bytesOption("will-payload", options["will-payload"] ?? ""),
    qos: integerOption("will-qos", options["will-qos"] ?? "0", 0, 2) as QoS,
    retain: options["will-retain"],
    ...propertiesOf(WILL_NAMES, options),
  };
}
