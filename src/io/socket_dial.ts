// Connecting with the sockets of Deno or Node: TCP or a Unix socket, optionally through a proxy,
// optionally with TLS, optionally with WebSocket on top. What the plainest of these ways, TCP with
// Deno, does not need is loaded when it is needed: a short program is over sooner.

import { denoSockets } from "./deno_sockets.ts";
import { type Destination, usesTls, usesWebSocket } from "./destination.ts";
import type { DialOptions, DialStep } from "./dial.ts";
import { codeOf, messageOf, OPTION_NAMES, type OptionNames } from "./fault_texts.ts";
import { ConnectionFault } from "./faults.ts";
import { isDeno } from "./runtime.ts";
import type { Phase } from "./socket_faults.ts";
import type { Sockets, TcpSocket } from "./sockets.ts";
import { strangerFault } from "./stranger_faults.ts";
import { type TlsRequest, tlsRequest } from "./tls.ts";
import type { Transport } from "./transport.ts";
import { hasZone, withoutZone } from "./zone.ts";

/**
 * Opens a connection to a server.
 *
 * @throws {ConnectionFault} when there is none, with one sentence that says why
 * @throws {unknown} the signal's reason when it aborts
 */
export async function dialBySockets(
  destination: Destination,
  options: DialOptions,
): Promise<Transport> {
  const attempt = new Dialling(destination, options);
  return await attempt.open();
}

class Dialling {
  readonly #destination: Destination;
  readonly #signal: AbortSignal;
  readonly #observe: (step: DialStep) => void;
  readonly #names: OptionNames;
  readonly #passesStrangers: boolean;
  #phase: Phase = "connect";

  constructor(destination: Destination, options: DialOptions) {
    const { signal, observe = () => {}, names = OPTION_NAMES } = options;
    this.#destination = destination;
    this.#signal = signal;
    this.#observe = observe;
    this.#names = names;
    this.#passesStrangers = options.passesStrangers ?? false;
  }

  async open(): Promise<Transport> {
    const destination = this.#destination;
    try {
      this.#signal.throwIfAborted();
      const transport = await this.#openSteps();
      return new FirstBytes(transport, destination, this.#names, this.#passesStrangers);
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      const { connectFault } = await import("./socket_faults.ts");
      throw connectFault(error, destination, this.#phase, this.#names);
    }
  }

  async #openSteps(): Promise<Transport> {
    const destination = this.#destination;
    const { scheme, address, tls = {}, hostname } = destination;
    const sockets = await socketsFor(destination);
    this.#signal.throwIfAborted();
    if (scheme === "mqtt+unix") {
      const transport = await sockets.connectUnix(destination.path, this.#signal);
      this.#observe({ type: "connected", to: address });
      return transport;
    }
    const request = usesTls(destination)
      ? tlsRequest(tls, withoutZone(hostname), this.#names)
      : undefined;
    const socket = await this.#connectTcp(sockets);
    const transport = request === undefined
      ? socket.transport
      : await this.#startTls(socket, request);
    return usesWebSocket(destination) ? await this.#openWebSocket(transport) : transport;
  }

  /** A TCP connection to the server, through the proxy where there is one. */
  async #connectTcp(sockets: Sockets): Promise<TcpSocket> {
    const { hostname, port, proxy, address } = this.#destination;
    if (proxy === undefined) {
      const socket = await sockets.connectTcp(hostname, port, this.#signal);
      this.#observe({ type: "connected", to: address });
      return socket;
    }
    this.#phase = "proxy";
    const socket = await sockets.connectTcp(proxy.hostname, proxy.port, this.#signal);
    this.#observe({ type: "connected", to: `${proxy.hostname}:${proxy.port}` });
    const rest = await this.#unlessAborted(
      socket.transport,
      import("./proxy.ts").then(({ connectThroughProxy }) =>
        connectThroughProxy(proxy, socket.transport, { hostname, port })
      ),
    );
    this.#observe({ type: "proxy", proxy, target: address });
    this.#phase = "connect";
    // In TLS, MQTT and WebSocket the client sends first.
    if (rest.length === 0) return socket;
    socket.transport.close();
    const text = `Cannot connect to ${address}: the server spoke before it was spoken to`;
    throw new ConnectionFault("wrong protocol", "server", text);
  }

  async #startTls(socket: TcpSocket, request: TlsRequest): Promise<Transport> {
    this.#phase = "tls";
    const { transport, result } = await socket.startTls(request, this.#signal)
      .catch(async (error) => {
        throw await this.#explained(error, request);
      });
    const { alpnProtocol } = result;
    if (alpnProtocol === undefined || request.alpn.includes(alpnProtocol)) {
      this.#observe({ type: "tls", request, result });
      return transport;
    }
    transport.close();
    throw new ConnectionFault(
      "tls",
      "server",
      `Cannot connect to ${this.#destination.address}: the server chose the protocol ${
        JSON.stringify(alpnProtocol)
      }, which ${this.#names.alpn} does not offer`,
    );
  }

  /**
   * Deno's `node:tls` reports every rejected certificate with the same code, whatever the reason.
   * `Deno.startTls` names the reason, even without a client certificate: so it is tried, too.
   */
  async #explained(error: unknown, request: TlsRequest): Promise<unknown> {
    if (!isDeno || codeOf(error) !== "UNABLE_TO_VERIFY_LEAF_SIGNATURE") return error;
    const dialling = new Dialling(this.#destination, { signal: this.#signal });
    try {
      const socket = await dialling.#connectTcp(denoSockets);
      (await socket.startTls(request, this.#signal)).transport.close();
      return error;
    } catch (explanation) {
      return /peer certificate/.test(messageOf(explanation)) ? explanation : error;
    }
  }

  async #openWebSocket(transport: Transport): Promise<Transport> {
    this.#phase = "websocket";
    const { address, path, headers = {}, scheme, port } = this.#destination;
    const isUsual = port === (scheme === "ws" ? 80 : 443);
    const host = withoutZone(isUsual ? address.replace(/:\d+$/, "") : address);
    const observe = ({ request, response }: { request: string; response: string }) =>
      this.#observe({ type: "websocket", request, response });
    return await this.#unlessAborted(
      transport,
      import("./websocket_client.ts").then(({ openWebSocket }) =>
        openWebSocket(transport, { host, target: path === "" ? "/" : path, headers, observe })
      ),
    );
  }

  /** Waits for a step on a transport; closes the transport if the step fails or is aborted. */
  async #unlessAborted<Result>(transport: Transport, step: Promise<Result>): Promise<Result> {
    const close = () => transport.close();
    this.#signal.addEventListener("abort", close);
    try {
      this.#signal.throwIfAborted();
      return await step;
    } catch (error) {
      transport.close();
      // An aborted step rejects later, when nobody awaits it any more.
      step.catch(() => {});
      throw error;
    } finally {
      this.#signal.removeEventListener("abort", close);
    }
  }
}

/** The sockets to use for a destination in this runtime. */
async function socketsFor(
  { tls, address, hostname, proxy }: Destination,
): Promise<Sockets> {
  const usesDeno = isDeno && tls?.cert === undefined;
  if (isDeno && !usesDeno && [hostname, proxy?.hostname ?? ""].some(hasZone)) {
    // Its `node:net` answers EINVAL.
    const text = `Cannot connect to ${address}: with a client certificate Deno cannot use the ` +
      "interface of an IPv6 address";
    throw new ConnectionFault("unsupported", "change", text);
  }
  if (usesDeno) return denoSockets;
  const { nodeSockets } = await import("./node_sockets.ts");
  const sockets = nodeSockets();
  if (sockets !== undefined) return sockets;
  const text = `Cannot connect to ${address}: this runtime has no node:tls`;
  throw new ConnectionFault("unsupported", "change", text);
}

/**
 * Checks whether a server's first bytes can be MQTT, and explains an error of the first read: with
 * TLS 1.3 that is how a rejected client certificate is reported. Later reads are passed through.
 */
class FirstBytes implements Transport {
  readonly #inner: Transport;
  readonly #destination: Destination;
  readonly #names: OptionNames;
  readonly #passesStrangers: boolean;
  #isFirst = true;

  constructor(
    inner: Transport,
    destination: Destination,
    names: OptionNames,
    passesStrangers: boolean,
  ) {
    this.#inner = inner;
    this.#destination = destination;
    this.#names = names;
    this.#passesStrangers = passesStrangers;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#isFirst ? this.#readFirst() : this.#inner.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#inner.close();
  }

  async #readFirst(): Promise<Uint8Array | undefined> {
    const chunk = await this.#inner.read().catch(async (error) => {
      const { firstReadFault } = await import("./socket_faults.ts");
      throw firstReadFault(error, this.#destination, this.#names) ?? error;
    });
    this.#isFirst = false;
    if (this.#passesStrangers) return chunk;
    const fault = chunk && strangerFault(chunk, this.#destination);
    if (fault !== undefined) throw fault;
    return chunk;
  }
}
