// What `demo` does: shows a conversation with a little of everything, or plays a chapter, in the
// terminal or in a page.

import type { Context } from "../context.ts";
import { Failure } from "../failure.ts";
import { pageAddress } from "../inspect/page_address.ts";
import { CHAPTERS } from "../lessons/registry.ts";
import { chapterOf, type DemoArguments, HOSTNAME } from "./demo.ts";

/** Runs `demo`. */
export async function run(context: Context, { options, operands }: DemoArguments): Promise<number> {
  const { stdout, signal } = context;
  const chapter = chapterOf(operands);
  const address = pageAddress(options.page);
  try {
    if (address !== undefined) {
      const { showInPage } = await import("./demo_page.ts");
      const [first] = CHAPTERS.keys();
      await showInPage(chapter ?? first!, address, context);
    } else if (chapter !== undefined) {
      const { tell } = await import("../lessons/terminal.ts");
      await tell(chapter, stdout, signal);
    } else {
      const { tellAll } = await import("../lessons/overview.ts");
      await tellAll(stdout, signal);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new Failure(
      `Cannot listen on ${HOSTNAME}: permission denied; run it with --allow-net=${HOSTNAME}`,
    );
  }
}
