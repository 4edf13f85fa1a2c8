// What is told of a connection: what has happened, one after the other, and what is known of it.

import type { Finding, Protocol, Side } from "../../monitor/mod.ts";
import type { Sized } from "./entry_ring.ts";
import type { PublishOutline } from "./publish_outline.ts";
import type { Piece } from "./stream_cutter.ts";

/** What is known of a connection. It changes while the connection lasts. */
export interface LinkInfo {
  /** 1 for the first. */
  readonly id: number;
  /** The address of the client. */
  readonly client: string;
  /** The address of the server. */
  readonly server: string;
  /** Where the client has connected to. */
  readonly listener: string;
  /** What it speaks, as far as it has said. */
  protocol: Protocol;
  /** The Client Identifier, once CONNECT has said it. */
  clientId: string | undefined;
  /** After so many seconds of silence the client is gone, as the server says or else CONNECT. */
  keepAlive: number | undefined;
  /** How many packets and bytes each end has sent. */
  readonly sent: { readonly [From in Side]: { packets: number; bytes: number } };
  /** When each end has sent something last. Times are in milliseconds since 1970. */
  readonly lastAt: { [From in Side]: number | undefined };
  /** How many rules were broken. */
  findings: number;
  openedAt: number;
  closedAt: number | undefined;
  /** Why it is closed, if it broke. */
  fault: string | undefined;
}

/** Where a connection is: its number, and addresses for people. */
export type LinkPlace = Pick<LinkInfo, "id" | "client" | "server" | "listener">;

/** What has happened on a connection. */
export type Entry =
  & Sized
  & {
    readonly link: LinkInfo;
    /** In milliseconds since 1970. */
    readonly time: number;
  }
  & (
    | { readonly type: "opened" }
    | ObservedPacket
    | { readonly type: "ended"; readonly from: Side }
    | { readonly type: "missing"; readonly from: Side; readonly count: number }
    | {
      readonly type: "closed";
      readonly fault: string | undefined;
      /** What the ends had owed each other for long when it ended. */
      readonly findings: readonly Finding[];
    }
  );

/** A packet, or bytes that are none, as they have passed. */
export interface ObservedPacket extends Piece {
  readonly type: "packet";
  /** Who has sent it. */
  readonly from: Side;
  /** What the connection spoke then. */
  readonly protocol: Protocol;
  /** Which rules it breaks; most often none. */
  readonly findings: readonly Finding[];
  /** Of a PUBLISH: its topic, if somebody wants to know. */
  readonly publish: PublishOutline | undefined;
}

/** A PUBLISH of which the topic is known. */
export type ObservedPublish = ObservedPacket & { readonly publish: PublishOutline };
