/**
 * A broker of MQTT 5.0 to embed: for development, tests and small sites on one machine.
 *
 * @example
 * ```ts
 * import { serve } from "jsr:@mqtt5/mqtt5/broker";
 *
 * await using broker = await serve({ listeners: [] });
 * console.log(broker.statistics.clients);
 * ```
 *
 * @module
 */

export { aclFile, type AclFileOptions, type AclHooks } from "./access/acl_file.ts";
export {
  passwordFile,
  type PasswordFileOptions,
  type PasswordHook,
} from "./access/password_file.ts";
export { passwordLine, type PasswordLineOptions } from "./access/password_line.ts";
export type { ConnectedClient, DisconnectClientOptions } from "./connected_clients.ts";
export type { BrokerStatistics } from "./engine.ts";
export type { LocalPublishOptions, LocalPublishResult } from "./local_publisher.ts";
export type { MessageContent } from "../session/publish_packet.ts";
export { topicFiltersOverlap } from "../topics.ts";
export { StoreError, type StoreErrorKind } from "./durability/store.ts";
export type { BrokerLimits } from "./limits.ts";
export type { PeerCertificate } from "../session/peer.ts";
export type {
  AuthenticationAnswer,
  AuthenticationStep,
  BrokerHooks,
  BrokerMessage,
  BrokerOptions,
  ClientInfo,
  DropReason,
  ErrorContext,
  Refusal,
  RefusalReason,
  Verdict,
  WillMoment,
} from "./options.ts";
export {
  scramAuthentication,
  type ScramAuthenticationOptions,
  type ScramHooks,
  scramKeys,
  type ScramKeysOptions,
  type ScramLookup,
} from "./scram_authentication.ts";
export type { ScramMethod } from "../session/scram/keys.ts";
export {
  type Broker,
  type CertificateOptions,
  type Listener,
  type ListenerOptions,
  type ListenOptions,
  type ListenProtocol,
  serve,
  type ServeOptions,
  type Transport,
} from "./serve.ts";
