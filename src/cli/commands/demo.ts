// `demo`: shows every packet between a broker and clients, all in this process: one conversation
// with a little of everything, or a chapter that explains one thing step by step.

import { command } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { CHAPTERS } from "../lessons/registry.ts";
import { nearest } from "../options/nearest.ts";
import { quoted } from "../terminal/text.ts";

/** Where the broker listens. */
export const HOSTNAME = "127.0.0.1";

/** The command `demo`. */
export const demo = command({
  name: "demo",
  about: `Starts a broker on a free local port, connects a client to it, subscribes, and
publishes at QoS 0, 1 and 2. Shows every packet: its bytes, their meaning, and
the section of the standard that defines them. With a chapter, explains one thing
in a conversation of its own, step by step:

${chapterRows()}`,
  usage: "[CHAPTER]",
  examples: ["demo", "demo qos2"],
  exitCodes: "0; 2 for a wrong command line; 130 after Ctrl-C; 1 for anything else.",
  options: {},
  permissions: ({ operands }) => {
    chapterOf(operands);
    return { net: [HOSTNAME] };
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
  return [...CHAPTERS].map(([name, { title }]) => `  ${name.padEnd(width)}  ${title}`).join("\n");
}
