// A broker in this process that keeps what it has in a file, and is stopped and started again, at once or, as the clock on
// the wall has it, much later.

import { Broker, type ServeOptions } from "../../src/broker/serve.ts";
import { Store } from "../../src/broker/durability/store.ts";
import { systemClock } from "../../src/io/clock.ts";
import { temporaryFolder, withinPatience } from "./broker_net.ts";

/** A broker that is started again and again. */
export interface Persistent {
  /** The broker that runs now. */
  readonly broker: Broker;
  /** Its file. */
  readonly path: string;
  /** Shuts it down and starts it again, with other options if there are any, so many seconds later. */
  restart(options?: ServeOptions, later?: number): Promise<void>;
  /** Starts another with what would be there if this one were killed now. This one ends, and nothing of it is kept. */
  crash(later?: number): Promise<void>;
}

/** A test with such a broker. */
export function persistentTest(
  name: string,
  test: (persistent: Persistent) => Promise<void>,
  options: ServeOptions = {},
): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    let ahead = 0;
    let count = 0;
    let path = `${folder.path}/broker.db`;
    let broker = open(path, options, ahead);
    try {
      await withinPatience(test({
        get broker() {
          return broker;
        },
        get path() {
          return path;
        },
        async restart(more = {}, later = 0) {
          await broker.shutDown();
          ahead += later * 1000;
          broker = open(path, { ...options, ...more }, ahead);
        },
        async crash(later = 0) {
          const before = path;
          path = `${folder.path}/broker-${++count}.db`;
          for (const part of ["", "-wal"]) Deno.copyFileSync(before + part, path + part);
          await broker.shutDown();
          ahead += later * 1000;
          broker = open(path, options, ahead);
        },
      }));
    } finally {
      await broker.shutDown();
    }
  });
}

function open(path: string, options: ServeOptions, ahead: number): Broker {
  const clocks = { now: systemClock.now, wall: () => Date.now() + ahead };
  return new Broker(
    { listeners: [], ...options },
    { clock: systemClock },
    new Store(path, clocks),
  );
}
