// The client, as the application sees it.

export type { Client, ClientState, DisconnectOptions, UnsubscribeOptions } from "./client.ts";
export { connect } from "./connect.ts";
export type { ServerSource } from "./connector.ts";
export type { ClientEvent, ClientEvents, ClientEventTarget } from "./events.ts";
export type { Message } from "./message.ts";
export type { AckMode, ReceiveQueueLimits } from "./message_queue.ts";
export type {
  ConnectOptions,
  Credentials,
  ServerAddress,
  ServerUrls,
  TransportSource,
  WillOptions,
} from "./options.ts";
export type { PublishResult } from "./publication.ts";
export type { PublishOptions } from "./publish_options.ts";
export type { ReconnectOptions } from "./reconnect.ts";
export type { ServerInfo } from "./server_info.ts";
export type { TopicFilters } from "./subscribe_options.ts";
export type { SubscribeOptions, Subscription } from "./subscription.ts";
