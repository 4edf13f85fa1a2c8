// `connect`: one CONNECT, its CONNACK and a DISCONNECT, shown byte by byte.

import { concat } from "jsr:@std/bytes@^1/concat";
import { parseServerUrl, type ServerUrl } from "../client/server_url.ts";
import { connectTcp } from "../io/tcp.ts";
import type { Transport } from "../io/transport.ts";
import {
  type ConnectInit,
  encodePacket,
  explainPacket,
  type Explanation,
  PacketDecoder,
  PacketError,
  type QoS,
  ReasonCode,
  type WillInit,
} from "../packets/mod.ts";
import { type Context, Failure, type Output, OutputClosed, usageFailure } from "./command.ts";
import { formatExplanation, formatHeading, type FormatOptions } from "./format.ts";
import {
  HELP,
  integerOption,
  optionsHelp,
  type OptionTable,
  type OptionValues,
  parseOptions,
} from "./options.ts";
import { bytesOption, propertiesOf, propertyOptions } from "./property_options.ts";
import { hexByte, paintFor, quoted } from "./text.ts";

const SERVER = "mqtt://127.0.0.1:1883";

const OPTIONS = {
  "client-id": { short: "i", value: "ID", help: "Client Identifier; without, the Server chooses" },
  "username": { short: "u", value: "NAME", help: "User Name" },
  "password": { short: "P", value: "BYTES", help: "Password" },
  "keep-alive": { short: "k", value: "SECONDS", help: "Keep Alive; 60 by default, 0 turns it off" },
  "no-clean-start": { short: "c", help: "go on with the session, if the Server has one" },
  "will-topic": { value: "TOPIC", help: "Will Topic; makes a Will Message" },
  "will-payload": { value: "BYTES", help: "Will Payload" },
  "will-qos": { value: "0|1|2", help: "Will QoS" },
  "will-retain": { help: "Will Retain" },
  "timeout": { value: "SECONDS", help: "how long to wait for the CONNACK; 10 by default" },
  "show-password": { help: "show the bytes of the Password too" },
  "full": { help: "show long values to their last byte" },
  ...HELP,
} as const satisfies OptionTable;

const CONNECT_PROPERTIES = propertyOptions("connect");
const WILL_PROPERTIES = propertyOptions("will");

const TABLE = { ...OPTIONS, ...CONNECT_PROPERTIES, ...WILL_PROPERTIES };

const HELP_TEXT = `Connects to a server and shows what each byte of CONNECT and CONNACK means.

Usage: connect [options] [mqtt://[USER[:PASSWORD]@]HOST[:PORT]]

The server is ${SERVER} by default.

Options:
${optionsHelp(OPTIONS)}
Properties of CONNECT:
${optionsHelp(CONNECT_PROPERTIES)}
Properties of the Will:
${optionsHelp(WILL_PROPERTIES)}
BYTES are text, or hexadecimal digits after hex:

Examples:
  deno run --allow-net cli.ts connect -i thermostat-7 -k 30
  deno run --allow-net cli.ts connect -u alice -P secret mqtt://broker.hivemq.com

Exit code: 0; the Reason Code, 128 or more, when the Server refuses; 2 when the command
line is wrong; 130 after Ctrl-C; 1 when anything else is.
`;

/** The most bytes that are taken for a CONNACK when CONNECT sets no Maximum Packet Size. */
const LARGEST_ANSWER = 1_048_576;

type Options = OptionValues<typeof OPTIONS> & { readonly [name: string]: unknown };

/** Runs `connect`. */
export async function connect({ args, stdout, signal }: Context): Promise<number> {
  const { options, operands }: { readonly options: Options; readonly operands: readonly string[] } =
    parseOptions(TABLE, args);
  if (options.help) {
    stdout.write(HELP_TEXT);
    return 0;
  }
  if (operands.length > 1) throw usageFailure("Give one URL of a server; see connect --help");
  const server = serverOf(operands[0] ?? SERVER);
  const seconds = integerOption("timeout", options.timeout ?? "10", 1, 86_400);
  const packet = connectPacket(options, server);
  const bytes = connectBytes(packet);
  const limit = packet.properties?.maximumPacketSize ?? LARGEST_ANSWER;
  const deadline = AbortSignal.timeout(seconds * 1000);
  const stop = AbortSignal.any([signal, deadline]);
  try {
    const transport = await connectTcp({ ...server, signal: stop });
    const close = () => transport.close();
    stop.addEventListener("abort", close);
    try {
      return await converse(transport, bytes, limit, server, new Display(stdout, options));
    } finally {
      stop.removeEventListener("abort", close);
      transport.close();
    }
  } catch (error) {
    throw failureOf(error, stop, server, seconds);
  }
}

/** The server that a URL names. */
function serverOf(url: string): ServerUrl {
  try {
    return parseServerUrl(url);
  } catch (error) {
    throw error instanceof TypeError ? usageFailure(error.message) : error;
  }
}

function connectPacket(options: Options, { username, password }: ServerUrl): ConnectInit {
  const given = options.password;
  return {
    type: "connect",
    clientId: options["client-id"] ?? "",
    cleanStart: !options["no-clean-start"],
    keepAlive: integerOption("keep-alive", options["keep-alive"] ?? "60", 0, 65_535),
    properties: propertiesOf("connect", options),
    will: willOf(options),
    username: options.username ?? username,
    password: given === undefined ? password : bytesOption("password", given),
  };
}

function willOf(options: Options): WillInit | undefined {
  const topic = options["will-topic"];
  if (topic === undefined) {
    const stray = Object.keys(TABLE).find((name) =>
      name.startsWith("will-") && [options[name]].flat().some(Boolean)
    );
    if (stray !== undefined) throw usageFailure(`--${stray} needs --will-topic`);
    return undefined;
  }
  return {
    topic,
    payload: bytesOption("will-payload", options["will-payload"] ?? ""),
    qos: integerOption("will-qos", options["will-qos"] ?? "0", 0, 2) as QoS,
    retain: options["will-retain"],
    properties: propertiesOf("will", options),
  };
}

/** The bytes of a CONNECT; what may not be sent is the fault of the command line. */
function connectBytes(packet: ConnectInit): Uint8Array {
  try {
    return encodePacket(packet);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw usageFailure(`This CONNECT may not be sent: ${error.message}`);
    }
    throw error;
  }
}

/** Shows packets as they go by. */
class Display {
  readonly output: Output;
  readonly #format: FormatOptions;

  constructor(output: Output, options: Options) {
    this.output = output;
    this.#format = {
      full: options.full,
      hidden: options["show-password"] ? [] : ["Password", "Authentication Data"],
    };
  }

  show(direction: string, explanation: Explanation): void {
    this.output.write(`${direction} ${formatHeading(explanation, this.output)}`);
    this.output.write(`${formatExplanation(explanation, this.output, this.#format)}\n`);
  }
}

const TO_SERVER = "→ Client to Server:";
const TO_CLIENT = "← Server to Client:";

/** Sends the CONNECT, recognises the answer, says good-bye. */
async function converse(
  transport: Transport,
  connect: Uint8Array,
  maximumPacketSize: number,
  { address }: ServerUrl,
  display: Display,
): Promise<number> {
  await transport.write(connect);
  display.show(TO_SERVER, explainPacket(connect));
  const received = await receive(transport, maximumPacketSize, address);
  const answer = explainPacket(received, { maximumPacketSize });
  display.show(TO_CLIENT, answer);
  const isConnected = answer.packet?.type === "connack" && answer.packet.reasonCode < 0x80;
  if (isConnected) {
    const disconnect = encodePacket({ type: "disconnect" });
    await transport.write(disconnect);
    display.show(TO_SERVER, explainPacket(disconnect));
  }
  const { green, red } = paintFor(display.output);
  const paint = isConnected ? green : red;
  display.output.write(`${paint(verdictOf(answer, address))}\n`);
  if (isConnected) return 0;
  return answer.packet?.type === "connack" ? answer.packet.reasonCode : 1;
}

/** The bytes up to the end of the first packet, or up to what makes it none. */
async function receive(
  transport: Transport,
  maximumPacketSize: number,
  address: string,
): Promise<Uint8Array> {
  const decoder = new PacketDecoder({ maximumPacketSize });
  const chunks: Uint8Array[] = [];
  for (let chunk = await transport.read(); chunk !== undefined; chunk = await transport.read()) {
    chunks.push(chunk);
    if (chunks.length === 1 && GREETING.test(new TextDecoder("latin1").decode(chunk))) {
      throw stranger(chunk, address);
    }
    decoder.push(chunk);
    try {
      if (decoder.next() !== undefined) break;
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      if (error.offset === 0) throw stranger(concat(chunks), address);
      break;
    }
  }
  if (chunks.length === 0) throw closed(address);
  return concat(chunks);
}

function verdictOf({ packet, fault, fields }: Explanation, address: string): string {
  if (fault !== undefined) {
    return fault.reasonCode === ReasonCode.unsupportedProtocolVersion
      ? `Failed: ${address} does not speak MQTT 5.0, it answered as a Server of MQTT 3`
      : fault.reasonCode === ReasonCode.packetTooLarge
      ? `Failed: the answer of ${address} is larger than connect takes; see --maximum-packet-size`
      : `Failed: the answer of ${address} is broken`;
  }
  if (packet?.type === "auth") {
    return `Failed: ${address} asks for a step of ${
      quoted(packet.properties.authenticationMethod ?? "")
    }, and connect takes none; use the library for enhanced authentication`;
  }
  if (packet?.type !== "connack") {
    return `Failed: ${address} answered with another packet than CONNACK (§3.2)`;
  }
  const code = fields.find(({ name }) => name === "Connect Reason Code");
  const reason = `Reason Code ${hexByte(packet.reasonCode)}, ${code?.meaning}`;
  const { assignedClientIdentifier, reasonString } = packet.properties;
  const more = [
    assignedClientIdentifier === undefined
      ? ""
      : `; the Client is called ${quoted(assignedClientIdentifier)}`,
    reasonString === undefined ? "" : `; Reason String ${quoted(reasonString)}`,
  ].join("");
  return packet.reasonCode < 0x80
    ? `Connected: ${address} said ${reason}${more}`
    : `Refused: ${address} said ${reason}${more}`;
}

/** The failure for a server that speaks something else. */
function stranger(received: Uint8Array, address: string): Failure {
  const start = received.subarray(0, 40);
  const text = new TextDecoder("latin1").decode(start);
  if (text.startsWith("HTTP/")) {
    return new Failure(
      `${address} is a web server, not an MQTT server; try the port for MQTT over TCP, mostly 1883`,
    );
  }
  if (start[0] === TLS_ALERT && start[1] === TLS_MAJOR_VERSION) {
    return new Failure(
      `${address} expects TLS, and connect speaks plain TCP; try the plain port, mostly 1883`,
    );
  }
  return new Failure(
    `${address} is no MQTT server, it answered ${quoted(text)}; check the host and the port`,
  );
}

/** How servers of text protocols begin: no packet of MQTT that may come first is such text. */
const GREETING = /^[\x20-\x7e\r\n\t]{4,}$/;

const TLS_ALERT = 0x15;
const TLS_MAJOR_VERSION = 0x03;

function closed(address: string): Failure {
  return new Failure(
    `${address} closed the connection before the handshake was over; check that it is an MQTT server and that this is its plain TCP port`,
  );
}

/** One sentence for whatever went wrong with the connection. */
function failureOf(
  thrown: unknown,
  stop: AbortSignal,
  { address, hostname }: ServerUrl,
  seconds: number,
): unknown {
  if (thrown instanceof Failure || thrown instanceof OutputClosed) return thrown;
  const error = stop.aborted ? stop.reason : thrown;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new Failure(
      `${address} sent no CONNACK within ${seconds} s; check the host and the port, or wait longer with --timeout`,
    );
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    return new Failure(
      `Nothing listens on ${address}; start an MQTT server there, or check the host and the port`,
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new Failure(
      `This program may not connect to ${address}; run it with --allow-net=${address}`,
    );
  }
  if (
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted
  ) return closed(address);
  if (!(error instanceof Error)) return error;
  return new Failure(
    /^failed to lookup/.test(error.message)
      ? `There is no host called ${quoted(hostname)}; check its name and your network`
      : `Cannot connect to ${address}: ${error.message}`,
  );
}
