// What `connect` does: performs the handshake with a server and shows every byte of it.

import { concat } from "jsr:@std/bytes@^1/concat";
import { willInit } from "../../client/options.ts";
import { olderVersionText } from "../../client/reconnect.ts";
import type { Destination } from "../../io/destination.ts";
import { dial, type DialStep } from "../../io/dial.ts";
import { ConnectionFault, silentCloseFault } from "../../io/faults.ts";
import type { Transport } from "../../io/transport.ts";
import {
  encodePacket,
  explainPacket,
  type Explanation,
  PacketDecoder,
  PacketError,
  ReasonCode,
} from "../../packets/mod.ts";
import { isFailure } from "../../packets/reason_codes.ts";
import type { Context, Output } from "../context.ts";
import { Failure, OutputClosed, usageFailure } from "../failure.ts";
import { type Connection, connectionOf } from "../options/connection.ts";
import { passwordOf } from "../options/credentials.ts";
import { CLI_NAMES, destinationOf } from "../options/tls_files.ts";
import { DialProgress } from "../packets/dial_progress.ts";
import {
  formatExplanation,
  formatHeading,
  type FormatOptions,
  SECRETS,
} from "../packets/format.ts";
import { stepTracerTo, tracerTo } from "../packets/tracer.ts";
import { failureOf, hintFor, TIMED_OUT } from "../server_failures.ts";
import { hexByte, paintFor, quoted } from "../terminal/text.ts";
import type { ConnectArguments } from "./connect.ts";

type Options = ConnectArguments["options"];

/** The largest CONNACK that is accepted, in bytes, when CONNECT has no Maximum Packet Size. */
const LARGEST_ANSWER = 1_048_576;

/** Runs `connect`. */
export async function run(context: Context, given: ConnectArguments): Promise<number> {
  const connection = connectionOf(given, "connect");
  const { server, connect: { connectTimeout = Infinity } } = connection;
  const password = await passwordOf(given.options, context) ?? server.at.password;
  const packets = packetsOf(connection, password);
  const limit = connection.connect.maximumPacketSize ?? LARGEST_ANSWER;
  // --timeout alone also limits the wait for the CONNACK.
  const longest = given.options["connect-timeout"] === undefined && connection.timeout < Infinity
    ? connection.timeout
    : Math.min(connection.timeout, connectTimeout);
  const destination = await destinationOf(server, context.stderr);
  const deadline = AbortSignal.timeout(longest);
  const stop = AbortSignal.any([context.signal, deadline]);
  const { trace } = connection;
  const tracer = trace && await tracerTo(context.stderr, trace, "client");
  const traceStep = trace && await stepTracerTo(context.stderr, trace);
  const display = new Display(context.stdout, given.options);
  const progress = new DialProgress(destination, context.stdout, given.options["show-password"]);
  try {
    const observe = (step: DialStep) => {
      progress.show(step);
      traceStep?.(step);
    };
    const bare = await dial(destination, { signal: stop, observe, names: CLI_NAMES });
    progress.end();
    const transport = tracer?.(bare, destination.address) ?? bare;
    const close = () => transport.close();
    stop.addEventListener("abort", close);
    try {
      return await converse(transport, packets, limit, destination, display);
    } finally {
      stop.removeEventListener("abort", close);
      transport.close();
    }
  } catch (error) {
    progress.fail();
    throw failureFor(error, stop, connection, progress.step, longest);
  }
}

/** The packets that are sent. */
interface Packets {
  readonly connect: Uint8Array;
  readonly disconnect: Uint8Array;
}

/** The packets to send. */
function packetsOf(
  { connect, disconnect }: Connection,
  password: Uint8Array | undefined,
): Packets {
  const { clientId = "", cleanStart, keepAlive, username, will, ...others } = connect;
  const { connectTimeout: _, reconnect: __, ...properties } = others;
  const { reasonCode, ...disconnectProperties } = disconnect;
  try {
    return {
      connect: encodePacket({
        ...{ type: "connect", clientId, cleanStart, keepAlive, username, password, properties },
        will: will && willInit(will),
      }),
      disconnect: encodePacket({
        type: "disconnect",
        reasonCode,
        properties: disconnectProperties,
      }),
    };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw usageFailure(`Invalid CONNECT: ${error.message}`);
    }
    throw error;
  }
}

/** Shows packets as they are sent and received. */
class Display {
  readonly output: Output;
  readonly #format: FormatOptions;

  constructor(output: Output, options: Options) {
    this.output = output;
    this.#format = {
      full: options.full,
      hidden: options["show-password"] ? [] : SECRETS,
    };
  }

  show(direction: string, explanation: Explanation): void {
    this.output.write(`${direction} ${formatHeading(explanation, this.output)}`);
    this.output.write(`${formatExplanation(explanation, this.output, this.#format)}\n`);
  }
}

const TO_SERVER = "→ Client to Server:";
const TO_CLIENT = "← Server to Client:";

/** Sends the CONNECT, shows the response, and disconnects. */
async function converse(
  transport: Transport,
  { connect, disconnect }: Packets,
  maximumPacketSize: number,
  destination: Destination,
  display: Display,
): Promise<number> {
  const { address } = destination;
  await unlessBroken(destination, transport.write(connect));
  display.show(TO_SERVER, explainPacket(connect));
  const receiving = receive(transport, maximumPacketSize, destination);
  const received = await unlessBroken(destination, receiving);
  const answer = explainPacket(received, { maximumPacketSize });
  display.show(TO_CLIENT, answer);
  const isConnected = answer.packet?.type === "connack" &&
    !isFailure(answer.packet.reasonCode);
  if (isConnected) {
    await transport.write(disconnect);
    display.show(TO_SERVER, explainPacket(disconnect));
  }
  const { green, red } = paintFor(display.output);
  const paint = isConnected ? green : red;
  display.output.write(`${paint(verdictOf(answer, address))}\n`);
  if (isConnected) return 0;
  return answer.packet?.type === "connack" ? answer.packet.reasonCode : 1;
}

/** The bytes up to the end of the first packet, or up to what is malformed in it. */
async function receive(
  transport: Transport,
  maximumPacketSize: number,
  destination: Destination,
): Promise<Uint8Array> {
  const decoder = new PacketDecoder({ maximumPacketSize });
  const chunks: Uint8Array[] = [];
  for (let chunk = await transport.read(); chunk !== undefined; chunk = await transport.read()) {
    chunks.push(chunk);
    decoder.push(chunk);
    try {
      if (decoder.next() !== undefined) break;
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      break;
    }
  }
  if (chunks.length === 0) throw silentCloseFault(destination, undefined);
  return concat(chunks);
}

/** The result of network I/O; its errors become faults with a sentence. */
async function unlessBroken<Result>(
  destination: Destination,
  work: Promise<Result>,
): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof ConnectionFault ? error : silentCloseFault(destination, error);
  }
}

function verdictOf({ packet, packetType, fault, fields }: Explanation, address: string): string {
  if (fault !== undefined) {
    const older = olderVersionText(fault, address);
    return older !== undefined
      ? `Failed: ${older}`
      : fault.reasonCode === ReasonCode.packetTooLarge
      ? `Failed: the packet from ${address} is too large; see --maximum-packet-size`
      : `Failed: ${address} sent a malformed packet`;
  }
  if (packet?.type === "auth") {
    const method = quoted(packet.properties.authenticationMethod ?? "");
    return `Failed: ${address} requires another step of authentication with ${method}, ` +
      "which connect does not support; use the library";
  }
  if (packet?.type !== "connack") {
    return `Failed: ${address} sent ${packetType} instead of CONNACK (§3.2)`;
  }
  const code = fields.find(({ name }) => name === "Connect Reason Code");
  const reason = `Reason Code ${hexByte(packet.reasonCode)}, ${code?.meaning}`;
  const { assignedClientIdentifier, reasonString } = packet.properties;
  const more = [
    assignedClientIdentifier === undefined
      ? ""
      : `; Assigned Client Identifier ${quoted(assignedClientIdentifier)}`,
    reasonString === undefined ? "" : `; Reason String ${quoted(reasonString)}`,
  ].join("");
  const verdict = isFailure(packet.reasonCode) ? "Refused" : "Connected";
  return `${verdict}: ${address} sent ${reason}${more}`;
}

/** The failure for whatever went wrong with the connection. */
function failureFor(
  thrown: unknown,
  stop: AbortSignal,
  connection: Connection,
  step: string | undefined,
  longest: number,
): unknown {
  if (thrown instanceof Failure || thrown instanceof OutputClosed) return thrown;
  const { server } = connection;
  const { address } = server.at;
  const error = stop.aborted ? stop.reason : thrown;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    const what = step === undefined
      ? `${address} sent no CONNACK within ${longest / 1000} s`
      : `The ${step} with ${address} timed out after ${longest / 1000} s`;
    return new Failure(`${what}; check host and port, or raise --timeout`, TIMED_OUT);
  }
  const failure = failureOf(error);
  return error instanceof ConnectionFault && failure instanceof Failure
    ? new Failure(failure.message + hintFor(error.code, server))
    : failure;
}
