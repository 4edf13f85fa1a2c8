// Where the other runtimes, the browser and the bundler of these tests are. Those from npm lie in one
// folder, which is MQTT5_TEST_PROGRAMS or, without, mqtt5-test-programs in the folder for temporary
// files; `.ci/run` fills it:
//
//   npm install --prefix "${TMPDIR:-/tmp}/mqtt5-test-programs" node@22 bun esbuild
//   pip install --target "${TMPDIR:-/tmp}/mqtt5-test-programs/python" scramp

const FOLDER = Deno.env.get("MQTT5_TEST_PROGRAMS") ??
  `${Deno.env.get("TMPDIR") ?? "/tmp"}/mqtt5-test-programs`;

/** Packages of Python that tests use, in the same folder. */
export const PYTHON_PACKAGES: string = `${FOLDER}/python`;

/** The least version of Node that has what the package needs. */
const LEAST_NODE = 22;

/** A program, or why there is none: its test is skipped, and its name says why. */
export type Program =
  | { readonly path: string; readonly version: string }
  | { readonly missing: string };

/** Something that others have looked for, and why it is not there if it is not. */
export function unless(missing: string | undefined): Program {
  return missing === undefined ? { path: "", version: "" } : { missing };
}

/** The Deno that runs this. */
export const deno: Program = { path: Deno.execPath(), version: Deno.version.deno };

/** Node, version 22 or later. */
export const node: Program = await find("Node 22", ["node"], (version) => {
  return Number(/^v(\d+)/.exec(version)?.[1]) >= LEAST_NODE;
});

/** Bun. */
export const bun: Program = await find("Bun", ["bun"]);

/** The bundler. */
export const esbuild: Program = await find("esbuild", ["esbuild"]);

/** npm, which installs the package as users do. */
export const npm: Program = await find("npm", ["npm"]);

/** tar, which unpacks what was packed. */
export const tar: Program = await find("tar", ["tar"]);

/** Chromium, or what is made of it. */
export const chromium: Program = await find("Chromium", [
  ...["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
]);

/** A test that needs programs; where one is missing it is skipped, and its name says so. */
export function programTest(
  name: string,
  programs: readonly Program[],
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const missing = programs.flatMap((program) => "missing" in program ? [program.missing] : []);
  const ignore = missing.length > 0;
  Deno.test({ name: ignore ? `${name} (skipped: ${missing.join(", ")})` : name, ignore, fn });
}

/** Runs a program to its end. What it says goes to the error when it fails. */
export async function run(
  program: Program,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Record<string, string>;
    readonly signal?: AbortSignal;
  } = {},
): Promise<void> {
  if ("missing" in program) throw new Error(program.missing);
  const command = new Deno.Command(program.path, { args: [...args], stdin: "null", ...options });
  const { success, stdout, stderr } = await command.output();
  if (success) return;
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new Error(`${program.path} ${args.join(" ")} failed:\n${said}`);
}

async function find(
  name: string,
  commands: readonly string[],
  isGood: (version: string) => boolean = () => true,
): Promise<Program> {
  const paths = commands.flatMap((command) => [`${FOLDER}/node_modules/.bin/${command}`, command]);
  for (const path of paths) {
    const version = await versionOf(path);
    if (version !== undefined && isGood(version)) return { path, version };
  }
  return { missing: `${name} is not installed` };
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const command = new Deno.Command(path, { args: ["--version"], stdin: "null" });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
