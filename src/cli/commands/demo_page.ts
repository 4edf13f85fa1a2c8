// What `demo --page` does: serves a page in which the steps of a chapter are played one by one.

import type { Context } from "../context.ts";
import type { PageAddress } from "../inspect/page_address.ts";
import type { Page } from "../inspect/page_server.ts";
import { LessonControl } from "../lessons/control.ts";
import { aborted } from "../listening.ts";
import { report } from "../terminal/text.ts";
import { openPage, pageTables } from "./page_run.ts";

/** Serves the page, beginning with a chapter, until Ctrl-C. */
export async function showInPage(
  chapter: string,
  address: PageAddress,
  { stderr, signal }: Context,
): Promise<void> {
  let page: Page | undefined;
  const tell = (line: string) => report(stderr, line);
  await using lesson: LessonControl = new LessonControl({
    signal,
    tables: pageTables,
    onStage({ broker, observer }, tables) {
      const { url } = broker;
      const about = { title: "mqtt5 demo", server: () => url, listeners: () => [url] };
      const shown = { ...about, observer, ...tables, lesson };
      if (page === undefined) page = openPage(address, shown, tell);
      else page.show(shown);
    },
  });
  try {
    await lesson.begin(chapter);
    await aborted(signal);
  } finally {
    await page?.close();
  }
}
