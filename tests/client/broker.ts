// A small server for a client under test, made of the same engine: sessions, subscriptions, every QoS. What it does beside is
// what a test tells it: to lose a session, to break a connection.

import type { ConnectPacket, PropertiesOf, PublishPacket, QoS } from "../../src/packets/mod.ts";
import { Drive } from "../../src/io/drive.ts";
import type { ConnectionEvent } from "../../src/session/events.ts";
import { OutgoingMessage } from "../../src/session/outgoing_message.ts";
import { ServerConnection } from "../../src/session/server_connection.ts";
import { Session } from "../../src/session/session.ts";
import { topicMatches } from "../../src/topics.ts";
import { rethrow } from "../io/driven.ts";
import { MemoryTransport } from "../io/memory_transport.ts";
import type { TestWorld } from "./world.ts";

/** What a client has at the server. */
interface State {
  readonly session: Session;
  /** By Topic Filter. */
  readonly subscriptions: Map<string, { readonly qos: QoS; readonly identifier?: number }>;
}

/** One connection of a client. */
interface ServerLink {
  readonly connection: ServerConnection;
  readonly drive: Drive;
  readonly transport: MemoryTransport;
  state?: State;
}

/** A server, to which every client of a world connects. */
export class TestBroker {
  /** All that clients have published, in order. */
  readonly received: PublishPacket[] = [];
  /** Called for each new connection, with the client's end and the server's. */
  onOpen: (near: MemoryTransport, far: MemoryTransport) => void = () => {};
  readonly #world: TestWorld;
  readonly #grants: PropertiesOf<"connack">;
  readonly #states = new Map<string, State>();
  #link: ServerLink | undefined;

  /** `grants` are the properties of its CONNACKs. */
  constructor(world: TestWorld, grants: PropertiesOf<"connack"> = {}) {
    this.#world = world;
    this.#grants = grants;
    world.onDial = (_, signal) => {
      const [near, far] = MemoryTransport.pair(signal);
      world.transports.push(near, far);
      this.onOpen(near, far);
      this.#serve(far);
      return Promise.resolve(near);
    };
  }

  /** Breaks the connection, if there is one. */
  cut(): void {
    this.#link?.transport.cut();
  }

  /** Forgets all sessions; the connection stays. */
  loseSessions(): void {
    this.#states.clear();
  }

  /** Sends a message to all who have subscribed. */
  publish(topic: string, payload: Uint8Array, qos: QoS): void {
    for (const state of this.#states.values()) {
      const matching = [...state.subscriptions].filter(([filter]) => topicMatches(filter, topic));
      const granted = Math.max(-1, ...matching.map(([, subscription]) => subscription.qos));
      if (granted < 0) continue;
      const identifiers = matching.flatMap(([, { identifier }]) => identifier ?? []);
      const properties = identifiers.length > 0 ? { subscriptionIdentifiers: identifiers } : {};
      const lower = Math.min(qos, granted) as QoS;
      const message = { type: "publish", topic, payload, qos: lower, properties } as const;
      if (this.#link?.state === state) this.#link.connection.publish(new OutgoingMessage(message));
      else if (lower > 0) state.session.sendQueue.add(new OutgoingMessage(message));
    }
    this.#link?.drive.wake();
  }

  #serve(transport: MemoryTransport): void {
    const { clock } = this.#world;
    const connection = new ServerConnection(clock.now());
    const link: ServerLink = {
      connection,
      transport,
      drive: new Drive(transport, connection, clock, (event) => this.#handle(link, event), rethrow),
    };
  }

  #handle(link: ServerLink, event: ConnectionEvent): void {
    const { connection } = link;
    switch (event.type) {
      case "connect":
        return this.#accept(link, event.packet);
      case "message":
        this.received.push(event.packet);
        if (event.acknowledgement !== undefined) {
          connection.acknowledge(event.acknowledgement, 0x00);
        }
        return this.publish(event.packet.topic, event.packet.payload, event.packet.qos);
      case "subscribe": {
        const { subscriptions, properties } = event.packet;
        const identifier = properties.subscriptionIdentifiers?.[0];
        for (const { topicFilter, qos } of subscriptions) {
          const subscription = identifier === undefined ? { qos } : { qos, identifier };
          link.state!.subscriptions.set(topicFilter, subscription);
        }
        return connection.suback(event.packet, subscriptions.map(({ qos }) => qos));
      }
      case "unsubscribe": {
        const reasonCodes = event.packet.topicFilters.map((filter) =>
          link.state!.subscriptions.delete(filter) ? 0x00 : 0x11
        );
        return connection.unsuback(event.packet, reasonCodes);
      }
      case "closed":
        if (this.#link === link) this.#link = undefined;
    }
  }

  #accept(link: ServerLink, { clientId, cleanStart }: ConnectPacket): void {
    const known = cleanStart ? undefined : this.#states.get(clientId);
    const state = known ?? { session: new Session(clientId), subscriptions: new Map() };
    this.#states.set(clientId, state);
    link.state = state;
    this.#link = link;
    const sessionPresent = known !== undefined;
    const properties = this.#grants;
    link.connection.accept(state.session, { type: "connack", sessionPresent, properties });
  }
}
