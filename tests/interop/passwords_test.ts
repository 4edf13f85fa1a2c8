// Password files of mosquitto_passwd let the same users in here, and ours do so at Mosquitto.

import { assertEquals } from "@std/assert";
import { connect, RefusedError } from "../../mod.ts";
import { passwordFile, passwordLine, serve } from "../../src/broker/mod.ts";
import { withFolder } from "../io/folder.ts";
import { mosquittoPasswd, mosquittoPasswordTest, startMosquitto } from "../io/mosquitto.ts";

const USERS = { "alice": "secret", "white rabbit": "with : and $ ü", "empty": "x" };

/** Who is let in with the right password, and who with another. */
async function letIn(url: string): Promise<{ readonly right: string[]; readonly wrong: string[] }> {
  const told = { right: [] as string[], wrong: [] as string[] };
  for (const [username, password] of Object.entries(USERS)) {
    for (const [how, given] of [["right", password], ["wrong", `${password}x`]] as const) {
      try {
        await using _ = await connect(url, { username, password: given });
        told[how].push(username);
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
      }
    }
  }
  return told;
}

for (const kind of ["sha512-pbkdf2", "sha512"]) {
  mosquittoPasswordTest(`The users of mosquitto_passwd -H ${kind} are let in`, async () => {
    await withFolder("mqtt5-passwords-", async (folder) => {
      const file = `${folder}/passwords`;
      await Deno.writeTextFile(file, "");
      for (const [username, password] of Object.entries(USERS)) {
        await mosquittoPasswd("-H", kind, "-b", file, username, password);
      }
      const text = await Deno.readTextFile(file);
      await using broker = await serve({ port: 0, authenticate: passwordFile(text) });
      assertEquals(await letIn(broker.url), { right: Object.keys(USERS), wrong: [] });
    });
  });
}

mosquittoPasswordTest("The users of passwordLine() are let in by Mosquitto", async () => {
  await withFolder("mqtt5-passwords-", async (folder) => {
    const file = `${folder}/passwords`;
    const lines = await Promise.all(
      Object.entries(USERS).map(([username, password]) =>
        passwordLine(username, password, { iterations: 20_000 })
      ),
    );
    await Deno.writeTextFile(file, [...lines, ""].join("\n"));
    await using mosquitto = await startMosquitto({ configuration: [`password_file ${file}`] });
    assertEquals(await letIn(mosquitto.url), { right: Object.keys(USERS), wrong: [] });
  });
});
