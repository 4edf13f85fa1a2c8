// What a monitor says of a conversation: plain sentences, each with the normative statement or the
// section of the standard that it goes by.

import type { Tally } from "./tally.ts";

/** An end of a Network Connection. */
export type Side = "client" | "server";

/**
 * How sure a finding is. `"violation"`: the end that sent the packet has broken a rule, whatever it
 * knew at the time. `"warning"`: it is odd, but not forbidden, or cannot be told for certain.
 */
export type Severity = "violation" | "warning";

/** A rule that a packet breaks. */
export interface Finding {
  /** The normative statement, such as `"MQTT-3.3.4-9"`; `undefined` where none has a number. */
  readonly statement: string | undefined;
  /** The section of the standard, such as `"3.3.4"`. */
  readonly section: string;
  /** How sure it is. */
  readonly severity: Severity;
  /** Who broke the rule. */
  readonly by: Side;
  /** One sentence: what was seen, and what was expected. */
  readonly message: string;
}

/** Something that an end of the connection still owes. */
export interface Obligation {
  /** The normative statement that demands it. */
  readonly statement: string;
  /** Who owes it. */
  readonly by: Side;
  /** Since when, in the milliseconds that the monitor was given. */
  readonly since: number;
  /** One sentence: what is missing. */
  readonly message: string;
}

/**
 * Says what is wrong, as the rest of a sentence about the sender; called only when something is.
 */
type Describe = () => string;

const NONE: readonly Finding[] = [];

/** Collects what is found in one packet, and counts which statements were judged. */
export class Judge {
  /** Who sent the packet at hand, and is the subject of what is found in it. */
  by: Side = "client";
  /**
   * True once a direction can no longer be read: what its end has said since is unknown, and with
   * it what the other end may do.
   */
  isBlind = false;
  /** How often a normative statement was found to be broken. */
  accusations = 0;
  readonly #tally: Tally;
  #found: Finding[] | undefined;

  /** Counts in `tally`. */
  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Counts a statement as obeyed, where it applied and nothing spoke against it. */
  count(statement: string): void {
    if (!this.isBlind) this.#tally.count(statement);
  }

  /** Judges a normative statement; returns `ok`. */
  holds(statement: string, ok: boolean, describe: Describe): boolean {
    if (ok) this.count(statement);
    else this.accuse(statement, describe());
    return ok;
  }

  /** A normative statement is broken. */
  accuse(statement: string, predicate: string): void {
    if (this.isBlind) return;
    this.accusations++;
    this.#tally.count(statement);
    this.#find(statement, sectionOf(statement), "violation", this.#sentence(predicate));
  }

  /** Judges a rule without a number, by the section that has it; returns `ok`. */
  allows(section: string, ok: boolean, describe: Describe): boolean {
    if (!ok && !this.isBlind) {
      this.#find(undefined, section, "violation", this.#sentence(describe()));
    }
    return ok;
  }

  /** Remarks what is odd, but not forbidden. */
  warn(section: string, predicate: string): void {
    if (!this.isBlind) this.#find(undefined, section, "warning", this.#sentence(predicate));
  }

  /** Finds what the decoder found. */
  malformed(statement: string | undefined, section: string, message: string): void {
    if (statement !== undefined) this.#tally.count(statement);
    this.#find(statement, section, "violation", message);
  }

  /** What has been found since it was last asked. */
  take(): readonly Finding[] {
    const found = this.#found ?? NONE;
    this.#found = undefined;
    return found;
  }

  #sentence(predicate: string): string {
    return `${subject(this.by)} ${predicate}`;
  }

  #find(
    statement: string | undefined,
    section: string,
    severity: Severity,
    message: string,
  ): void {
    (this.#found ??= []).push({ statement, section, severity, by: this.by, message });
  }
}

/** The section of a statement: 3.3.4 of MQTT-3.3.4-9. */
function sectionOf(statement: string): string {
  return statement.slice("MQTT-".length, statement.lastIndexOf("-"));
}

/** A name in a sentence, of bounded length. */
export function quoted(name: string): string {
  return JSON.stringify(name.length <= 80 ? name : `${name.slice(0, 79)}…`);
}

/** The end in a sentence. */
export function nameOf(side: Side): string {
  return side === "client" ? "the Client" : "the Server";
}

/** The end at the beginning of a sentence. */
export function subject(side: Side): string {
  return side === "client" ? "The Client" : "The Server";
}

/** Who is at the other end. */
export function peerOf(side: Side): Side {
  return side === "client" ? "server" : "client";
}
