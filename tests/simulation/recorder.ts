// Writes the history of a world down, and gives messages their numbers. A process that has been
// killed writes nothing more, whatever of it still runs.

import type { MessageContent } from "../../src/session/publish_packet.ts";
import type { Failure, HistoryEvent } from "./history.ts";

/** An event without its time. */
export type Recorded = HistoryEvent extends infer Event
  ? Event extends HistoryEvent ? Omit<Event, "at"> : never
  : never;

/** An event of a process, without its time and the process. */
export type RecordedOfProcess = Recorded extends infer Event
  ? Event extends { readonly process: number } ? Omit<Event, "process"> : never
  : never;

/** What is made while a world runs has greater numbers than what its plan has made. */
const FIRST_NUMBER = 1000;

/** The name of the User Property that stands for the number in a message without payload. */
const NUMBER = "n";

const encoder = new TextEncoder();
const COLON = 0x3a;
const ZERO = 0x30;

/** The history of one world. */
export class Recorder {
  readonly events: HistoryEvent[] = [];
  readonly #now: () => number;
  #number = FIRST_NUMBER;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A number that nothing else has. */
  nextNumber(): number {
    return this.#number++;
  }

  record(event: Recorded): void {
    this.events.push({ at: this.#now(), ...event } as HistoryEvent);
  }
}

/** The content of a message: its number, and as many bytes as it is to have; or none. */
export function contentOf(id: number, size: number): MessageContent {
  if (size === 0) return { payload: EMPTY, userProperties: [[NUMBER, `${id}`]] };
  return { payload: payloadOf(id, size) };
}

/** A payload that tells the number of its message. */
export function payloadOf(id: number, size = 0): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${id}:`.padEnd(size, "-"));
}

const EMPTY = new Uint8Array(0);

/** The number of a message; -1 for one that has none. */
export function numberOf(
  { payload, userProperties }: {
    readonly payload: Uint8Array;
    readonly userProperties?: readonly (readonly [name: string, value: string])[] | undefined;
  },
): number {
  if (payload.length === 0) {
    const [, number = "-1"] = userProperties?.find(([name]) => name === NUMBER) ?? [];
    return Number(number);
  }
  let number = 0;
  for (let place = 0; place < payload.length; place++) {
    const byte = payload[place]!;
    if (byte === COLON) return number;
    if (byte < ZERO || byte > ZERO + 9) break;
    number = number * 10 + byte - ZERO;
  }
  return -1;
}

/** An error, as plain data. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) };
  const { kind, reasonCode } = error as { kind?: unknown; reasonCode?: unknown };
  return {
    name: error.name === "Error" ? error.constructor.name : error.name,
    message: error.message,
    ...typeof kind === "string" && { kind },
    ...typeof reasonCode === "number" && { reasonCode },
  };
}
