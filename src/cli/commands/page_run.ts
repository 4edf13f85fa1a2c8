// What commands with `--page` have in common: an observer that keeps what a page shows, the page,
// and its link on standard error.

import type { Output } from "../context.ts";
import { ConnectionTable } from "../inspect/connection_table.ts";
import type { ObserverTables } from "../inspect/observer.ts";
import { isOpen, type PageAddress } from "../inspect/page_address.ts";
import { Page, type PageOptions } from "../inspect/page_server.ts";
import { TopicTable } from "../inspect/topic_table.ts";
import { listenFailure } from "../listening.ts";
import { report } from "../terminal/text.ts";

/** The tables that an observer keeps for a page. */
export function pageTables(): ObserverTables {
  return { connections: new ConnectionTable(), topics: new TopicTable() };
}

/**
 * Serves a page, and says where it is.
 *
 * @throws {Failure} when that is not possible
 */
export function openPage(address: PageAddress, options: PageOptions, notes: Output): Page {
  try {
    const page = new Page(address, options);
    report(notes, `the page is at ${page.link}`);
    if (isOpen(address)) {
      report(
        notes,
        "other machines can open it, without encryption: whoever has the link sees all that passes",
      );
    }
    return page;
  } catch (error) {
    throw listenFailure(error, [address], "--page", "--allow-net");
  }
}
