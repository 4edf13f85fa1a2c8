// A server that takes connections and never says a word.

/** Listens on a free port of 127.0.0.1, keeps connections open, and neither reads nor writes. */
export function silentServer(): { readonly port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = accept();
  async function accept(): Promise<void> {
    for await (const connection of listener) connections.push(connection);
  }
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  };
}
