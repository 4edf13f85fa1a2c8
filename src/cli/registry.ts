// All commands. Each is loaded only when it is needed.

import type { Command } from "./command.ts";

/** A command that can be loaded. */
export interface Entry {
  /** What it does, for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** The commands by their names. */
export const COMMANDS: ReadonlyMap<string, Entry> = new Map(Object.entries<Entry>({
  pub: {
    summary: "publish messages: one, a file, or one per line",
    load: async () => (await import("./commands/pub.ts")).pub,
  },
  sub: {
    summary: "subscribe and print the messages that arrive",
    load: async () => (await import("./commands/sub.ts")).sub,
  },
  request: {
    summary: "publish a request and print the response",
    load: async () => (await import("./commands/request.ts")).request,
  },
  respond: {
    summary: "respond to requests",
    load: async () => (await import("./commands/respond.ts")).respond,
  },
  retained: {
    summary: "list or remove retained messages",
    load: async () => (await import("./commands/retained.ts")).retained,
  },
  connect: {
    summary: "connect to a server and show the handshake byte by byte",
    load: async () => (await import("./commands/connect.ts")).connect,
  },
  decode: {
    summary: "explain the bytes of packets",
    load: async () => (await import("./commands/decode.ts")).decode,
  },
  inspect: {
    summary: "relay connections to a server and show what each end says",
    load: async () => (await import("./commands/inspect.ts")).inspect,
  },
  broker: {
    summary: "run a broker",
    load: async () => (await import("./commands/broker.ts")).broker,
  },
  passwd: {
    summary: "set or remove the password of a user of the broker",
    load: async () => (await import("./commands/passwd.ts")).passwd,
  },
  demo: {
    summary: "show a complete conversation between a client and a broker",
    load: async () => (await import("./commands/demo.ts")).demo,
  },
  completions: {
    summary: "print the completions for bash, zsh or fish",
    load: async () => (await import("./commands/completions.ts")).completions,
  },
}));
