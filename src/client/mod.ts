// The client, as the application sees it.

export type { AuthenticatorFactory } from "./authentication.ts";
export type { Client, ClientState, DisconnectOptions, UnsubscribeOptions } from "./client.ts";
export { connect } from "./connect.ts";
export type {
  ClientEvent,
  ClientEventListener,
  ClientEvents,
  ClientEventTarget,
  OnceOptions,
} from "./events.ts";
export { json, type JsonContent } from "./json.ts";
export type { MessageContent, PublishFields } from "../session/publish_packet.ts";
export type { Message } from "./message.ts";
export type { AckMode, ReceiveQueueLimits } from "./message_queue.ts";
export type { ConnectOptions, Credentials, WillOptions } from "./options.ts";
export type { PublishResult } from "./publication.ts";
export type { PublishOptions } from "./publish_options.ts";
export type { BatchOptions, Messages, ReadOptions } from "./read.ts";
export type { ReauthenticateOptions } from "./reauthentication.ts";
export type { Receipt } from "./receipts.ts";
export type { ReconnectOptions } from "./reconnect.ts";
export type { RedirectPolicy } from "./redirect.ts";
export { scramSha256, scramSha512 } from "./scram.ts";
export type { ScramCredentials } from "../session/scram/client.ts";
export type { RequestManyOptions, RequestOptions } from "./request_options.ts";
export type { RequestCounts } from "./requests.ts";
export type { RequestHandler, Responder, RespondOptions } from "./responder.ts";
export type { ResponseMessage, ResponseWithOptions } from "./response_message.ts";
export type { ServerInfo } from "./server_info.ts";
export type {
  ServerAddress,
  ServerOptions,
  ServerSource,
  ServerUrls,
  ServerWithOptions,
  TransportSource,
} from "./servers.ts";
export type { Clock, WorldClock } from "../io/clock.ts";
export type { TopicFilters } from "./subscribe_options.ts";
export type { SubscribeOptions, Subscription } from "./subscription.ts";
export {
  type ExpiringToken,
  tokenAuthentication,
  type TokenAuthenticationOptions,
} from "./token_authentication.ts";
export { topic, type TopicParameters, type TopicTemplate } from "./topic_template.ts";
