// Two processes and links between them, for tests of the network alone.

import type { Transport } from "../../src/io/transport.ts";
import { Random } from "../../src/testing/random.ts";
import { Schedule } from "../../src/testing/schedule.ts";
import type { LinkConditions, VirtualLink } from "../../src/testing/virtual_link.ts";
import { VirtualNetwork } from "../../src/testing/virtual_network.ts";
import { VirtualProcess } from "../../src/testing/virtual_process.ts";

/** A client's process that can connect to a server's, which takes note of what it is given. */
export class Links {
  readonly errors: unknown[] = [];
  readonly schedule: Schedule = new Schedule({ onError: (error) => this.errors.push(error) });
  readonly network: VirtualNetwork = new VirtualNetwork({ schedule: this.schedule, seed: 1 });
  readonly client: VirtualProcess = this.#process("client");
  readonly server: VirtualProcess = this.#process("server");
  /** The server's ends of the links. */
  readonly accepted: { readonly end: Transport; readonly link: VirtualLink }[] = [];

  constructor(conditions: LinkConditions = {}) {
    this.network.setConditions(conditions);
    this.network.listen("a", {
      process: this.server,
      accept: (end, link) => this.accepted.push({ end, link }),
    });
  }

  /** Both ends of a new link. */
  async open(): Promise<
    { readonly client: Transport; readonly server: Transport; readonly link: VirtualLink }
  > {
    const dialled = this.dial();
    await this.pass(10_000);
    const client = await dialled;
    const { end: server, link } = this.accepted.at(-1)!;
    return { client, server, link };
  }

  dial(signal: AbortSignal = new AbortController().signal): Promise<Transport> {
    return this.network.dial(this.client, "a", signal);
  }

  /** Time passes, in milliseconds. */
  async pass(milliseconds = 0): Promise<void> {
    await this.schedule.run(this.schedule.now + milliseconds);
  }

  #process(name: string): VirtualProcess {
    return new VirtualProcess({ name, schedule: this.schedule, random: Random.for(1, name) });
  }
}

/** What has become of a promise so far. */
export function outcome(promise: Promise<unknown>): { value: unknown } {
  const seen: { value: unknown } = { value: "pending" };
  promise.then((value) => seen.value = value, (error) => seen.value = `${error}`);
  return seen;
}

export function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}
