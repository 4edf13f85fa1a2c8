// The memory that an idle client takes, measured in a process of its own. It prints bytes.
// deno run --v8-flags=--expose-gc --allow-env --allow-net=127.0.0.1 tests/bench/idle.ts ours|theirs PORT

/** Clients that are connected before the measuring, so that what all of them share is there. */
const FIRST = 50;

/** Clients that are measured. */
const CLIENTS = 1_000;

/** Clients that connect between two collections: what is only needed to connect is not to pile up. */
const BETWEEN_COLLECTIONS = 50;

if (import.meta.main) {
  const [name, port] = Deno.args;
  const { connect } = name === "ours" ? await import("./ours.ts") : await import("./theirs.ts");
  const clients: unknown[] = [];

  const connectMore = async (count: number) => {
    for (const end = clients.length + count; clients.length < end;) {
      clients.push(await connect(Number(port), `idle-${clients.length}`));
      if (clients.length % BETWEEN_COLLECTIONS === 0) await collect();
    }
    return Deno.memoryUsage().rss;
  };

  const before = await connectMore(FIRST);
  const after = await connectMore(CLIENTS);
  console.log((after - before) / CLIENTS);
  // Without a word to the peer, which does not mind.
  Deno.exit();
}

/** Collects garbage, and once more what had to be closed first. */
async function collect(): Promise<void> {
  for (let time = 0; time < 2; time++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
}
