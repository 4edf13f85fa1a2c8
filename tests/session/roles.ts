// Most of §4 binds both roles alike: the same script runs against a client and against a server, each past its handshake.

import { assertStrictEquals } from "@std/assert";
import type { ConnectInit, PropertiesOf, PublishInit, QoS } from "../../src/packets/mod.ts";
import { ClientConnection } from "../../src/session/client_connection.ts";
import type { Connection } from "../../src/session/connection.ts";
import { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Session } from "../../src/session/session.ts";
import type { TopicAliasMode } from "../../src/session/topic_alias.ts";
import { cited } from "../build.ts";
import { Script, START } from "./scripted.ts";

/** What one end says that it takes. */
interface Takes {
  readonly receiveMaximum?: number;
  readonly maximumPacketSize?: number;
  readonly topicAliasMaximum?: number;
}

/** How a connection is opened. */
export interface Setup {
  /** What the end under test takes. */
  readonly own?: Takes;
  /** What its peer, the script, takes. */
  readonly peer?: Takes;
  /** The session of the end under test. Default: a new one. */
  readonly session?: Session;
  /** Whether the session goes on. Default: no. */
  readonly sessionPresent?: boolean;
  readonly topicAliases?: TopicAliasMode;
  /** Default: 0, none. */
  readonly keepAlive?: number;
  readonly now?: number;
}

/** How a client is connected, beside what both roles have. */
export interface ClientSetup extends Setup {
  readonly connect?: Partial<ConnectInit>;
  readonly connack?: PropertiesOf<"connack">;
  readonly pingTimeout?: number;
  readonly receiveExcess?: number;
  readonly verifiesServer?: boolean;
}

/** How a server is connected, beside what both roles have. */
export interface ServerSetup extends Setup {
  readonly connect?: Partial<ConnectInit>;
  readonly connack?: PropertiesOf<"connack">;
}

/** One of the two roles of an end. */
export interface Role {
  readonly name: "client" | "server";
  /** A connection in this role, past its handshake, of which nothing is left to expect. */
  readonly open: (setup?: Setup) => Script<Connection>;
}

export const CLIENT: Role = { name: "client", open: openClient };
export const SERVER: Role = { name: "server", open: openServer };

/** One test for each role. Its name says which, and which statements it proves for that role alone. */
export function eachRole(
  behaviour: string,
  test: (role: Role) => void,
  statements: Partial<Readonly<Record<Role["name"], readonly string[]>>> = {},
): void {
  for (const role of [CLIENT, SERVER]) {
    Deno.test(`A ${role.name} ${behaviour}${cited(statements[role.name])}`, () => test(role));
  }
}

/** A client that has sent its CONNECT. */
export function connectClient(setup: ClientSetup = {}): Script<ClientConnection> {
  const { session = new Session("c"), own, keepAlive = 0, connect, now = START } = setup;
  return new Script((time) =>
    new ClientConnection(time, {
      session,
      topicAliases: setup.topicAliases,
      pingTimeout: setup.pingTimeout,
      receiveExcess: setup.receiveExcess,
      verifiesServer: setup.verifiesServer,
      connect: {
        type: "connect",
        clientId: "c",
        keepAlive,
        ...connect,
        properties: { sessionExpiryInterval: 3600, ...own, ...connect?.properties },
      },
    }), now);
}

/** A client that is connected. */
export function openClient(setup: ClientSetup = {}): Script<ClientConnection> {
  const script = connectClient(setup);
  script.expectPacket("connect");
  const { sessionPresent = false, peer, connack } = setup;
  script.sendPacket({ type: "connack", sessionPresent, properties: { ...peer, ...connack } });
  script.takeEvent("connack");
  return script;
}

/** A server that has a CONNECT to answer. */
export function connectServer(setup: ServerSetup = {}): Script<ServerConnection> {
  const { own, peer, keepAlive = 0, topicAliases, now = START, connect } = setup;
  const { maximumPacketSize } = own ?? {};
  const script = new Script(
    (time) => new ServerConnection(time, { maximumPacketSize, topicAliases }),
    now,
  );
  script.sendPacket({
    type: "connect",
    clientId: "c",
    keepAlive,
    ...connect,
    properties: { sessionExpiryInterval: 3600, ...peer, ...connect?.properties },
  });
  assertStrictEquals(script.expectEvent("connect").packet.clientId, connect?.clientId ?? "c");
  return script;
}

/** A server that has accepted a client. */
export function openServer(setup: ServerSetup = {}): Script<ServerConnection> {
  const script = connectServer(setup);
  const { session = new Session("c"), sessionPresent = false, own, connack } = setup;
  script.call((connection) =>
    connection.accept(session, {
      type: "connack",
      sessionPresent,
      properties: { ...own, ...connack },
    })
  );
  script.expectPacket("connack");
  return script;
}

/** A message to be sent. */
export function messageOf(
  topic: string,
  qos: QoS,
  more: Partial<PublishInit> = {},
  expiresAt = Infinity,
): OutgoingMessage {
  return new OutgoingMessage({ type: "publish", topic, qos, ...more }, expiresAt);
}
