// §3.1.4 CONNECT actions: who comes in, as whom, and with which session. §4.12 Enhanced
// authentication.

import {
  type AuthPacket,
  type ConnackInit,
  type ConnectPacket,
  type PropertiesOf,
  type PublishPacket,
  reasonCodeName,
  type ReasonCodeOf,
} from "../packets/mod.ts";
import type { CloseCause } from "../session/events.ts";
import type { DeliveryAuthorizer } from "./delivery_authorizer.ts";
import type { Guest } from "./guest.ts";
import type { Hooks } from "./hooks.ts";
import { isPromise } from "./is_promise.ts";
import type { Member } from "./member.ts";
import type { AuthenticationAnswer, BrokerLimits, BrokerOptions } from "./options.ts";
import { withOwnBytes } from "./own_bytes.ts";
import { mayHave, ownerOf } from "./session_owner.ts";
import type { Sessions } from "./sessions.ts";
import { isReserved } from "./reserved_topics.ts";
import { levelsOf } from "./topic_tree.ts";
import { Verdicts } from "./verdicts.ts";

/** What the door works with. */
export interface DoorSetup {
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
  /** A guest has been made to leave, and has something to be told. */
  readonly onLeft: (guest: Guest, cause: CloseCause) => void;
  readonly deliveries: DeliveryAuthorizer;
  /** Takes back what waits for a session, of these topics. */
  readonly takeOut: (member: Member, topics: ReadonlySet<string>) => void;
  /** A guest has been let in. */
  readonly onEntered: (guest: Guest) => void;
}

/** Lets clients in. */
export class Door {
  readonly #setup: DoorSetup;

  constructor(setup: DoorSetup) {
    this.#setup = setup;
  }

  /** A client has sent its CONNECT. */
  receive(guest: Guest, packet: ConnectPacket): Promise<void> | undefined {
    const { hooks } = this.#setup;
    guest.connect = packet;
    const clientId = packet.clientId === "" ? this.#newClientId() : packet.clientId;
    const { address, listener, certificate, certificateUsername, origin } = guest.peer;
    const username = certificateUsername ?? packet.username;
    guest.client = { clientId, username, address, listener, certificate, origin };
    if (certificateUsername === "") {
      guest.connection.refuse(0x86, { reasonString: "The certificate has no such name" });
      return undefined;
    }
    const refusal = this.#refusalOfWill(packet);
    if (refusal !== undefined) {
      guest.connection.refuse(refusal);
      return undefined;
    }
    const { authenticationMethod: method, authenticationData: data } = packet.properties;
    if (method !== undefined) return this.#step(guest, method, data, false);
    return hooks.authenticate(guest.client, packet, (code) => {
      if (guest.connection.isClosed) return undefined;
      if (code >= 0x80) return guest.connection.refuse(code);
      return this.#checkWill(guest, undefined);
    });
  }

  /** A client has taken a step of enhanced authentication. */
  goOn(guest: Guest, { reasonCode, properties }: AuthPacket): Promise<void> | undefined {
    const { authenticationMethod, authenticationData } = properties;
    if (reasonCode === 0x19) guest.steps = 0;
    return this.#step(guest, authenticationMethod, authenticationData, guest.member !== undefined);
  }

  /** [MQTT-3.2.2-16] */
  #newClientId(): string {
    const { newClientId, sessions } = this.#setup;
    let clientId = newClientId();
    while (sessions.get(clientId) !== undefined) clientId = newClientId();
    return clientId;
  }

  #step(
    guest: Guest,
    method: string,
    data: Uint8Array | undefined,
    isAgain: boolean,
  ): Promise<void> | undefined {
    const { hooks } = this.#setup;
    if (!hooks.hasSteps) {
      guest.connection.refuse(0x8c);
      return undefined;
    }
    const step = { method, data, step: guest.steps++, isAgain };
    return hooks.authenticateStep(guest.client!, step, (answer) => {
      return guest.connection.isClosed ? undefined : this.#say(guest, answer, isAgain);
    });
  }

  #say(guest: Guest, answer: AuthenticationAnswer, isAgain: boolean): Promise<void> | undefined {
    const { connection } = guest;
    if (answer.result === "refuse") {
      const { reasonCode = 0x87 } = answer;
      // [MQTT-4.12.1-2]
      if (isAgain) connection.disconnect({ type: "disconnect", reasonCode });
      else connection.refuse(reasonCode);
      return undefined;
    }
    const authenticationData = answer.data;
    if (answer.result === "continue") connection.authenticate(0x18, { authenticationData });
    else if (isAgain) connection.authenticate(0x00, { authenticationData });
    else return this.#checkWill(guest, authenticationData);
    return undefined;
  }

  /** [MQTT-3.2.2-12] [MQTT-3.2.2-13] */
  #refusalOfWill({ will }: ConnectPacket): ReasonCodeOf<"connack"> | undefined {
    const { options, limits } = this.#setup;
    const { maximumQoS = 2, retainAvailable = true } = options;
    if (will === undefined) return undefined;
    if (isReserved(will.topic, options)) return 0x87;
    if (levelsOf(will.topic) > limits.topicLevels) return 0x90;
    if (will.qos > maximumQoS) return 0x9b;
    if (will.retain && !retainAvailable) return 0x9a;
    return undefined;
  }

  /** A Will is published in the name of the client, which must be allowed to. */
  #checkWill(guest: Guest, data: Uint8Array | undefined): Promise<void> | undefined {
    const { will } = guest.connect!;
    if (will === undefined) return this.#checkWaiting(guest, data);
    const { topic, payload, qos, retain } = will;
    const message = { topic, payload, qos, retain } as PublishPacket;
    return this.#setup.hooks.authorizePublish(guest.client!, message, (code) => {
      if (guest.connection.isClosed) return undefined;
      // Not every Reason Code of a PUBACK is one of CONNACK.
      const refusal = reasonCodeName(code, "connack") === undefined ? 0x87 : code as 0x87;
      if (code >= 0x80) return guest.connection.refuse(refusal);
      return this.#checkWaiting(guest, data);
    });
  }

  /**
   * What waits for a client may be something that it may not have any more, or not from where it
   * connects now.
   */
  #checkWaiting(guest: Guest, data: Uint8Array | undefined): Promise<void> | undefined {
    const { deliveries, sessions } = this.#setup;
    const { clientId } = guest.client!;
    const known = deliveries.isAsked ? sessions.get(clientId) : undefined;
    if (known === undefined || guest.connect!.cleanStart) return this.#admit(guest, data);
    if (this.#ownerIfAllowed(guest) === false) return this.#refuseStranger(guest);
    const verdicts = new Verdicts();
    const go = (refused: ReadonlySet<string>): undefined => {
      if (guest.connection.isClosed) return;
      this.#admit(guest, data, verdicts);
      // Nothing that waits is sent before what has been written is.
      if (sessions.get(clientId) === known) this.#setup.takeOut(known, refused);
    };
    const refused = deliveries.refusedOf(known, guest.client!, verdicts);
    return isPromise(refused) ? refused.then(go) : go(refused);
  }

  /** Who would own the session of a guest; false when it is somebody else's. */
  #ownerIfAllowed(guest: Guest): string | undefined | false {
    const { sessions, hooks, hasOwners } = this.#setup;
    const found = sessions.get(guest.client!.clientId);
    const owner = hasOwners ? ownerOf(guest, hooks) : found?.owner;
    return owner === false || found !== undefined && !mayHave(found.owner, owner) ? false : owner;
  }

  #refuseStranger({ connection }: Guest): undefined {
    connection.refuse(0x87, { reasonString: "The session is somebody else's" });
  }

  /**
   * Finds the session, and takes it over from whoever has it: but first of all whether the client
   * can be told.
   */
  #admit(
    guest: Guest,
    authenticationData: Uint8Array | undefined,
    verdicts?: Verdicts,
  ): undefined {
    const { sessions, limits, hooks } = this.#setup;
    const { cleanStart, will, properties } = guest.connect!;
    const client = guest.client!;
    const owner = this.#ownerIfAllowed(guest);
    if (owner === false) return this.#refuseStranger(guest);
    const asked = properties.sessionExpiryInterval ?? 0;
    const granted = sessions.lifetimeOf(asked);
    if (granted > 0 && !this.#setup.canKeepSessions()) {
      guest.connection.refuse(0x88);
      return undefined;
    }
    const reasonString = sessions.refusal(client, will, sessions.get(client.clientId));
    if (reasonString !== undefined) {
      guest.connection.refuse(0x97, { reasonString });
      return undefined;
    }
    const connack: ConnackInit = {
      type: "connack",
      properties: {
        ...this.#grants(guest.connect!),
        receiveMaximum: limits.receiveMaximum,
        topicAliasMaximum: limits.topicAliasMaximum,
        authenticationData,
        assignedClientIdentifier: guest.connect!.clientId === "" ? client.clientId : undefined,
        sessionExpiryInterval: granted < asked && granted !== Infinity ? granted : undefined,
      },
    };
    guest.connection.checkAccept(connack);
    this.#takeOver(client.clientId);
    const known = sessions.get(client.clientId);
    // [MQTT-3.1.2-4]
    if (known !== undefined && cleanStart) sessions.end(known);
    const sessionPresent = known !== undefined && !cleanStart;
    const member = sessionPresent ? known : sessions.begin(client);
    sessions.resume(member);
    member.client = client;
    member.owner = owner;
    member.verdicts = verdicts;
    member.guest = guest;
    member.lifetime = granted * 1000;
    member.will = undefined;
    guest.member = member;
    try {
      guest.connection.accept(member.session, { ...connack, sessionPresent });
      member.will = will === undefined ? undefined : withOwnBytes(will);
      member.countBase();
    } catch (error) {
      // Nobody may find it with a connection that is none.
      sessions.leave(guest, { by: "internal error", error });
      throw error;
    }
    // Its Will has been copied: the packet is not kept.
    guest.connect = undefined;
    sessions.save(member);
    hooks.onConnect(client);
    this.#setup.onEntered(guest);
  }

  /** Who has the session is told that another has it now [MQTT-3.1.4-3]. */
  #takeOver(clientId: string): void {
    const { sessions, onLeft } = this.#setup;
    const before = sessions.get(clientId)?.guest;
    if (before === undefined) return;
    const packet = { type: "disconnect", reasonCode: 0x8e } as const;
    before.connection.disconnect(packet);
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
