// What `connect` does: performs the handshake with a server and shows every byte of it.

import { willInit } from "../../client/options.ts";
import { olderVersionText, textOf } from "../../client/reconnect.ts";
import { dial, type DialStep } from "../../io/dial.ts";
import { ConnectionFault } from "../../io/faults.ts";
import {
  type AuthPacket,
  type ConnackPacket,
  encodePacket,
  type Explanation,
  ReasonCode,
} from "../../packets/mod.ts";
import { isFailure } from "../../packets/reason_codes.ts";
import type { AuthenticationData, Authenticator } from "../../session/authenticator.ts";
import type { Context } from "../context.ts";
import { Failure, OutputClosed, usageFailure } from "../failure.ts";
import { type Connection, connectionOf } from "../options/connection.ts";
import { type Identity, identityOf } from "../options/credentials.ts";
import { CLI_NAMES, destinationOf } from "../options/tls_files.ts";
import { DialProgress } from "../packets/dial_progress.ts";
import { Dialogue, Display } from "../packets/dialogue.ts";
import { SECRETS } from "../packets/format.ts";
import { stepTracerTo, tracerTo } from "../packets/tracer.ts";
import { failureOf, hintFor, TIMED_OUT } from "../server_failures.ts";
import { hexByte, quoted } from "../terminal/text.ts";
import type { ConnectArguments } from "./connect.ts";

/** The largest CONNACK that is accepted, in bytes, when CONNECT has no Maximum Packet Size. */
const LARGEST_ANSWER = 1_048_576;

/** Runs `connect`. */
export async function run(context: Context, given: ConnectArguments): Promise<number> {
  const connection = connectionOf(given, "connect");
  const { server, connect: { connectTimeout = Infinity } } = connection;
  const identity = await identityOf(given.options, server.at, context);
  const limit = connection.connect.maximumPacketSize ?? LARGEST_ANSWER;
  // --timeout alone also limits the wait for the CONNACK.
  const longest = given.options["connect-timeout"] === undefined && connection.timeout < Infinity
    ? connection.timeout
    : Math.min(connection.timeout, connectTimeout);
  const destination = await destinationOf(server, context.stderr);
  const deadline = AbortSignal.timeout(longest);
  const stop = AbortSignal.any([context.signal, deadline]);
  const authenticator = await identity.authentication?.({ signal: stop });
  const packets = await packetsOf(connection, identity, authenticator, stop);
  const { trace } = connection;
  const tracer = trace && await tracerTo(context.stderr, trace, "client");
  const traceStep = trace && await stepTracerTo(context.stderr, trace);
  const display = new Display(context.stdout, {
    full: given.options.full,
    hidden: given.options["show-password"] ? [] : SECRETS,
  });
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
      const dialogue = new Dialogue(transport, limit, destination, display);
      return await converse(dialogue, packets, authenticator, stop);
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
async function packetsOf(
  { connect, disconnect }: Connection,
  { username, password }: Identity,
  authenticator: Authenticator | undefined,
  signal: AbortSignal,
): Promise<Packets> {
  const { clientId = "", cleanStart, keepAlive, will, ...others } = connect;
  const { connectTimeout: _, reconnect: __, ...given } = others;
  const properties = authenticator === undefined ? given : {
    ...given,
    authenticationMethod: authenticator.method,
    authenticationData: bytesOfData(await authenticator.start({ signal })),
  };
  const { reasonCode, ...disconnectProperties } = disconnect;
  try {
    return {
      connect: encodePacket({
        ...{ type: "connect", clientId, cleanStart, keepAlive, username, properties },
        password: bytesOfData(password),
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

/** Sends the CONNECT, answers what is asked, shows all of it, and disconnects. */
async function converse(
  dialogue: Dialogue,
  { connect, disconnect }: Packets,
  authenticator: Authenticator | undefined,
  signal: AbortSignal,
): Promise<number> {
  await dialogue.send(connect);
  let answer = await dialogue.receive();
  try {
    while (answer.packet?.type === "auth" && authenticator?.next !== undefined) {
      await dialogue.send(await nextStep(authenticator, answer.packet, signal));
      answer = await dialogue.receive();
    }
    const connack = acceptedBy(answer);
    if (connack !== undefined) {
      await authenticator?.done?.(connack.properties.authenticationData, { signal });
    }
  } catch (error) {
    if (error instanceof ConnectionFault || signal.aborted) throw error;
    await dialogue.send(DISTRUST);
    return dialogue.end(
      1,
      `Failed: ${dialogue.address} did not pass authentication: ${textOf(error)}`,
    );
  }
  const verdict = verdictOf(answer, dialogue.address);
  if (acceptedBy(answer) !== undefined) {
    await dialogue.send(disconnect);
    return dialogue.end(0, verdict);
  }
  return dialogue.end(answer.packet?.type === "connack" ? answer.packet.reasonCode : 1, verdict);
}

/** The DISCONNECT for a server that is not to be trusted. */
const DISTRUST = encodePacket({ type: "disconnect", reasonCode: ReasonCode.unspecifiedError });

/** The CONNACK by which the server has accepted the client. */
function acceptedBy({ packet }: Explanation): ConnackPacket | undefined {
  return packet?.type === "connack" && !isFailure(packet.reasonCode) ? packet : undefined;
}

/** The AUTH that answers the server's. */
async function nextStep(
  authenticator: Authenticator,
  { properties: { authenticationMethod, authenticationData } }: AuthPacket,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (authenticationMethod !== authenticator.method) {
    throw new Error(`the server asks for ${quoted(authenticationMethod ?? "")}`);
  }
  const data = bytesOfData(await authenticator.next!(authenticationData, { signal }));
  return encodePacket({
    type: "auth",
    reasonCode: ReasonCode.continueAuthentication,
    properties: { authenticationMethod, authenticationData: data },
  });
}

function bytesOfData(data: AuthenticationData): Uint8Array | undefined {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function verdictOf(
  { packet, packetType, fault, fields }: Explanation,
  address: string,
): string {
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
      "which --authentication-method does not support; see --auth-method";
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
