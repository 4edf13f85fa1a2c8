// §3.1.4 CONNECT actions: who comes in, as whom, and with which session. §4.12 Enhanced
// authentication.

import {
  type AuthPacket,
  type ConnackInit,
  type ConnectPacket,
  isFailure,
  type PropertiesOf,
  type PublishPacket,
  ReasonCode,
  reasonCodeName,
  type ReasonCodeOf,
} from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";
import type { DeliveryAuthorizer } from "./delivery_authorizer.ts";
import type { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import type { BrokerConnection, BrokerSession } from "./model.ts";
import type { AuthenticationAnswer, BrokerLimits, BrokerOptions } from "./options.ts";
import { isReserved } from "./reserved_topics.ts";
import { withOwnBytes } from "./routing/payload_pages.ts";
import { levelsOf } from "./routing/topic_levels.ts";
import { mayHave, ownerOf } from "./session_owner.ts";
import type { Sessions } from "./sessions.ts";
import { Verdicts } from "./verdicts.ts";

/** What it works with. */
export interface ConnectHandlerSetup {
  readonly options: BrokerOptions;
  readonly limits: BrokerLimits;
  readonly hooks: Hooks;
  readonly sessions: Sessions;
  /** Whether sessions are somebody's: where nobody authenticates, names say nothing. */
  readonly hasOwners: boolean;
  /** A name for a session that nobody can guess. */
  readonly newClientId: () => string;
  /** Whether a session can be stored now. */
  readonly canKeepSessions: () => boolean;
  /** A client has been made to leave, and has something to be told. */
  readonly onLeft: (connection: BrokerConnection, cause: CloseCause) => void;
  readonly deliveries: DeliveryAuthorizer;
  /** Takes back what waits for a session, of these topics. */
  readonly takeOut: (session: BrokerSession, topics: ReadonlySet<string>) => void;
  /** A client has been let in. */
  readonly onEntered: (connection: BrokerConnection) => void;
}

/** Lets clients in. */
export class ConnectHandler {
  readonly #setup: ConnectHandlerSetup;

  constructor(setup: ConnectHandlerSetup) {
    this.#setup = setup;
  }

  /** A client has sent its CONNECT. */
  receive(connection: BrokerConnection, packet: ConnectPacket): Promise<void> | undefined {
    const { hooks } = this.#setup;
    connection.connect = packet;
    const clientId = packet.clientId === "" ? this.#newClientId() : packet.clientId;
    const { address, listener, certificate, certificateUsername, origin } = connection.peer;
    const username = certificateUsername ?? packet.username;
    connection.client = { clientId, username, address, listener, certificate, origin };
    if (certificateUsername === "") {
      connection.protocol.refuse(ReasonCode.badUserNameOrPassword, {
        reasonString: "The certificate has no such name",
      });
      return undefined;
    }
    const refusal = this.#refusalOfWill(packet);
    if (refusal !== undefined) {
      connection.protocol.refuse(refusal);
      return undefined;
    }
    const { authenticationMethod: method, authenticationData: data } = packet.properties;
    if (method !== undefined) return this.#step(connection, method, data, false);
    return hooks.authenticate(connection.client, packet, (code) => {
      if (connection.protocol.isClosed) return undefined;
      if (isFailure(code)) return connection.protocol.refuse(code);
      return this.#checkWill(connection, undefined);
    });
  }

  /** A client has taken a step of enhanced authentication. */
  goOn(
    connection: BrokerConnection,
    { reasonCode, properties }: AuthPacket,
  ): Promise<void> | undefined {
    const { authenticationMethod, authenticationData } = properties;
    if (reasonCode === ReasonCode.reauthenticate) connection.steps = 0;
    return this.#step(
      connection,
      authenticationMethod,
      authenticationData,
      connection.session !== undefined,
    );
  }

  /** [MQTT-3.2.2-16] */
  #newClientId(): string {
    const { newClientId, sessions } = this.#setup;
    let clientId = newClientId();
    while (sessions.get(clientId) !== undefined) clientId = newClientId();
    return clientId;
  }

  #step(
    connection: BrokerConnection,
    method: string,
    data: Uint8Array | undefined,
    isAgain: boolean,
  ): Promise<void> | undefined {
    const { hooks } = this.#setup;
    if (!hooks.hasSteps) {
      connection.protocol.refuse(ReasonCode.badAuthenticationMethod);
      return undefined;
    }
    const step = { method, data, step: connection.steps++, isAgain };
    return hooks.authenticateStep(connection.client!, step, (answer) => {
      return connection.protocol.isClosed ? undefined : this.#say(connection, answer, isAgain);
    });
  }

  #say(
    connection: BrokerConnection,
    answer: AuthenticationAnswer,
    isAgain: boolean,
  ): Promise<void> | undefined {
    const { protocol } = connection;
    if (answer.result === "refuse") {
      const { reasonCode = ReasonCode.notAuthorized } = answer;
      // [MQTT-4.12.1-2]
      if (isAgain) protocol.disconnect({ type: "disconnect", reasonCode });
      else protocol.refuse(reasonCode);
      return undefined;
    }
    const authenticationData = answer.data;
    if (answer.result === "continue") {
      protocol.authenticate(ReasonCode.continueAuthentication, { authenticationData });
    } else if (isAgain) protocol.authenticate(ReasonCode.success, { authenticationData });
    else return this.#checkWill(connection, authenticationData);
    return undefined;
  }

  /** [MQTT-3.2.2-12] [MQTT-3.2.2-13] */
  #refusalOfWill({ will }: ConnectPacket): ReasonCodeOf<"connack"> | undefined {
    const { options, limits } = this.#setup;
    const { maximumQoS = 2, retainAvailable = true } = options;
    if (will === undefined) return undefined;
    if (isReserved(will.topic, options)) return ReasonCode.notAuthorized;
    if (levelsOf(will.topic) > limits.topicLevels) return ReasonCode.topicNameInvalid;
    if (will.qos > maximumQoS) return ReasonCode.qosNotSupported;
    if (will.retain && !retainAvailable) return ReasonCode.retainNotSupported;
    return undefined;
  }

  /** A Will is published in the name of the client, which must be allowed to. */
  #checkWill(
    connection: BrokerConnection,
    data: Uint8Array | undefined,
  ): Promise<void> | undefined {
    const { will } = connection.connect!;
    if (will === undefined) return this.#checkWaiting(connection, data);
    const { topic, payload, qos, retain } = will;
    const message = { topic, payload, qos, retain } as PublishPacket;
    return this.#setup.hooks.authorizePublish(connection.client!, message, (code) => {
      if (connection.protocol.isClosed) return undefined;
      // Not every Reason Code of a PUBACK is one of CONNACK.
      const refusal = reasonCodeName(code, "connack") === undefined
        ? ReasonCode.notAuthorized
        : code as typeof ReasonCode.notAuthorized;
      if (isFailure(code)) return connection.protocol.refuse(refusal);
      return this.#checkWaiting(connection, data);
    });
  }

  /**
   * What waits for a client may be something that it may not have any more, or not from where it
   * connects now.
   */
  #checkWaiting(
    connection: BrokerConnection,
    data: Uint8Array | undefined,
  ): Promise<void> | undefined {
    const { deliveries, sessions } = this.#setup;
    const { clientId } = connection.client!;
    const known = deliveries.isAsked ? sessions.get(clientId) : undefined;
    if (known === undefined || connection.connect!.cleanStart) return this.#admit(connection, data);
    if (this.#ownerIfAllowed(connection) === false) return this.#refuseStranger(connection);
    const verdicts = new Verdicts();
    const go = (refused: ReadonlySet<string>): undefined => {
      if (connection.protocol.isClosed) return;
      this.#admit(connection, data, verdicts);
      // Nothing that waits is sent before what has been written is.
      if (sessions.get(clientId) === known) this.#setup.takeOut(known, refused);
    };
    const refused = deliveries.refusedOf(known, connection.client!, verdicts);
    return isPromise(refused) ? refused.then(go) : go(refused);
  }

  /** Who would own the session of a client; false when it is somebody else's. */
  #ownerIfAllowed(connection: BrokerConnection): string | undefined | false {
    const { sessions, hooks, hasOwners } = this.#setup;
    const found = sessions.get(connection.client!.clientId);
    const owner = hasOwners ? ownerOf(connection, hooks) : found?.owner;
    return owner === false || found !== undefined && !mayHave(found.owner, owner) ? false : owner;
  }

  #refuseStranger({ protocol }: BrokerConnection): undefined {
    protocol.refuse(ReasonCode.notAuthorized, { reasonString: "The session is somebody else's" });
  }

  /**
   * Finds the session, and takes it over from whoever has it: but first of all whether the client
   * can be told.
   */
  #admit(
    connection: BrokerConnection,
    authenticationData: Uint8Array | undefined,
    verdicts?: Verdicts,
  ): undefined {
    const { sessions, limits, hooks } = this.#setup;
    const { cleanStart, will, properties } = connection.connect!;
    const client = connection.client!;
    const owner = this.#ownerIfAllowed(connection);
    if (owner === false) return this.#refuseStranger(connection);
    const asked = properties.sessionExpiryInterval ?? 0;
    const granted = sessions.lifetimeOf(asked);
    if (granted > 0 && !this.#setup.canKeepSessions()) {
      connection.protocol.refuse(ReasonCode.serverUnavailable);
      return undefined;
    }
    const reasonString = sessions.refusal(client, will, sessions.get(client.clientId));
    if (reasonString !== undefined) {
      connection.protocol.refuse(ReasonCode.quotaExceeded, { reasonString });
      return undefined;
    }
    const connack: ConnackInit = {
      type: "connack",
      properties: {
        ...this.#grants(connection.connect!),
        receiveMaximum: limits.receiveMaximum,
        topicAliasMaximum: limits.topicAliasMaximum,
        authenticationData,
        assignedClientIdentifier: connection.connect!.clientId === "" ? client.clientId : undefined,
        sessionExpiryInterval: granted < asked && granted !== Infinity ? granted : undefined,
      },
    };
    connection.protocol.checkAccept(connack);
    this.#takeOver(client.clientId);
    const known = sessions.get(client.clientId);
    // [MQTT-3.1.2-4]
    if (known !== undefined && cleanStart) sessions.end(known);
    const sessionPresent = known !== undefined && !cleanStart;
    const session = sessionPresent ? known : sessions.begin(client);
    sessions.resume(session);
    session.client = client;
    session.owner = owner;
    session.verdicts = verdicts;
    session.connection = connection;
    session.lifetime = granted * 1000;
    session.will = undefined;
    connection.session = session;
    try {
      connection.protocol.accept(session.state, { ...connack, sessionPresent });
      session.will = will === undefined ? undefined : withOwnBytes(will);
      session.countBase();
    } catch (error) {
      // Nobody may find it with a connection that is none.
      sessions.leave(connection, { by: "internal error", error });
      throw error;
    }
    // Its Will has been copied: the packet is not kept.
    connection.connect = undefined;
    sessions.save(session);
    hooks.onConnect(client);
    this.#setup.onEntered(connection);
  }

  /** Who has the session is told that another has it now [MQTT-3.1.4-3]. */
  #takeOver(clientId: string): void {
    const { sessions, onLeft } = this.#setup;
    const before = sessions.get(clientId)?.connection;
    if (before === undefined) return;
    const packet = { type: "disconnect", reasonCode: ReasonCode.sessionTakenOver } as const;
    before.protocol.disconnect(packet);
    // Its own DISCONNECT may have come before, and wait behind a hook [MQTT-3.14.4-3].
    const cause = before.cause ?? { by: "this end", packet };
    try {
      sessions.leave(before, cause);
    } finally {
      onLeft(before, cause);
    }
  }

  /**
   * What the options say beside the limits; what is as the standard has it anyway need not be said.
   */
  #grants({ keepAlive }: ConnectPacket): PropertiesOf<"connack"> {
    const { options } = this.#setup;
    const { maximumQoS = 2, maximumKeepAlive = Infinity, responseInformation } = options;
    // A Keep Alive of 0 is none at all (§3.1.2.10).
    const isTooLong = (keepAlive || Infinity) > maximumKeepAlive;
    const unless = (isAvailable: boolean | undefined) => isAvailable === false ? false : undefined;
    return {
      maximumQoS: maximumQoS === 2 ? undefined : maximumQoS,
      retainAvailable: unless(options.retainAvailable),
      wildcardSubscriptionAvailable: unless(options.wildcardSubscriptionAvailable),
      subscriptionIdentifierAvailable: unless(options.subscriptionIdentifierAvailable),
      sharedSubscriptionAvailable: unless(options.sharedSubscriptionAvailable),
      serverKeepAlive: isTooLong ? maximumKeepAlive : options.serverKeepAlive,
      responseInformation,
    };
  }
}
