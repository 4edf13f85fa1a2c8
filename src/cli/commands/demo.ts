// `demo`: shows every packet between a broker and clients, all in this process: one conversation
// with a little of everything, or a chapter that explains one thing step by step.

import { command } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { PAGE, pageAddress } from "../inspect/page_address.ts";
import { CHAPTERS } from "../lessons/registry.ts";
import { nearest } from "../options/nearest.ts";
import { netOf } from "../options/listeners.ts";
import type { OptionTable, ParsedArguments } from "../options/parse.ts";
import { quoted, wrap } from "../terminal/text.ts";

const OPTIONS = { ...PAGE } as const satisfies OptionTable;

/** What it was given. */
export type DemoArguments = ParsedArguments<typeof OPTIONS>;

/** Where the broker listens. */
export const HOSTNAME = "127.0.0.1";

/** The width of the help. */
const COLUMNS = 80;

/** The command `demo`. */
export const demo = command({
  name: "demo",
  about: `Starts a broker on a free local port, connects a client to it, subscribes, and
publishes at QoS 0, 1 and 2. Shows every packet: its bytes, their meaning, and
the section of the standard that defines them. A chapter explains one thing step
by step, in a conversation of its own. Chapters, which --help=all describes:
${wrap([...CHAPTERS.keys()].join(", "), COLUMNS).join("\n")}`,
  usage: "[--page [ADDRESS]] [CHAPTER]",
  examples: ["demo qos2", "demo --page"],
  exitCodes: "0; 2 for a wrong command line; 130 after Ctrl-C; 1 for anything else.",
  notes: `Chapters:
${chapterRows()}
With --page you click through them in the browser; Ctrl-C ends that with 0.
`,
  options: OPTIONS,
  permissions: ({ options, operands }) => {
    chapterOf(operands);
    const page = pageAddress(options.page);
    return {
      net: [HOSTNAME, ...page === undefined || page.hostname === HOSTNAME ? [] : netOf(page)],
    };
  },
  load: () => import("./demo_run.ts"),
});

/**
 * The chapter that the command line names; `undefined` for none.
 *
 * @throws {Failure} when there is no such chapter
 */
export function chapterOf(operands: readonly string[]): string | undefined {
  const [name, ...others] = operands;
  if (others.length > 0) throw usageFailure("demo takes one chapter; see demo --help");
  if (name === undefined || CHAPTERS.has(name)) return name;
  const near = nearest(name, CHAPTERS.keys());
  const instead = near === undefined ? "see demo --help" : `did you mean ${near}?`;
  throw usageFailure(`Unknown chapter ${quoted(name)}; ${instead}`);
}

function chapterRows(): string {
  const width = Math.max(...[...CHAPTERS.keys()].map((name) => name.length));
  return [...CHAPTERS].map(([name, { title }]) => `  ${name.padEnd(width)}  ${title}\n`).join("");
}
