// The checks in a process of another runtime, on the package as npm installs it.

import { assertEquals } from "@std/assert";
import { certificateAuthority } from "../io/certificates.ts";
import { CHECKS, WITHOUT_SERVER } from "./checks.js";
import { makeProject } from "./package.ts";
import type { Program } from "./programs.ts";
import { Control, type Result, startBroker, startOther } from "./servers.ts";

/** How long all checks may take, and the process to end after the last of them; in milliseconds. */
const PATIENCE = 120_000;
const LAST_PATIENCE = 10_000;

/** Runs all checks with the program, each as a step of the test. */
export async function checkProcess(
  t: Deno.TestContext,
  runtime: string,
  program: Program,
  programArgs: readonly string[] = [],
): Promise<void> {
  if ("missing" in program) throw new Error(program.missing);
  await using project = await makeProject(["checks.js", "process.js"]);
  await using ours = await startBroker();
  await using other = await startOther();
  const servers = [ours, other];
  await using control = new Control(servers);
  const authority = await certificateAuthority();
  const plan = {
    runtime,
    control: control.url,
    servers: servers.map(({ name, urls }) => ({ name, urls: Object.values(urls) })),
    tls: { ca: authority.cert },
    certificate: await authority.server(),
  };
  const process = new Deno.Command(program.path, {
    args: [...programArgs, "process.js", JSON.stringify(plan)],
    cwd: project.folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let overdue = setTimeout(() => process.kill("SIGKILL"), PATIENCE);
  void control.done.then(() => {
    clearTimeout(overdue);
    overdue = setTimeout(() => process.kill("SIGKILL"), LAST_PATIENCE);
  });
  const { code, stdout, stderr } = await process.output();
  clearTimeout(overdue);
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  await reportResults(t, control.results);
  assertEquals(
    { code, said, results: control.results.length },
    { code: 0, said: "", results: resultsOf(servers.length * 4, 2) },
  );
}

/** How many results there are to be over so many URLs, with `more` checks that need none. */
export function resultsOf(urls: number, more = 0): number {
  return Object.keys(WITHOUT_SERVER).length + more + urls * Object.keys(CHECKS).length;
}

/** Makes a step of each check. */
export async function reportResults(
  t: Deno.TestContext,
  results: readonly Result[],
): Promise<void> {
  for (const { name, error } of results) {
    await t.step(name, () => {
      if (error !== undefined) throw new Error(error);
    });
  }
}
