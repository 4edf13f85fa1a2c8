// A real proxy in this process, by SOCKS5 or HTTP CONNECT. It connects where it is asked to, by its own
// reading of the standards.

/** A proxy that runs until it is disposed. */
export interface ProxyServer extends AsyncDisposable {
  /** The port of 127.0.0.1 on which it listens. */
  readonly port: number;
  /** Its URL, with the credentials that it wants. */
  readonly url: string;
  /** Where it was asked to connect to, in order, such as `"localhost:1883"` or `"[::1]:1883"`. */
  readonly requests: readonly string[];
  /** Breaks every connection that leads through it. */
  cut(): void;
}

/** What a proxy wants and knows. */
export interface ProxyServerOptions {
  /** What it speaks; `socks5` and `socks5h` are the same to it. */
  readonly protocol: "socks5" | "socks5h" | "http";
  /** Whom it serves; without, anybody. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Hosts that it alone knows, and what they are in truth. */
  readonly hosts?: Readonly<Record<string, string>>;
}

/** Starts a proxy. */
export function startProxy(options: ProxyServerOptions): ProxyServer {
  const { protocol, credentials } = options;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.TcpConn>();
  const work = new Set<Promise<void>>();
  const requests: string[] = [];
  const { port } = listener.addr;
  const user = credentials === undefined
    ? ""
    : `${encodeURIComponent(credentials.username)}:${encodeURIComponent(credentials.password)}@`;

  async function serve(near: Deno.TcpConn): Promise<void> {
    connections.add(near);
    near.setNoDelay();
    let far: Deno.TcpConn | undefined;
    try {
      const input = new Input(near);
      const asked = protocol === "http"
        ? await hearHttp(input, near, options)
        : await hearSocks(input, near, options);
      if (asked === undefined) return;
      requests.push(asked.text);
      far = await Deno.connect(asked).catch(() => undefined);
      if (far === undefined) return await asked.refuse();
      connections.add(far);
      far.setNoDelay();
      await asked.grant();
      await send(far, input.rest());
      await Promise.all([pass(near, far), pass(far, near)]);
    } catch {
      // One of them is gone, or makes no sense: so must the other be.
    } finally {
      close(near);
      if (far !== undefined) close(far);
    }
  }

  function close(connection: Deno.TcpConn): void {
    if (connections.delete(connection)) connection.close();
  }

  async function accept(): Promise<void> {
    for await (const near of listener) {
      const served = serve(near).finally(() => work.delete(served));
      work.add(served);
    }
  }

  const accepting = accept();
  const cut = () => connections.forEach(close);
  return {
    port,
    url: `${protocol}://${user}127.0.0.1:${port}`,
    requests,
    cut,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      while (work.size > 0) {
        cut();
        await Promise.race(work);
      }
    },
  };
}

/** Where to connect to, and how the client is told the outcome. */
interface Asked {
  readonly hostname: string;
  readonly port: number;
  readonly text: string;
  grant(): Promise<void>;
  refuse(): Promise<void>;
}

/** RFC 1928, RFC 1929. */
async function hearSocks(
  input: Input,
  near: Deno.TcpConn,
  { credentials, hosts = {} }: ProxyServerOptions,
): Promise<Asked | undefined> {
  const say = (...bytes: number[]) => send(near, Uint8Array.from(bytes));
  const [version, count] = await input.take(2);
  if (version !== 5) return;
  const methods = await input.take(count!);
  const method = credentials === undefined ? 0 : 2;
  if (!methods.includes(method)) return await say(5, 0xff) as undefined;
  await say(5, method);
  if (credentials !== undefined) {
    await input.take(1);
    const username = decoder.decode(await input.take((await input.take(1))[0]!));
    const password = decoder.decode(await input.take((await input.take(1))[0]!));
    const isRight = username === credentials.username && password === credentials.password;
    await say(1, isRight ? 0 : 1);
    if (!isRight) return;
  }
  const [, command, , type] = await input.take(4);
  if (command !== 1) return await say(5, 7, 0, 1, 0, 0, 0, 0, 0, 0) as undefined;
  let hostname: string;
  if (type === 1) hostname = (await input.take(4)).join(".");
  else if (type === 3) hostname = decoder.decode(await input.take((await input.take(1))[0]!));
  else {
    const groups = new DataView((await input.take(16)).buffer);
    hostname = Array.from({ length: 8 }, (_, i) => groups.getUint16(i * 2).toString(16)).join(":");
  }
  const [high, low] = await input.take(2);
  const port = high! * 256 + low!;
  return {
    hostname: hosts[hostname] ?? hostname,
    port,
    text: `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
    grant: () => say(5, 0, 0, 1, 127, 0, 0, 1, 0, 0),
    refuse: () => say(5, 5, 0, 1, 0, 0, 0, 0, 0, 0),
  };
}

/** RFC 9110 §9.3.6. */
async function hearHttp(
  input: Input,
  near: Deno.TcpConn,
  { credentials, hosts = {} }: ProxyServerOptions,
): Promise<Asked | undefined> {
  const say = (text: string) => send(near, encoder.encode(`HTTP/1.1 ${text}\r\n\r\n`));
  let head = "";
  while (!head.endsWith("\r\n\r\n")) head += decoder.decode(await input.take(1));
  const [, text, host, port] = /^CONNECT ((\S+):(\d+)) HTTP\/1\.1\r\n/.exec(head) ?? [];
  if (host === undefined || !head.includes(`\r\nHost: ${text}\r\n`)) {
    return await say("400 Bad Request") as undefined;
  }
  if (credentials !== undefined) {
    const basic = btoa(`${credentials.username}:${credentials.password}`);
    if (!head.includes(`\r\nProxy-Authorization: Basic ${basic}\r\n`)) {
      const challenge = 'Proxy-Authenticate: Basic realm="tests"';
      return await say(`407 Proxy Authentication Required\r\n${challenge}`) as undefined;
    }
  }
  return {
    hostname: hosts[host] ?? host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
    text: text!,
    grant: () => say("200 Connection established"),
    refuse: () => say("502 Bad Gateway"),
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a client says, as many bytes as are asked for. */
class Input {
  readonly #connection: Deno.TcpConn;
  #bytes = new Uint8Array(0);

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#bytes.length < count) {
      const chunk = new Uint8Array(4096);
      const read = await this.#connection.read(chunk);
      if (read === null) throw new Error("The client is gone");
      this.#bytes = Uint8Array.of(...this.#bytes, ...chunk.subarray(0, read));
    }
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.slice(count);
    return taken;
  }

  rest(): Uint8Array {
    return this.#bytes;
  }
}

/** Passes on what comes, and the end. */
async function pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await from.read(buffer)) !== null;) {
    await send(to, buffer.subarray(0, count));
  }
  await to.closeWrite();
}

async function send(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
