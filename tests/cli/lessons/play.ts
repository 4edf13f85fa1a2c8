// Plays a chapter for a test, and tells what passed in each step.

import type { Chapter } from "../../../src/cli/lessons/chapter.ts";
import { CHAPTERS } from "../../../src/cli/lessons/registry.ts";
import { LessonStage } from "../../../src/cli/lessons/stage.ts";
import type { Finding } from "../../../src/monitor/findings.ts";
import { decodePacket, type Packet, type PacketType } from "../../../src/packets/mod.ts";

/** A packet that passed. */
export interface Passed {
  /** The name of the client. */
  readonly client: string;
  readonly from: "client" | "server";
  readonly bytes: Uint8Array;
  readonly packet: Packet;
  readonly findings: readonly Finding[];
}

/** A chapter that has been played. */
export interface Played {
  readonly chapter: Chapter;
  /** What passed, by steps. */
  readonly steps: readonly (readonly Passed[])[];
}

/** Plays all steps of a chapter. */
export async function play(name: string): Promise<Played> {
  const chapter = await CHAPTERS.get(name)!.load();
  const { signal } = new AbortController();
  await using stage = await LessonStage.open(chapter, { signal });
  const cursor = stage.observer.follow();
  const steps: Passed[][] = [];
  for (const _ of chapter.steps) {
    await stage.next();
    steps.push(
      cursor.take(Infinity).entries.filter((entry) => entry.type === "packet")
        .map(({ link, from, bytes, findings }) => ({
          client: link.clientId ?? "",
          from,
          bytes,
          packet: decodePacket(bytes),
          findings,
        })),
    );
  }
  return { chapter, steps };
}

/** The packets of a type that one end of a client's connection has sent, in order. */
export function packetsOf<Type extends PacketType>(
  { steps }: Played,
  client: string,
  from: "client" | "server",
  type: Type,
): readonly (Extract<Packet, { readonly type: Type }>)[] {
  return steps.flat()
    .filter((passed) => passed.client === client && passed.from === from)
    .map(({ packet }) => packet)
    .filter((packet) => packet.type === type) as Extract<Packet, { readonly type: Type }>[];
}

/** The payload of a message as text. */
export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return new TextDecoder().decode(payload);
}
