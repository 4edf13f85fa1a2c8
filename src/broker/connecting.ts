// §3.1.4 CONNECT Actions and §4.12 Enhanced authentication: who may connect, and with which
// session.

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
  type Will,
} from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";
import type { DeliveryAuthorizer } from "./delivery_authorizer.ts";
import type { Hooks } from "./hooks.ts";
import { LoginDelays } from "./login_delays.ts";
import { isPromise } from "./is_promise.ts";
import type { BrokerConnection, BrokerSession } from "./model.ts";
import type { BrokerLimits } from "./limits.ts";
import type { AuthenticationAnswer, BrokerOptions } from "./options.ts";
import { isReserved } from "./reserved_topics.ts";
import { withOwnBytes } from "./routing/payload_pages.ts";
import { levelsOf } from "./routing/topic_levels.ts";
import { canUseSession, ownerOf } from "./session_owner.ts";
import { NEVER, type Sessions } from "./sessions.ts";
import type { Timers } from "./timers.ts";
import { Verdicts } from "./verdicts.ts";

/** Dependencies of {@linkcode ConnectHandler}. */
export interface ConnectHandlerSetup {
  readonly options: BrokerOptions;
  readonly limits: BrokerLimits;
  readonly hooks: Hooks;
  readonly sessions: Sessions;
  /** Whether sessions have owners: only where clients are authenticated. */
  readonly hasOwners: boolean;
  /** Makes a Client Identifier that cannot be guessed. */
  readonly newClientId: () => string;
  readonly timers: Timers;
  /** Milliseconds of the engine's clock. */
  readonly now: () => number;
  /** Whether sessions can be stored now. */
  readonly canStoreSessions: () => boolean;
  /** The session of this connection has been taken over; its DISCONNECT is yet to be sent. */
  readonly onTakenOver: (connection: BrokerConnection, cause: CloseCause) => void;
  readonly deliveries: DeliveryAuthorizer;
  /** Drops the queued messages of these topics. */
  readonly dropQueued: (session: BrokerSession, topics: ReadonlySet<string>) => void;
  /** CONNACK with Success is about to be sent. */
  readonly onAccepted: (connection: BrokerConnection) => void;
}

/** Accepts or refuses clients. */
export class ConnectHandler {
  readonly #setup: ConnectHandlerSetup;
  readonly #loginDelays: LoginDelays;

  constructor(setup: ConnectHandlerSetup) {
    this.#setup = setup;
    this.#loginDelays = new LoginDelays(setup.limits.loginDelay);
  }

  /** Handles a CONNECT. */
  receive(connection: BrokerConnection, packet: ConnectPacket): Promise<void> | undefined {
    connection.connect = packet;
    const clientId = packet.clientId === "" ? this.#newClientId() : packet.clientId;
    const { address, listener, certificate, certificateUsername, origin } = connection.peer;
    const username = certificateUsername ?? packet.username;
    const { protocolVersion } = packet;
    connection.client = {
      ...{ clientId, username, address, listener, certificate, origin, protocolVersion },
    };
    // [MQTT-3.1.3-8 of MQTT 3.1.1]; MQTT 3.1 has no Client without a name at all.
    if (protocolVersion < 5 && packet.clientId === "") {
      if (!packet.cleanStart || protocolVersion === 3) {
        connection.protocol.refuse(ReasonCode.clientIdentifierNotValid);
        return undefined;
      }
    }
    if (certificateUsername === "") {
      connection.protocol.refuse(ReasonCode.badUserNameOrPassword, {
        reasonString: "The client certificate has no user name",
      });
      return undefined;
    }
    const refusal = this.#refusalOfWill(packet);
    if (refusal !== undefined) {
      connection.protocol.refuse(refusal);
      return undefined;
    }
    const { network } = connection;
    const wait = network === undefined ? 0 : this.#loginDelays.waitFor(network, this.#setup.now());
    if (wait === 0) return this.#authenticate(connection, packet);
    if (wait === undefined) {
      const reasonString = "Too many logins from this address have failed";
      connection.protocol.refuse(ReasonCode.connectionRateExceeded, { reasonString });
      return undefined;
    }
    const { timers, now } = this.#setup;
    connection.wait = timers.waitUntil(now() + wait);
    return connection.wait.isOver.then(() => {
      return connection.protocol.isClosed ? undefined : this.#authenticate(connection, packet);
    });
  }

  #authenticate(connection: BrokerConnection, packet: ConnectPacket): Promise<void> | undefined {
    const { authenticationMethod: method, authenticationData: data } = packet.properties;
    if (method !== undefined) return this.#authenticateStep(connection, method, data, false);
    return this.#setup.hooks.authenticate(connection.client!, packet, (code) => {
      if (connection.protocol.isClosed) return this.#countFailure(connection, code);
      if (isFailure(code)) {
        this.#countFailure(connection, code);
        return connection.protocol.refuse(code);
      }
      return this.#checkWill(connection, undefined);
    });
  }

  /** Remembers where a login has failed. Without User Name and method, nothing was guessed. */
  #countFailure(
    { network, client, connect }: BrokerConnection,
    code: ReasonCodeOf<"connack">,
  ): undefined {
    if (network === undefined || !CREDENTIALS.includes(code)) return;
    const isGuess = client!.username !== undefined ||
      connect?.properties.authenticationMethod !== undefined;
    if (isGuess) this.#loginDelays.failed(network, this.#setup.now());
  }

  /** Handles an AUTH, the next step of enhanced authentication. */
  receiveAuth(
    connection: BrokerConnection,
    { reasonCode, properties }: AuthPacket,
  ): Promise<void> | undefined {
    const { authenticationMethod, authenticationData } = properties;
    if (reasonCode === ReasonCode.reauthenticate) connection.steps = 0;
    return this.#authenticateStep(
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

  #authenticateStep(
    connection: BrokerConnection,
    method: string,
    data: Uint8Array | undefined,
    isReauthentication: boolean,
  ): Promise<void> | undefined {
    const { hooks } = this.#setup;
    if (!hooks.hasAuthenticateStep) {
      connection.protocol.refuse(ReasonCode.badAuthenticationMethod);
      return undefined;
    }
    const step = { method, data, step: connection.steps++, isReauthentication };
    return hooks.authenticateStep(connection.client!, step, (answer) => {
      if (connection.protocol.isClosed) return undefined;
      return this.#answerStep(connection, answer, isReauthentication);
    });
  }

  #answerStep(
    connection: BrokerConnection,
    answer: AuthenticationAnswer,
    isReauthentication: boolean,
  ): Promise<void> | undefined {
    const { protocol } = connection;
    if (answer.result === "refuse") {
      const { reasonCode = ReasonCode.notAuthorized, reasonString } = answer;
      this.#countFailure(connection, reasonCode);
      const properties = reasonString === undefined ? undefined : { reasonString };
      // [MQTT-4.12.1-2]
      if (isReauthentication) protocol.disconnect({ type: "disconnect", reasonCode, properties });
      else protocol.refuse(reasonCode, properties);
      return undefined;
    }
    const authenticationData = answer.data;
    if (answer.result === "success" && !this.#isSameUser(connection, answer, isReauthentication)) {
      return this.#answerStep(connection, { result: "refuse" }, isReauthentication);
    }
    if (answer.result === "continue") {
      protocol.authenticate(ReasonCode.continueAuthentication, { authenticationData });
    } else if (isReauthentication) {
      protocol.authenticate(ReasonCode.success, { authenticationData });
    } else return this.#checkWill(connection, authenticationData);
    return undefined;
  }

  /**
   * Whether the user that has been authenticated is the one that the client is known for; before
   * CONNACK the client becomes known for it.
   */
  #isSameUser(
    connection: BrokerConnection,
    { username }: AuthenticationAnswer & { readonly result: "success" },
    isReauthentication: boolean,
  ): boolean {
    if (username === undefined) return true;
    const client = connection.client!;
    if (isReauthentication) return username === client.username;
    const { certificateUsername = username } = connection.peer;
    if (username !== certificateUsername) return false;
    connection.client = { ...client, username };
    return true;
  }

  /** [MQTT-3.2.2-12] [MQTT-3.2.2-13] */
  #refusalOfWill(
    { will, protocolVersion }: ConnectPacket,
  ): ReasonCodeOf<"connack"> | undefined {
    const { options, limits } = this.#setup;
    const { maximumQoS = 2, retainAvailable = true } = options;
    if (will === undefined) return undefined;
    if (isReserved(will.topic, options)) {
      // Bridges of Mosquitto have one; it is dropped, as a PUBLISH of theirs is.
      return protocolVersion < 5 ? undefined : ReasonCode.notAuthorized;
    }
    if (levelsOf(will.topic) > limits.topicLevels) return ReasonCode.topicNameInvalid;
    if (will.qos > maximumQoS) return ReasonCode.qosNotSupported;
    if (will.retain && !retainAvailable) return ReasonCode.retainNotSupported;
    return undefined;
  }

  /**
   * A Will is published on behalf of the client, so the client must be authorized to publish it.
   */
  #checkWill(
    connection: BrokerConnection,
    data: Uint8Array | undefined,
  ): Promise<void> | undefined {
    const { will } = connection.connect!;
    if (will === undefined) return this.#checkQueued(connection, data);
    const { topic, payload, qos, retain } = will;
    const message = { topic, payload, qos, retain } as PublishPacket;
    return this.#setup.hooks.authorizeWill(connection.client!, message, "connect", (code) => {
      if (connection.protocol.isClosed) return undefined;
      // Not every Reason Code of PUBACK is valid in CONNACK.
      const refusal = reasonCodeName(code, "connack") === undefined
        ? ReasonCode.notAuthorized
        : code as typeof ReasonCode.notAuthorized;
      if (isFailure(code)) return connection.protocol.refuse(refusal);
      return this.#checkQueued(connection, data);
    });
  }

  /**
   * Some of the queued messages may be for topics that the client may no longer receive, or not
   * from the address it connects from now.
   */
  #checkQueued(
    connection: BrokerConnection,
    data: Uint8Array | undefined,
  ): Promise<void> | undefined {
    const { deliveries, sessions } = this.#setup;
    const { clientId } = connection.client!;
    const known = deliveries.isAsked ? sessions.get(clientId) : undefined;
    if (known === undefined || connection.connect!.cleanStart) return this.#admit(connection, data);
    if (this.#ownerIfAllowed(connection) === false) return this.#refuseOtherUser(connection);
    const verdicts = new Verdicts();
    const admit = (refused: ReadonlySet<string>): undefined => {
      if (connection.protocol.isClosed) return;
      this.#admit(connection, data, verdicts);
      // Still in time: queued messages are sent only after the bytes of CONNACK.
      if (sessions.get(clientId) === known) this.#setup.dropQueued(known, refused);
    };
    const { client, share } = connection;
    const refused = deliveries.refusedOf(known, client!, verdicts, share);
    return isPromise(refused) ? refused.then(admit) : admit(refused);
  }

  /** The owner for the client's session; false when the session belongs to another user. */
  #ownerIfAllowed(connection: BrokerConnection): string | undefined | false {
    const { sessions, hooks, hasOwners } = this.#setup;
    const found = sessions.get(connection.client!.clientId);
    const owner = hasOwners ? ownerOf(connection, hooks) : found?.owner;
    if (owner === false) return false;
    return found === undefined || canUseSession(found.owner, owner) ? owner : false;
  }

  #refuseOtherUser({ protocol }: BrokerConnection): undefined {
    const reasonString = "The session belongs to another user";
    protocol.refuse(ReasonCode.notAuthorized, { reasonString });
  }

  /** The Will that is kept: none of an older version that is for a reserved topic. */
  #willOf({ will, protocolVersion }: ConnectPacket): Will | undefined {
    if (will === undefined || protocolVersion === 5) return will;
    return isReserved(will.topic, this.#setup.options) ? undefined : will;
  }

  /**
   * Accepts the client: takes over, resumes or begins its session, and sends CONNACK. Whether
   * CONNACK can be sent is checked before anything changes.
   */
  #admit(
    connection: BrokerConnection,
    authenticationData: Uint8Array | undefined,
    verdicts?: Verdicts,
  ): undefined {
    const { sessions, limits, hooks } = this.#setup;
    const { cleanStart, protocolVersion, properties } = connection.connect!;
    const will = this.#willOf(connection.connect!);
    const client = connection.client!;
    const owner = this.#ownerIfAllowed(connection);
    if (owner === false) return this.#refuseOtherUser(connection);
    // Clean Session says both, and without it a session has no end.
    const asked = protocolVersion < 5 && !cleanStart
      ? NEVER
      : properties.sessionExpiryInterval ?? 0;
    const granted = sessions.lifetimeOf(asked);
    if (granted > 0 && !this.#setup.canStoreSessions()) {
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
        ...this.#properties(connection.connect!),
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
    connection.hasNewSession = !sessionPresent;
    try {
      connection.protocol.accept(session.state, { ...connack, sessionPresent });
      session.will = will === undefined ? undefined : withOwnBytes(will);
      session.countBase();
    } catch (error) {
      // The session must not stay attached to a connection that was not accepted.
      sessions.leave(connection, { kind: "internal error", error });
      throw error;
    }
    // Frees the packet's memory; the Will has been copied.
    connection.connect = undefined;
    sessions.save(session);
    hooks.onConnect(client);
    this.#setup.onAccepted(connection);
  }

  /** Disconnects the client that is using the session [MQTT-3.1.4-3]. */
  #takeOver(clientId: string): void {
    const { sessions, onTakenOver } = this.#setup;
    const before = sessions.get(clientId)?.connection;
    if (before === undefined) return;
    const packet = { type: "disconnect", reasonCode: ReasonCode.sessionTakenOver } as const;
    before.protocol.disconnect(packet);
    // Its own DISCONNECT may have arrived before, and be waiting for a hook [MQTT-3.14.4-3].
    const cause = before.cause ?? { kind: "this end", packet };
    try {
      sessions.leave(before, cause);
    } finally {
      onTakenOver(before, cause);
    }
  }

  /**
   * The properties of CONNACK that follow from the options. Defaults of the standard are left out.
   */
  #properties({ keepAlive }: ConnectPacket): PropertiesOf<"connack"> {
    const { options } = this.#setup;
    const { maximumQoS = 2, maximumKeepAlive = Infinity, responseInformation } = options;
    // 0 turns Keep Alive off (§3.1.2.10).
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

/** The Reason Codes of a failed login. */
const CREDENTIALS: readonly number[] = [
  ReasonCode.badUserNameOrPassword,
  ReasonCode.notAuthorized,
];
