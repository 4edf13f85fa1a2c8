// Breaks off handshakes of TLS, and prints how many bytes of the heap each of them still takes when all are gone.
// deno run --allow-net=127.0.0.1 --v8-flags=--expose-gc tests/io/broken_handshakes.ts CERTIFICATE KEY

import { listenTls } from "../../src/io/listen_tls.ts";

const ROUNDS = 10;
const AT_ONCE = 50;

const [cert, key] = Deno.args;
let open = 0;
const listener = await listenTls({
  ...{ cert, key, hostname: "127.0.0.1", port: 0, clientCertificate: "none", alpn: ["mqtt"] },
  ...{ handshakeTimeout: 600_000, handshakes: AT_ONCE },
  onHandshake: () => ++open > 0,
  onHandshakeEnded: () => open--,
}, () => {});

async function breakOff(): Promise<void> {
  const connections: Deno.Conn[] = [];
  for (let index = 0; index < AT_ONCE; index++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    // The first bytes of a ClientHello.
    await connection.write(Uint8Array.of(22, 3, 1, 1, 0, 1));
    connections.push(connection);
  }
  await until(() => open === AT_ONCE);
  for (const connection of connections) connection.close();
  await until(() => open === 0);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function heap(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    (globalThis as unknown as { gc(): void }).gc();
  }
  return Deno.memoryUsage().heapUsed;
}

// What is made once is made now.
await breakOff();
const before = await heap();
for (let round = 0; round < ROUNDS; round++) await breakOff();
console.log(Math.round((await heap() - before) / (ROUNDS * AT_ONCE)));
Deno.exit();
