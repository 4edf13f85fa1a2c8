// A chapter in the terminal: each step with its sentence, its packets as they pass, and the bytes
// of the one that is to be understood.

import { explainPacket } from "../../packets/mod.ts";
import { byteCount } from "../../wire/field.ts";
import type { Output } from "../context.ts";
import type { Entry } from "../inspect/link_observer.ts";
import { formatPacket } from "../packets/trace.ts";
import { paintFor, wrap } from "../terminal/text.ts";
import type { ByteTable, Step } from "./chapter.ts";
import { CHAPTERS } from "./registry.ts";
import { LessonStage } from "./stage.ts";

/** How wide bytes are beside their meaning: eight of them. */
const BYTES_WIDTH = 23;

/** What is quoted from a packet. */
const QUOTED = /`([^`]*)`/g;

/** A space at which no line is broken. */
const GLUE = "\u00a0";

/**
 * Plays a chapter from its first step to its last, and shows it.
 *
 * @throws {Failure} when something else happens than should
 */
export async function tell(name: string, output: Output, signal: AbortSignal): Promise<void> {
  const { title, load } = CHAPTERS.get(name)!;
  const chapter = await load();
  await using stage = await LessonStage.open(chapter, { signal });
  const show = new Show(output);
  show.opening(name, title, chapter.about);
  const cursor = stage.observer.follow();
  for (const [index, step] of chapter.steps.entries()) {
    show.step(index + 1, step);
    await stage.next();
    for (const entry of cursor.take(Infinity).entries) show.entry(entry);
    if (step.bytes !== undefined) show.bytes(step.bytes);
  }
  show.end(name, stage);
}

/** Writes what happens. */
class Show {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  opening(name: string, title: string, about: string): void {
    const { bold } = paintFor(this.#output);
    this.#write(`${bold(name)}: ${title}\n\n`);
    this.#paragraph(about);
  }

  step(number: number, { title, text }: Step): void {
    const { bold } = paintFor(this.#output);
    this.#write("\n");
    this.#paragraph(`${number}. ${title}`, bold);
    this.#paragraph(text);
    this.#write("\n");
  }

  /** A packet, or what has happened to a connection. */
  entry(entry: Entry): void {
    const { dim } = paintFor(this.#output);
    const name = entry.link.clientId ?? "";
    switch (entry.type) {
      case "packet": {
        const arrow = entry.from === "client" ? "→" : "←";
        const explanation = explainPacket(entry.bytes);
        this.#write(`${name} ${formatPacket(arrow, explanation, this.#output, [])}`);
        break;
      }
      case "closed":
        this.#write(dim(`${name}: the connection is closed\n`));
        break;
    }
  }

  bytes({ of, rows }: ByteTable): void {
    const { bold, cyan } = paintFor(this.#output);
    this.#write(`\n${bold(`${of}, byte by byte`)}\n`);
    for (const [hex, meaning] of rows) {
      const left = wrap(hex, BYTES_WIDTH);
      const right = wrap(meaning, this.#width - BYTES_WIDTH - 4);
      for (let index = 0; index < Math.max(left.length, right.length); index++) {
        const bytes = (left[index] ?? "").padEnd(BYTES_WIDTH);
        this.#write(`  ${cyan(bytes)}  ${right[index] ?? ""}`.trimEnd() + "\n");
      }
    }
  }

  end(name: string, { observer }: LessonStage): void {
    const { green, dim } = paintFor(this.#output);
    const { packets, bytes } = observer.counts;
    const names = [...CHAPTERS.keys()];
    const next = names[names.indexOf(name) + 1];
    this.#write(`\n${green(`${packets} packets, ${byteCount(bytes)} in all`)}\n`);
    if (next !== undefined) this.#write(dim(`The next chapter: mqtt5 demo ${next}\n`));
  }

  /** A paragraph; what is quoted from packets stands out, and on one line. */
  #paragraph(text: string, paint = (line: string) => line): void {
    const { cyan } = paintFor(this.#output);
    const glued = text.replaceAll(QUOTED, (quoted) => quoted.replaceAll(" ", GLUE));
    for (const line of wrap(glued, this.#width)) {
      const shown = paint(line).replaceAll(QUOTED, (_, quoted) => cyan(quoted));
      this.#write(`${shown.replaceAll(GLUE, " ")}\n`);
    }
  }

  get #width(): number {
    return Math.min(Math.max(this.#output.columns, 60), 100);
  }

  #write(text: string): void {
    this.#output.write(text);
  }
}
