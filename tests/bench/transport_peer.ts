// The peer of the benchmark of transports, a process of its own: the peer of the client benchmark, behind everything that can
// carry MQTT. It takes its certificate as JSON in the first line of its standard input, prints its URLs as JSON, and ends when
// its standard input does.
//
// Deno's own TLS is the fastest here, and waits with what is small until what it has sent before is acknowledged (Nagle's
// algorithm). So what is answered has a place of its own, which is Node's TLS.
// deno run --allow-all tests/bench/transport_peer.ts FOLDER

import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { linesOf } from "./child.ts";
import { PeerLink } from "./peer_link.ts";
import type { TransportName } from "./transport_servers.ts";
import { acceptWebSocket } from "./websocket_wire.ts";
import { SocketWire, type Wire } from "./wire.ts";

/** Certificates in PEM. */
interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const hostname = "127.0.0.1";

if (import.meta.main) {
  const lines = linesOf(Deno.stdin.readable);
  const { value } = await lines.next();
  const certificates: Certificates | undefined = JSON.parse(value!) ?? undefined;
  const path = `${Deno.args[0]}/peer.sock`;
  serve(Deno.listen({ transport: "unix", path }));
  const urls: Partial<Record<TransportName, string>> = {
    tcp: `mqtt://${listen(false)}`,
    ws: `ws://${listen(true)}`,
    unix: `mqtt+unix://${path}`,
  };
  const promptUrls = { ...urls };
  if (certificates !== undefined) {
    urls.tls = `mqtts://${listenTls(certificates, false)}`;
    urls.wss = `wss://${listenTls(certificates, true)}`;
    promptUrls.tls = `mqtts://${await listenPromptly(certificates, false)}`;
    promptUrls.wss = `wss://${await listenPromptly(certificates, true)}`;
    promptUrls.mutual = `mqtts://${await listenPromptly(certificates, false, true)}`;
  }
  console.log(JSON.stringify({ urls, promptUrls }));
  for await (const _ of lines);
  Deno.exit();
}

function listen(isWebSocket: boolean): string {
  const listener = Deno.listen({ hostname, port: 0 });
  serve(listener, isWebSocket);
  return place(listener.addr.port, isWebSocket);
}

function listenTls({ cert, key }: Certificates, isWebSocket: boolean): string {
  const listener = Deno.listenTls({ hostname, port: 0, cert, key });
  serve(listener, isWebSocket);
  return place(listener.addr.port, isWebSocket);
}

async function listenPromptly(
  certificates: Certificates,
  isWebSocket: boolean,
  requestCert = false,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onSocket = (socket: TLSSocket) => {
    socket.setNoDelay(true);
    run(new SocketWire(socket), isWebSocket);
  };
  const server = createServer({ ...certificates, requestCert }, onSocket);
  server.listen(0, hostname, resolve);
  await promise;
  return place((server.address() as AddressInfo).port, isWebSocket);
}

function place(port: number, isWebSocket: boolean): string {
  return `${hostname}:${port}${isWebSocket ? "/mqtt" : ""}`;
}

async function serve(listener: AsyncIterable<Deno.Conn>, isWebSocket = false): Promise<void> {
  for await (const connection of listener) {
    if ("setNoDelay" in connection) (connection as Deno.TcpConn).setNoDelay(true);
    run(connection, isWebSocket);
  }
}

async function run(wire: Wire, isWebSocket: boolean): Promise<void> {
  try {
    await new PeerLink(isWebSocket ? await acceptWebSocket(wire) : wire).run();
  } catch {
    // A client that goes without a word is none of the peer's business.
  }
  wire.close();
}
