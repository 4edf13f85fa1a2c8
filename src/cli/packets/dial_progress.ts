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
  /** The steps still to take, in their order. */
  readonly #ahead: DialStep["type"][];
  readonly #count: number;
  /** The step under way; `undefined` at the end of the way. */
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

  /** What is being done; `undefined` once all is. */
  get step(): string | undefined {
    return this.#current && NAMES[this.#current];
  }

  /** A step has been taken. What the last one brought may still be refused: it stays under way. */
  show(step: DialStep): void {
    this.#output.write(formatStep(step, this.#output, this.#showsSecrets));
    this.#current = this.#ahead.shift() ?? this.#current;
  }

  /** All steps have been taken. */
  end(): void {
    this.#current = undefined;
  }

  /** Says which step failed, where others were shown before. */
  fail(): void {
    const number = this.#count - this.#ahead.length;
    if (this.step === undefined || number === 1) return;
    const { red } = paintFor(this.#output);
    this.#output.write(`${red(`Failed: step ${number} of ${this.#count}, ${this.step}`)}\n`);
  }
}

const NAMES: Readonly<Record<DialStep["type"], string>> = {
  connected: "the connection",
  proxy: "the proxy's connection",
  tls: "the TLS handshake",
  websocket: "the opening of the WebSocket",
};
