// Whether a page can be used by everybody, as far as a program can tell, and pictures for the rest.

import axe from "npm:axe-core@4.14.1";
import { assertEquals } from "@std/assert";
import type { Page, View } from "./chromium.ts";

/** Where pictures of the page are written, if anywhere: a folder. */
const PICTURES = Deno.env.get("MQTT5_TEST_PICTURES");

/** What axe says of a page. */
interface Judgement {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/**
 * Asks axe what is not accessible in a page as it is shown now. If somebody wants to look at it,
 * there is a picture, too.
 */
export async function assertAccessible(page: Page, name: string, view: View = {}): Promise<void> {
  await page.show(view);
  await picture(page, name);
  if (!await page.evaluate('"axe" in globalThis')) await page.evaluate(`${axe.source}; 0`);
  const { violations } = await page.evaluate<Judgement>("axe.run()");
  const told = violations.flatMap(({ id, nodes }) => {
    return nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`);
  });
  assertEquals(told, [], name);
}

/** Takes a picture, if somebody wants to look at it. */
export async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES !== undefined) await page.screenshot(`${PICTURES}/${name}.png`);
}
