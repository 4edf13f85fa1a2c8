// Which tests a mutant has to get past: those of its layer that reach its file, the nearest first.

/** Folders and files of tests, by the layer or folder under `src/` that they hold. */
const SUITES: Readonly<Record<string, readonly string[]>> = {
  "topics.ts": ["topics_test.ts", "packets", "session", "broker"],
  "errors.ts": ["packets", "session", "client"],
  "browser.ts": ["io/browser_websocket_test.ts"],
  wire: ["wire", "packets"],
  packets: ["packets", "wire", "tables_test.ts"],
  session: ["session", "client", "broker/memory_test.ts"],
  store: ["store", "broker_net/store_faults_test.ts", "broker_net/store_refusals_test.ts"],
  client: ["client"],
  broker: ["broker", "broker_net/store_refusals_test.ts"],
  "broker/serve.ts": [
    "broker/serve_test.ts",
    "broker_net/listen_options_test.ts",
    "broker_net/renewal_test.ts",
    "broker_net/in_memory_test.ts",
    "broker_net/faults_test.ts",
    "broker_net/half_open_test.ts",
    "broker_net/refused_test.ts",
    "broker_net/store_faults_test.ts",
    "broker_net/store_refusals_test.ts",
    "broker_net/store_waiting_test.ts",
    "broker_net/timers_test.ts",
    "broker",
  ],
  "broker/durability": [
    "broker_net/restart_test.ts",
    "broker_net/restart_flight_test.ts",
    "broker_net/store_faults_test.ts",
    "broker_net/store_refusals_test.ts",
    "broker_net/store_waiting_test.ts",
    "broker_net/database_file_test.ts",
    "broker_net/crash_state_test.ts",
    "broker",
  ],
  io: ["io"],
  monitor: ["monitor"],
  testing: ["testing"],
  cli: ["cli"],
};

/** Tests of many random runs or of real processes, which come after the others. */
const SLOW =
  /random|property|differential|fuzz|storms|many|crash|restart|full_disk|permissions|mosquitto|install|command|interop/;

const IMPORT = /\b(?:from|import)\s*\(?\s*(?:new URL\()?"(\.[^"]+)"/g;

/** The tests of a tree of sources. */
export class Suites {
  readonly #root: URL;
  readonly #imports = new Map<string, Promise<readonly string[]>>();

  /** @param root The folder that has `src/` and `tests/`, with a slash at its end. */
  constructor(root: URL) {
    this.#root = root;
  }

  /** The test files for a file under `src/`, nearest first; both are paths from the root. */
  async of(source: string): Promise<string[]> {
    const near: { file: string; rank: number }[] = [];
    for (const [place, suite] of suitesOf(source).entries()) {
      for await (const file of this.#testsIn(`tests/${suite}`)) {
        const distance = await this.#distance(file, source);
        if (distance === undefined) continue;
        const isNamesake = stemOf(file) === stemOf(source);
        const rank = isNamesake ? 0 : (SLOW.test(file) ? 1000 : 0) + place * 100 + distance;
        near.push({ file, rank });
      }
    }
    near.sort((one, other) => one.rank - other.rank);
    return near.map(({ file }) => file);
  }

  async *#testsIn(path: string): AsyncGenerator<string> {
    if (path.endsWith(".ts")) {
      yield path;
      return;
    }
    const entries = await Array.fromAsync(Deno.readDir(new URL(`${path}/`, this.#root)));
    for (const { name, isDirectory } of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
      if (isDirectory) yield* this.#testsIn(`${path}/${name}`);
      else if (name.endsWith("_test.ts")) yield `${path}/${name}`;
    }
  }

  /** How many imports lead from one file to another, or nothing where none do. */
  async #distance(from: string, to: string): Promise<number | undefined> {
    const distances = new Map([[from, 0]]);
    for (const [file, distance] of distances) {
      if (file === to) return distance;
      for (const next of await this.#importsOf(file)) {
        if (!distances.has(next)) distances.set(next, distance + 1);
      }
    }
    return undefined;
  }

  #importsOf(file: string): Promise<readonly string[]> {
    const known = this.#imports.get(file) ?? this.#readImports(file);
    this.#imports.set(file, known);
    return known;
  }

  async #readImports(file: string): Promise<readonly string[]> {
    const url = new URL(file, this.#root);
    if (!file.endsWith(".ts")) return [];
    const text = await Deno.readTextFile(url);
    return [...text.matchAll(IMPORT)].map(([, name]) => {
      return new URL(name!, url).pathname.slice(this.#root.pathname.length);
    });
  }
}

/** The layer of a file under `src/`. */
export function layerOf(source: string): string {
  return source.split("/")[1]!;
}

function suitesOf(source: string): readonly string[] {
  const [, layer, folder] = source.split("/");
  return SUITES[`${layer}/${folder}`] ?? SUITES[layer!] ?? [];
}

function stemOf(path: string): string {
  return path.split("/").at(-1)!.replace(/(?:_test)?\.ts$/, "");
}
