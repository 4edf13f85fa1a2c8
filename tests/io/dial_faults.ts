// Servers that no client can use, each with the one sentence that a client must say of it: at the
// first attempt, and when it was connected before.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type CloseKind,
  connect,
  ConnectionClosedError,
  type FaultCode,
  type ServerUrls,
} from "../../mod.ts";
import { serve } from "../../src/broker/mod.ts";

/** A server that is of no use. */
export interface FaultyServer extends Partial<AsyncDisposable> {
  /** What `connect()` is given. */
  readonly server: ServerUrls;
  /** Its address as messages have it. */
  readonly address: string;
}

/** What a client says of it. */
export interface Verdict {
  /** The whole sentence, with `{address}` for the address. */
  readonly message: string;
  readonly code: FaultCode;
  /**
   * At the first attempt. Once the client was connected it is `"transient"`, unless only the
   * program can be changed.
   */
  readonly kind: Extract<CloseKind, "transient" | "configuration">;
  /** What the cause is called, or has as its code, or says; without, there is none. */
  readonly cause?: string | RegExp;
  /** Whether it is the program that must be changed: that ends the client at any time. */
  readonly endsClient?: boolean;
}

/** Short enough for a server that never answers. */
const TIMEOUT = 2000;

/** Holds a client's words against the verdict, at its first connection and at a later one. */
export async function assertVerdict(
  start: () => Promise<FaultyServer> | FaultyServer,
  verdict: Verdict,
  { connectTimeout = TIMEOUT }: { readonly connectTimeout?: number } = {},
): Promise<void> {
  const faulty = await start();
  try {
    const first = await assertRejects(
      () => connect(faulty.server, { connectTimeout }),
      ConnectionClosedError,
    );
    assertSays(first, faulty.address, verdict, verdict.kind);
    await assertLater(faulty, verdict, connectTimeout);
  } finally {
    await faulty[Symbol.asyncDispose]?.();
  }
}

/** Of a client that is connected elsewhere first. */
async function assertLater(
  { server, address }: FaultyServer,
  verdict: Verdict,
  connectTimeout: number,
): Promise<void> {
  const broker = await serve({ listeners: [] });
  let servers: ServerUrls = broker;
  await using client = await connect(() => servers, {
    connectTimeout,
    reconnect: { initialDelay: 1, maximumDelay: 1 },
  });
  const told: (ConnectionClosedError | undefined)[] = [];
  const { promise: isTold, resolve } = Promise.withResolvers<void>();
  client.addEventListener("reconnecting", ({ detail }) => {
    told.push(detail.error);
    if (told.length === 3) resolve();
  });
  const lost = new Promise<boolean>((resolve) => {
    client.addEventListener("disconnected", ({ detail }) => resolve(detail.willReconnect));
  });
  servers = server;
  await broker.shutDown();
  assert(await lost, "it reconnects");
  if (verdict.endsClient) {
    return assertSays(await client.closed, address, verdict, verdict.kind);
  }
  await isTold;
  // The first one tells of the connection that was lost.
  for (const error of told.slice(1)) assertSays(error, address, verdict, "transient");
}

function assertSays(
  error: ConnectionClosedError | undefined,
  address: string,
  { message, code, cause }: Verdict,
  kind: CloseKind,
): void {
  assertStrictEquals(error?.message, message.replaceAll("{address}", address));
  assertEquals([error?.code, error?.kind], [code, kind]);
  if (cause === undefined) return assertStrictEquals(error?.cause, undefined);
  const thrown = error?.cause as Error & { readonly code?: string };
  const isRight = typeof cause === "string"
    ? thrown.name === cause || thrown.code === cause
    : cause.test(thrown.message);
  assert(isRight, `the cause is ${thrown.name} ${thrown.code}: ${thrown.message}`);
}
