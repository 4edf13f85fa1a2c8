// A run in which much happens, as the bytes of all links tell it: the same seed must tell the same. As a program it prints
// what the seed in its argument tells.

import { type Client, connect } from "../../mod.ts";
import { World, type WorldLink } from "../../src/testing/mod.ts";
import { Random } from "../../src/testing/random.ts";

/** What passes on the links of a run: a line for each piece of bytes. */
export async function scenario(seed: number): Promise<string[]> {
  const lines: string[] = [];
  const seen = new Set<WorldLink>();
  const network = { latency: 5, jitter: 40, pieces: [1, 40], buffer: 200 } as const;
  const world = new World({ seed, network });
  world.deliver({ ...network, pieces: [1, 9] }, ["to server"]);
  /** New links are watched from the moment that somebody has looked. */
  const watch = () => {
    for (const link of world.links) {
      if (seen.has(link)) continue;
      seen.add(link);
      const name = `${link.number} ${link.clientName}`;
      link.observe({
        bytes: (way, bytes, now) => lines.push(`${now} ${name} ${way}: ${bytes.toHex()}`),
        ended: (way, how, now) => lines.push(`${now} ${name} ${way}: ${how}`),
      });
    }
  };
  const random = Random.for(seed, "scenario");
  await world.startBroker("broker", { path: "broker.db", limits: { receiveMaximum: 3 } });
  const meter = world.process("meter");
  await start(world, meter.server(), "meter-7", meter.openStore("meter.db"));
  const ledger = await start(world, world.server(), "ledger", undefined);
  const rows = await world.until(ledger.subscribe(["meters/#", "$share/g/meters/+/#"], { qos: 2 }));
  // The server may refuse to go on with it while its disk fails.
  void (async () => {
    for await (const message of rows) lines.push(`${world.now} read ${message.text()}`);
  })().catch((error) => lines.push(`${world.now} read no more: ${error}`));
  await world.until(ledger.respond("ask/+", ({ topic }) => topic));
  world.disk.onCommit = () => world.disk.commits % 7 === 5 ? "fails" : "succeeds";
  for (let step = 0; step < 60; step++) {
    await world.advance(random.below(3000));
    watch();
    switch (random.below(10)) {
      case 0:
        world.cut(undefined, { after: random.below(50), way: "to client" });
        break;
      case 1:
        world.partition("meter");
        break;
      case 2:
        world.heal();
        break;
      case 3:
        world.process("meter").suspend();
        break;
      case 4:
        world.process("meter").resume();
        world.process("meter").jumpWallClock(random.below(100_000) - 50_000);
        break;
      case 5:
        world.crashBroker("broker", random.onceIn(2) ? "silent" : "closed");
        await world.restartBroker().catch((error) => lines.push(`${world.now} ${error}`));
        break;
      case 6: {
        world.process("meter").kill("reset");
        const again = world.process("meter");
        try {
          const store = again.openStore("meter.db");
          void start(world, again.server(), "meter-7", store).catch(() => {});
        } catch (error) {
          lines.push(`${world.now} ${error}`);
        }
        break;
      }
      case 7:
        ledger.request(`ask/${step}`, "", { timeout: 5000 })
          .then((response) => lines.push(`${world.now} told ${response.text()}`), () => {});
        break;
      default:
        ledger.publish("meters/0/row", `ledger ${step}`, { qos: 1 })
          .then(() => lines.push(`${world.now} published ${step}`), () => {});
    }
  }
  world.heal();
  world.process("meter").resume();
  await world.advance(600_000);
  await world[Symbol.asyncDispose]();
  return lines;
}

async function start(
  world: World,
  server: ReturnType<World["server"]>,
  clientId: string,
  store: ReturnType<ReturnType<World["process"]>["openStore"]> | undefined,
): Promise<Client> {
  const client = await world.until(connect(server, {
    ...{ clientId, waitForServer: true, sessionExpiryInterval: 3600, keepAlive: 10 },
    ...(store === undefined ? {} : { store }),
  }));
  if (store === undefined) return client;
  for (let count = 0; count < 5; count++) {
    client.enqueue(`meters/7/${count}`, `${world.now}`, { qos: 2, messageExpiryInterval: 5000 })
      .catch(() => {});
  }
  return client;
}

if (import.meta.main) console.log((await scenario(Number(Deno.args[0]))).join("\n"));
