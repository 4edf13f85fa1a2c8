// What a lesson is: chapters of steps, as data. A step says what happens, what to look at, and lets
// it happen, in a real conversation with a broker.

import type { ServeOptions } from "../../broker/serve.ts";
import type { LessonClient } from "./client.ts";

/** A chapter: one conversation, told step by step. */
export interface Chapter {
  /** What it is about and what it is good for, for somebody who has never seen MQTT. */
  readonly about: string;
  /** What the broker is to be like, if it is not as it always is. */
  readonly broker?: () => Promise<Pick<ServeOptions, "authenticate" | "authenticateStep">>;
  /** Whether the Passwords are part of the lesson; else they are hidden as everywhere. */
  readonly showsSecrets?: boolean;
  /** The steps, in order. */
  readonly steps: readonly Step[];
}

/** A step of a chapter. */
export interface Step {
  /** What happens: a sentence. */
  readonly title: string;
  /**
   * What to look at in the bytes, and why it is so, with the sections of the standard. What stands
   * between backticks is in the packets of this step: bytes, as `34 0A`, or else text.
   */
  readonly text: string;
  /** A packet of this step, byte by byte, where all of its bytes are worth a look. */
  readonly bytes?: ByteTable;
  /** Lets it happen. Resolves when each client has taken all that the broker sent to it. */
  readonly run: (stage: Stage) => Promise<void>;
}

/** All bytes of a packet, and what each is for. */
export interface ByteTable {
  /** The packet, such as `"PUBLISH from the switch"`. */
  readonly of: string;
  /** Some bytes in hexadecimal, and what they are. */
  readonly rows: readonly (readonly [hex: string, meaning: string])[];
}

/** What the steps of one conversation have at hand. */
export interface Stage {
  /** The client with this name, which is its Client Identifier: always the same one. */
  client(name: string): LessonClient;
  /** Resolves when the broker has got all that the clients have sent, and what they have closed. */
  settled(): Promise<void>;
}
