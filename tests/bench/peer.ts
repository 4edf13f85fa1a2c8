// The peer of the client benchmark, a process of its own: it takes and sends packets faster than any client. It prints two
// ports of 127.0.0.1, that of the MQTT peer and that of a bare TCP echo, and ends when its standard input does.
// deno run --allow-net=127.0.0.1 tests/bench/peer.ts

import { PeerLink } from "./peer_link.ts";

if (import.meta.main) {
  const peer = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echo = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(peer.addr.port, echo.addr.port);
  serve(peer, (connection) => new PeerLink(connection).run());
  serve(echo, sendBack);
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}

async function serve(
  listener: Deno.TcpListener,
  run: (connection: Deno.TcpConn) => Promise<void>,
): Promise<void> {
  for await (const connection of listener) {
    connection.setNoDelay(true);
    // A client that goes without a word is none of the peer's business.
    run(connection).catch(() => {}).finally(() => connection.close());
  }
}

async function sendBack(connection: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(65_536);
  while (true) {
    const count = await connection.read(bytes);
    if (count === null) return;
    for (let start = 0; start < count;) {
      start += await connection.write(bytes.subarray(start, count));
    }
  }
}
