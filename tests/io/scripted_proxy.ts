// A proxy that says what a test tells it to, over a transport in memory, and keeps what it hears.

import { connectThroughProxy, parseProxyUrl } from "../../src/io/proxy.ts";
import { MemoryTransport } from "./memory_transport.ts";

/** What is said and what for. */
export interface Conversation {
  /** The proxy's URL. */
  readonly url: string;
  /** The server's host; `"broker.example"` by default. */
  readonly hostname?: string;
  /** The server's port; 1883 by default. */
  readonly port?: number;
  /** What the proxy says, each after another write of the client's. */
  readonly answers: readonly Uint8Array[];
  /** How an answer is cut into the chunks that the client reads; by default it stays whole. */
  readonly split?: (answer: Uint8Array) => readonly Uint8Array[];
  /** Whether the proxy ends the connection after its last answer. */
  readonly ends?: boolean;
  /** What the client learns of a name. */
  readonly lookUp?: (hostname: string) => Promise<string>;
}

/** What the client said, write by write, and which bytes came behind the answer. */
export interface Outcome {
  readonly asked: Uint8Array[];
  readonly rest: Uint8Array;
}

/** Holds a conversation between a proxy and `connectThroughProxy()`. */
export async function converse(conversation: Conversation): Promise<Outcome> {
  const { url, hostname = "broker.example", port = 1883, lookUp } = conversation;
  const [client, proxy] = MemoryTransport.pair();
  const asked: Uint8Array[] = [];
  const answering = answer(conversation, proxy, asked);
  try {
    const destination = { hostname, port };
    const rest = await connectThroughProxy(parseProxyUrl(url), client, destination, lookUp);
    return { asked, rest };
  } finally {
    client.close();
    await answering;
  }
}

async function answer(
  { answers, split = (answer) => [answer], ends = false }: Conversation,
  proxy: MemoryTransport,
  asked: Uint8Array[],
): Promise<void> {
  for (const answer of answers) {
    const question = await proxy.read();
    if (question === undefined) return;
    asked.push(question);
    for (const piece of split(answer)) {
      // The client may have heard enough, and be gone.
      if (piece.length > 0) await proxy.write(piece).catch(() => {});
    }
  }
  if (ends) await proxy.closeWrite();
}

/** Bytes of text, one for each character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
