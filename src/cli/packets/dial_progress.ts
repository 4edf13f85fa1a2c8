// Dialling a server as `connect` shows it: each step once it is done, and the one that failed.

import { type Destination, usesTls, usesWebSocket } from "../../io/destination.ts";
import type { DialStep } from "../../io/dial.ts";
import type { Output } from "../context.ts";
import { paintFor } from "../terminal/text.ts";
import { formatStep } from "./dial_steps.ts";

/** Shows the steps of dialling one server. */
export class DialProgress {
  readonly #output: Output;
  readonly #showsSecrets: boolean;
  /** The steps to come, in order. */
  readonly #ahead: DialStep["type"][];
  readonly #count: number;
  /** The current step; `undefined` after the last. */
  #current: DialStep["type"] | undefined;

  constructor(destination: Destination, output: Output, showsSecrets: boolean) {
    this.#output = output;
    this.#showsSecrets = showsSecrets;
    this.#ahead = [
      "connected",
      ...destination.proxy === undefined ? [] : ["proxy" as const],
      ...usesTls(destination) ? ["tls" as const] : [],
      ...usesWebSocket(destination) ? ["websocket" as const] : [],
    ];
    this.#count = this.#ahead.length;
    this.#current = this.#ahead.shift();
  }

  /** The current step in words; `undefined` after the last. */
  get step(): string | undefined {
    return this.#current && NAMES[this.#current];
  }

  /** Shows a step that is done. The last one stays current: its result may still be refused. */
  show(step: DialStep): void {
    this.#output.write(formatStep(step, this.#output, this.#showsSecrets));
    this.#current = this.#ahead.shift() ?? this.#current;
  }

  /** All steps are done. */
  end(): void {
    this.#current = undefined;
  }

  /** Shows which step failed, if others were shown before. */
  fail(): void {
    const number = this.#count - this.#ahead.length;
    if (this.step === undefined || number === 1) return;
    const { red } = paintFor(this.#output);
    this.#output.write(`${red(`Failed: step ${number} of ${this.#count}, ${this.step}`)}\n`);
  }
}

const NAMES: Readonly<Record<DialStep["type"], string>> = {
  connected: "connection",
  proxy: "proxy connection",
  tls: "TLS handshake",
  websocket: "WebSocket handshake",
};
