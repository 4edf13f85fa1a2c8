// Does the steps of a plan: tells actors what to do, and the world what is to go wrong.

import type { BrokerActor } from "./actors/broker_actor.ts";
import type { ClientActor } from "./actors/client_actor.ts";
import type { Action } from "./plan.ts";
import type { Stage } from "./stage.ts";

/** Who takes part. */
export interface Actors {
  readonly stage: Stage;
  readonly broker: BrokerActor;
  readonly clients: readonly ClientActor[];
}

/** Does one step. What cannot be done now, since somebody is away, is not done. */
export function perform(action: Action, { stage, broker, clients }: Actors): void {
  const client = "client" in action ? clients[action.client] : undefined;
  const application = client?.application;
  switch (action.do) {
    case "publish":
      return application?.publish(action);
    case "subscribe":
      return client?.subscribe(action);
    case "unsubscribe":
      return client?.unsubscribe(action.handle);
    case "unsubscribe filter":
      return void application?.unsubscribeFilter(action.topicFilter);
    case "request":
      return void application?.request(action);
    case "stall consumers":
      return application?.stallConsumers(action.lasts);
    case "disconnect":
      return void client?.disconnect(action);
    case "crash":
      return client?.crash(action);
    case "take over":
      return client?.takeOver();
    case "refuse dials":
      return stage.refuseDials(action.how, action.lasts);
    case "crash broker":
      return broker.crash(action);
    case "shut broker down":
      return void broker.shutDown(action.awayFor);
    case "set broker's clock":
      return broker.process?.setClock(action.by);
    case "broker's disk":
      return broker.disk?.fail(action.fault, action.times);
    case "disconnected by broker":
      return broker.disconnect(`c${action.client}`);
    case "broker publishes":
      return void broker.publish(action);
    case "sleep":
      return client?.process?.sleep(action.lasts);
    case "set clock":
      return client?.process?.setClock(action.by);
    case "disk":
      return client?.disk?.fail(action.fault, action.times);
    case "cut":
      return client?.process?.cut(action.way, action.afterBytes);
    case "half-open":
      return client?.process?.leaveHalfOpen();
    case "stall link":
      return client?.process?.stallLink(action.way, action.lasts);
    case "partition":
      return client?.process?.partition(action.lasts);
    case "slow link":
      return client?.process?.slowDown(action.latency, action.lasts);
  }
}
