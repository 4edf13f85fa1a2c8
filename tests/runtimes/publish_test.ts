// What `deno publish` sends, taken from the upload itself: the command publishes to a registry in
// this file, and every file that arrives there is compared, byte by byte, with the one in the
// checkout. (`deno publish --dry-run` shows names only, and `deno pack` makes its files otherwise.)
// Were a specifier rewritten, such as `jsr:@std/…` to npm's copy of it, a file would differ.

import { assertEquals } from "@std/assert";
import { deno, programTest, run, tar } from "./programs.ts";

const ROOT = new URL("../../", import.meta.url);

programTest(
  "deno publish sends the sources as they are, the licence and the README, and nothing else",
  [tar],
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "mqtt5-publish-" });
    try {
      await using registry = startRegistry(`${folder}/upload.tgz`);
      const flags = ["--token=none", "--no-provenance", "--allow-dirty", "--no-check", "--quiet"];
      const env = { JSR_URL: registry.url };
      await run(deno, ["publish", ...flags], { cwd: ROOT.pathname, env });
      const sent = `${folder}/sent`;
      await Deno.mkdir(sent);
      await run(tar, ["-xzf", `${folder}/upload.tgz`, "-C", sent]);

      const names = await Array.fromAsync(filesIn(sent));
      const sources = await Array.fromAsync(filesIn(ROOT.pathname, "src/"));
      const others = ["LICENSE", "README.md", "cli.ts", "deno.json", "mod.ts"];
      assertEquals(names.toSorted(), [...others, ...sources].toSorted());
      for (const name of names) {
        const [here, there] = await Promise.all([ROOT.pathname, `${sent}/`].map((root) => {
          return Deno.readTextFile(`${root}${name}`);
        }));
        assertEquals(there, here, name);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** As much of JSR's API as `deno publish` asks for. The upload is written to a file. */
function startRegistry(upload: string): AsyncDisposable & { readonly url: string } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const body = new Uint8Array(await request.arrayBuffer());
    if (!pathname.startsWith("/api/scopes/mqtt5/packages/mqtt5")) return missing();
    if (request.method === "POST") {
      await Deno.writeFile(upload, body);
      return Response.json({ id: crypto.randomUUID(), status: "success", error: null });
    }
    return pathname.includes("/versions/") ? missing() : Response.json({
      ...{ scope: "mqtt5", name: "mqtt5", description: "", githubRepository: null },
      ...{ runtimeCompat: {}, createdAt: "", updatedAt: "" },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function missing(): Response {
  return Response.json({ code: "notFound", message: "There is none" }, { status: 404 });
}

/** The files below a folder, named from a root that ends with a slash or not. */
async function* filesIn(root: string, folder = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
    if (isDirectory) yield* filesIn(root, `${folder}${name}/`);
    else yield `${folder}${name}`;
  }
}
