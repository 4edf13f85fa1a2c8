// §3.1, §3.2, §3.12: how a connection begins, and what keeps it.

import { encodePacket, PacketDecoder, ReasonCode, RefusedError } from "../../../mod.ts";
import { type Feature, holds, needs, NotOffered, same } from "./feature.ts";
import type { Fixture } from "./fixture.ts";

/** A Keep Alive that the server may set and nobody wants to wait for, in seconds. */
const TOO_LONG = 10;

/** The features of the handshake. */
export const HANDSHAKE: readonly Feature[] = [
  { name: "Handshake", section: "§3.1, §3.2", check: handshake },
  { name: "Assigned Client Identifier", section: "§3.2.2.3.7", check: assignedClientId },
  { name: "Response Information", section: "§3.2.2.3.15", check: responseInformation },
  { name: "Ping", section: "§3.12", check: ping },
  { name: "Keep Alive ends a silent connection", section: "§3.1.2.10", check: silence },
  { name: "A session is taken over", section: "§3.1.4", check: takeover },
];

async function handshake(fixture: Fixture): Promise<void> {
  const clientId = fixture.clientId();
  const client = await fixture.open({
    clientId,
    keepAlive: 60,
    sessionExpiryInterval: 30,
    receiveMaximum: 100,
    maximumPacketSize: 100_000,
    topicAliasMaximum: 10,
    requestProblemInformation: true,
    userProperties: [["a", "1"], ["a", "2"]],
  });
  same("Session Present", client.server.sessionPresent, false);
  same("Client Identifier", client.server.clientId, clientId);
}

async function assignedClientId(fixture: Fixture): Promise<void> {
  try {
    const names = new Set<string>();
    for (let time = 0; time < 2; time++) {
      const { server } = await fixture.open({ clientId: "" });
      holds(server.clientId !== "", "the server took a client without a name, and gave it none");
      names.add(server.clientId);
    }
    same("names given to two clients", names.size, 2);
  } catch (error) {
    const isRefused = error instanceof RefusedError &&
      error.reasonCode === ReasonCode.clientIdentifierNotValid;
    if (!isRefused) throw error;
    throw new NotOffered("clients must have a name");
  }
}

async function responseInformation(fixture: Fixture): Promise<void> {
  const { server } = await fixture.open({ requestResponseInformation: true });
  needs(server.responseInformation !== undefined, "CONNACK has none");
  const other = await fixture.open({ requestResponseInformation: false });
  same("Response Information unasked", other.server.responseInformation, undefined);
}

async function ping(fixture: Fixture): Promise<void> {
  let pongs = 0;
  const { client } = await fixture.breakable(
    { keepAlive: 3, reconnect: false },
    ({ type }) => {
      if (type === "pingresp") pongs++;
    },
  );
  needs(client.server.keepAlive <= TOO_LONG, `the server wants ${client.server.keepAlive} s`);
  // With a shorter Keep Alive the ping of a busy client may come too late.
  await fixture.until(
    () => pongs > 0 || client.state === "closed",
    () => "no PINGRESP came",
  );
  holds(pongs > 0, "the connection ended without PINGRESP");
  same("state", client.state, "connected");
}

/** Says nothing behind its CONNECT. */
async function silence(fixture: Fixture): Promise<string | void> {
  const { username, password } = fixture.target;
  const transport = await fixture.target.dial(new AbortController().signal);
  try {
    await transport.write(encodePacket({
      type: "connect",
      clientId: fixture.clientId(),
      keepAlive: 1,
      username,
      password: typeof password === "string" ? new TextEncoder().encode(password) : password,
    }));
    const decoder = new PacketDecoder();
    let goodbye: number | undefined;
    const listen = async () => {
      for (;;) {
        const chunk = await transport.read().catch(() => undefined);
        if (chunk === undefined) return;
        decoder.push(chunk.slice());
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
          if (packet.type === "disconnect") goodbye = packet.reasonCode;
          if (packet.type !== "connack") continue;
          const keepAlive = packet.properties.serverKeepAlive ?? 1;
          needs(keepAlive <= TOO_LONG, `the server wants ${keepAlive} s`);
        }
      }
    };
    await fixture.within(listen(), () => "a client with Keep Alive 1 that says nothing stays");
    return goodbye === undefined ? "without DISCONNECT" : undefined;
  } finally {
    transport.close();
  }
}

async function takeover(fixture: Fixture): Promise<void> {
  const clientId = fixture.clientId();
  const first = await fixture.open({ clientId });
  const second = await fixture.open({ clientId });
  const error = await fixture.within(first.closed, () => "the first connection stays");
  same("Reason Code for the first connection", error?.reasonCode, ReasonCode.sessionTakenOver);
  same("state of the second connection", second.state, "connected");
}
