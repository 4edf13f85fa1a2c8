// All chapters, in the order in which they are best read. Each is loaded only when it is begun.

import type { Chapter } from "./chapter.ts";

/** A chapter that can be loaded. */
export interface ChapterEntry {
  /** What it is about, in a few words. */
  readonly title: string;
  readonly load: () => Promise<Chapter>;
}

/** The chapters by their names. */
export const CHAPTERS: ReadonlyMap<string, ChapterEntry> = new Map(Object.entries<ChapterEntry>({
  connect: {
    title: "how a connection begins, lasts and ends",
    load: async () => (await import("./connect.ts")).CONNECT,
  },
  qos0: {
    title: "publish and subscribe; QoS 0, at most once",
    load: async () => (await import("./qos0.ts")).QOS_0,
  },
  qos1: {
    title: "QoS 1, at least once: acknowledged, or sent again",
    load: async () => (await import("./qos1.ts")).QOS_1,
  },
  qos2: {
    title: "QoS 2, exactly once: four packets, and what for",
    load: async () => (await import("./qos2.ts")).QOS_2,
  },
  retained: {
    title: "retained messages: the last one is there at once",
    load: async () => (await import("./retained.ts")).RETAINED,
  },
  will: {
    title: "the Will: what is published when a client is gone",
    load: async () => (await import("./will.ts")).WILL_MESSAGE,
  },
  resume: {
    title: "sessions: what outlives a lost connection",
    load: async () => (await import("./resume.ts")).RESUME,
  },
  flow: {
    title: "flow control: a slow receiver is not flooded",
    load: async () => (await import("./flow.ts")).FLOW,
  },
  alias: {
    title: "Topic Alias: a number in place of a long topic",
    load: async () => (await import("./alias.ts")).ALIAS,
  },
  shared: {
    title: "shared subscriptions: several clients share the work",
    load: async () => (await import("./shared.ts")).SHARED_SUBSCRIPTION,
  },
  request: {
    title: "request and response: a question and its answer",
    load: async () => (await import("./request.ts")).REQUEST,
  },
  authentication: {
    title: "passwords, and proofs that need none to be sent",
    load: async () => (await import("./authentication.ts")).AUTHENTICATION,
  },
}));
