// §3.1.2.5 Wills: published when a connection is lost, or when their delay is over (§3.1.3.2.2).

import type { PublishPacket, Will } from "../packets/mod.ts";
import type { Store } from "./durability/store.ts";
import type { BrokerSession } from "./model.ts";
import type { Timers } from "./timers.ts";

/** What the Wills work with. */
export interface WillsSetup {
  readonly timers: Timers;
  /** What survives the broker, if anything does. */
  readonly store: Store | undefined;
  /** Brings a Will to who wants it. */
  readonly publish: (packet: PublishPacket, session: BrokerSession) => void;
}

/** The Wills of clients that are gone. */
export class Wills {
  readonly #setup: WillsSetup;

  constructor(setup: WillsSetup) {
    this.#setup = setup;
  }

  /**
   * A client left at this time: its Will, if it has one, is published now or when its delay is
   * over.
   */
  begin(session: BrokerSession, left: number): void {
    const { will, lifetime } = session;
    if (will === undefined) return;
    const delay = (will.properties.willDelayInterval ?? 0) * 1000;
    if (delay === 0 || lifetime === 0) this.publish(session);
    else session.willDue = this.#setup.timers.add(left + delay, () => this.publish(session));
  }

  /** A client has come back in time [MQTT-3.1.3-9]. */
  cancel(session: BrokerSession): void {
    if (session.willDue !== undefined) session.willDue.isCancelled = true;
    session.willDue = undefined;
  }

  /** Publishes the Will of a session, if it has one, once [MQTT-3.1.2-10]. */
  publish(session: BrokerSession): void {
    const { will } = session;
    this.cancel(session);
    session.will = undefined;
    if (will === undefined) return;
    session.countBase();
    if (session.lifetime > 0) this.#setup.store?.deleteWill(session);
    this.#setup.publish(willPacket(will), session);
  }
}

/** A Will as the message that it is [MQTT-3.1.2-14] [MQTT-3.1.2-15]. */
function willPacket({ topic, payload, qos, retain, properties }: Will): PublishPacket {
  const { willDelayInterval: _, ...rest } = properties;
  return {
    ...{ type: "publish", dup: false, packetId: 0 },
    ...{ topic, payload, qos, retain, properties: rest },
  } as PublishPacket;
}
