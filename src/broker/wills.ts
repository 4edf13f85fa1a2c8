// §3.1.2.5 Will Messages: published when the connection is lost, or after the Will Delay Interval
// (§3.1.3.2.2).

import type { PublishPacket, Will } from "../packets/mod.ts";
import type { Store } from "./durability/store.ts";
import type { BrokerSession } from "./model.ts";
import type { Timers } from "./timers.ts";

/** Dependencies of {@linkcode Wills}. */
export interface WillsSetup {
  readonly timers: Timers;
  /** The database; `undefined` when nothing is persisted. */
  readonly store: Store | undefined;
  /** Delivers the message to its subscribers. */
  readonly publish: (packet: PublishPacket, session: BrokerSession) => void;
}

/** Publishes the Wills of clients whose connection is lost. */
export class Wills {
  readonly #setup: WillsSetup;

  constructor(setup: WillsSetup) {
    this.#setup = setup;
  }

  /**
   * Publishes the session's Will, if it has one, now or after its delay. `left` is when the
   * connection ended.
   */
  begin(session: BrokerSession, left: number): void {
    const { will, lifetime } = session;
    if (will === undefined) return;
    const delay = (will.properties.willDelayInterval ?? 0) * 1000;
    if (delay === 0 || lifetime === 0) this.publish(session);
    else session.willDue = this.#setup.timers.add(left + delay, () => this.publish(session));
  }

  /** Cancels the delayed Will of a client that has reconnected in time [MQTT-3.1.3-9]. */
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

/** The PUBLISH for a Will [MQTT-3.1.2-14] [MQTT-3.1.2-15]. */
function willPacket({ topic, payload, qos, retain, properties }: Will): PublishPacket {
  const { willDelayInterval: _, ...rest } = properties;
  return {
    ...{ type: "publish", dup: false, packetId: 0 },
    ...{ topic, payload, qos, retain, properties: rest },
  } as PublishPacket;
}
