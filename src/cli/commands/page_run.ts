// What commands with `--page` have in common: what a page shows is kept, it is served, and its link
// is told.

import type { Transport } from "../../io/transport.ts";
import { ConnectionTable } from "../inspect/connection_table.ts";
import { now } from "../inspect/inspector.ts";
import { observedTransport } from "../inspect/observed_transport.ts";
import { Observer, type ObserverTables } from "../inspect/observer.ts";
import { isOpen, type PageAddress } from "../inspect/page_address.ts";
import { Page, type PageOptions } from "../inspect/page_server.ts";
import { TopicTable } from "../inspect/topic_table.ts";
import { listenFailure } from "../listening.ts";

/** The tables that an observer keeps for a page. */
export function pageTables(): ObserverTables {
  return { connections: new ConnectionTable(), topics: new TopicTable() };
}

/** Takes a line for the person. */
type Tell = (line: string) => void;

/**
 * Serves a page, and tells where it is, and who can open it.
 *
 * @throws {Failure} when that is not possible
 */
export function openPage(address: PageAddress, options: PageOptions, tell: Tell): Page {
  try {
    const page = new Page(address, options);
    tell(`the page is at ${page.link}`);
    if (isOpen(address)) tell(OPEN);
    return page;
  } catch (error) {
    throw listenFailure(error, [address], "--page", "--allow-net");
  }
}

const OPEN =
  "other machines can open it, without encryption: whoever has the link sees all that passes";

/** The page of a broker: all of its connections. */
export class BrokerPage implements AsyncDisposable {
  readonly #observer: Observer;
  readonly #page: Page;
  #listeners: readonly string[] = [];

  /**
   * Serves it.
   *
   * @throws {Failure} when that is not possible
   */
  constructor(address: PageAddress, tell: Tell) {
    const tables = pageTables();
    this.#observer = new Observer({ tables, onFailed: tell });
    const options = {
      ...{ title: "mqtt5 broker", observer: this.#observer, ...tables },
      server: () => this.#listeners[0] ?? "",
      listeners: () => this.#listeners,
    };
    this.#page = openPage(address, options, tell);
  }

  /** The broker listens. */
  reached(listeners: readonly string[]): void {
    this.#listeners = listeners;
  }

  /** Wraps a connection, so that it is observed. */
  observed(transport: Transport, client: string, listener = ""): Transport {
    const link = this.#observer.open({ client, server: listener, listener }, now());
    return observedTransport(transport, link);
  }

  /** Ends at once, whoever is looking. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#page.close();
  }
}
