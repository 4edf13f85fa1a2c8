// The memory that an idle client takes, measured in a process of its own, on Deno or on Node. It prints bytes.
// deno run --v8-flags=--expose-gc --allow-env --allow-net=127.0.0.1 tests/bench/idle.ts ours|theirs SERVER [CLIENTS]
// where SERVER is JSON of what server.ts describes.

import process from "node:process";

/** Clients that are connected before the measuring, so that what all of them share is there. */
const FIRST = 50;

/** Clients that are measured. */
const CLIENTS = 1_000;

/** Clients that connect between two collections: what is only needed to connect is not to pile up. */
const BETWEEN_COLLECTIONS = 50;

if (import.meta.main) {
  const [name, server, count = CLIENTS] = process.argv.slice(2);
  const { connect } = name === "ours" ? await import("./ours.ts") : await import("./theirs.ts");
  const clients: unknown[] = [];

  const connectMore = async (count: number) => {
    for (const end = clients.length + count; clients.length < end;) {
      clients.push(await connect(JSON.parse(server!), `idle-${clients.length}`));
      if (clients.length % BETWEEN_COLLECTIONS === 0) await collect();
    }
    return process.memoryUsage().rss;
  };

  const before = await connectMore(FIRST);
  const after = await connectMore(Number(count));
  console.log((after - before) / Number(count));
  // Without a word to the peer, which does not mind.
  process.exit();
}

/** Collects garbage, and once more what had to be closed first. */
async function collect(): Promise<void> {
  for (let time = 0; time < 2; time++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
}
