// The chapter `authentication`: §3.1.3.5 User Name, §3.1.3.6 Password, §4.12 Enhanced
// authentication, §3.15 AUTH. The names and passwords here are nobody's.

import { scramAuthentication, scramKeys } from "../../broker/scram_authentication.ts";
import type { ServeOptions } from "../../broker/serve.ts";
import { scramSha256 } from "../../client/scram.ts";
import { ReasonCode } from "../../packets/mod.ts";
import type { AuthenticationData } from "../../session/authenticator.ts";
import { LEAST_ITERATIONS } from "../../session/scram/keys.ts";
import type { Chapter } from "./chapter.ts";

const USER = "alice";
const PASSWORD = "wonderland";

/** Who are you? */
export const AUTHENTICATION: Chapter = {
  about:
    "A broker may want to know who connects. The simple way is a user name and a password in " +
    "CONNECT. Enhanced authentication is a conversation in which the client proves that it " +
    "knows the password without ever sending it.",
  broker,
  showsSecrets: true,
  steps: [
    {
      title: "Alice connects with a wrong password: the broker refuses her.",
      text: "The flags of her CONNECT are `C2`: bit 7, there is a User Name, bit 6, there is a " +
        "Password, and Clean Start (§3.1.2.8, §3.1.2.9). Both stand at the end of the packet. " +
        "In CONNACK the Reason Code is `86`, Bad User Name or Password (§3.2.2.2): 0x80 and " +
        "above is always a failure. Then the broker closes the connection [MQTT-3.2.2-7].",
      async run(stage) {
        const alice = stage.client("alice-1");
        await alice.connect({ username: USER, password: bytesOf("letmein") });
        await alice.ended();
      },
    },
    {
      title: "She connects with the right one.",
      text:
        "`00`: Success. But look at the last bytes of CONNECT, `77 6F 6E 64 65 72 6C 61 6E 64`: " +
        'that is "wonderland". Whoever can read the connection can read the password; MQTT ' +
        "itself hides nothing. Use such passwords over TLS only, with an mqtts:// URL (§5.4).",
      async run(stage) {
        const alice = stage.client("alice-1");
        await alice.connect({ username: USER, password: bytesOf(PASSWORD) });
        await alice.disconnect();
      },
    },
    {
      title: "The other way: CONNECT names a method, and both ends prove what they know.",
      text: "In CONNECT `15` is the Authentication Method, SCRAM-SHA-256, and `16` the " +
        "Authentication Data: her name and a random text (§3.1.2.11.9, §3.1.2.11.10). In place " +
        "of CONNACK comes AUTH, `F0`, with `18`, Continue authentication (§3.15): the broker's " +
        "random text `r=`…, a salt `s=`…, and how often to hash, `i=4096` (RFC 5802). Her AUTH " +
        "has the proof `p=`…, computed from the password and both random texts: of no use to " +
        "anybody who listens. CONNACK has the broker's proof `v=`…: it knows her, too. Nobody " +
        "has sent the password.",
      async run(stage) {
        const alice = stage.client("alice-2");
        const { method, first, answer, done } = await scram();
        await alice.open({ properties: authenticationOf(method, first) });
        const { properties: { authenticationData } } = await alice.receive("auth");
        await alice.send({
          type: "auth",
          reasonCode: ReasonCode.continueAuthentication,
          properties: authenticationOf(method, await answer(authenticationData)),
        });
        await done((await alice.receive("connack")).properties.authenticationData);
      },
    },
    {
      title: "Later she proves it again, on the same connection.",
      text: "AUTH with the Reason Code `19`, Re-authenticate, begins the same exchange once more " +
        "(§4.12.1), with new random texts. At its end there is AUTH with `00`, Success, in " +
        "place of CONNACK. Messages go on meanwhile. This is for proofs that expire, such as " +
        "tokens.",
      async run(stage) {
        const alice = stage.client("alice-2");
        const { method, first, answer, done } = await scram();
        await alice.send({
          type: "auth",
          reasonCode: ReasonCode.reauthenticate,
          properties: authenticationOf(method, first),
        });
        const { properties: { authenticationData } } = await alice.receive("auth");
        await alice.send({
          type: "auth",
          reasonCode: ReasonCode.continueAuthentication,
          properties: authenticationOf(method, await answer(authenticationData)),
        });
        await done((await alice.receive("auth")).properties.authenticationData);
      },
    },
    {
      title: "She leaves.",
      text: "Who a client is and what it may do are two questions. A broker that does not let it " +
        "publish or subscribe says so with the Reason Code 0x87, Not authorized, in PUBACK or " +
        "SUBACK.",
      async run(stage) {
        await stage.client("alice-2").disconnect();
      },
    },
  ],
};

async function broker(): Promise<Pick<ServeOptions, "authenticate" | "authenticateStep">> {
  const keys = await scramKeys("SCRAM-SHA-256", PASSWORD, { iterations: LEAST_ITERATIONS });
  return {
    ...scramAuthentication((username) => username === USER ? keys : undefined),
    authenticate: (_client, { username, password }) =>
      username === USER && new TextDecoder().decode(password) === PASSWORD ||
      ReasonCode.badUserNameOrPassword,
  };
}

/** One exchange of SCRAM, as the client has it. */
async function scram() {
  const context = { signal: new AbortController().signal };
  const credentials = { username: USER, password: PASSWORD };
  const authenticator = await scramSha256(credentials)(context);
  return {
    method: authenticator.method,
    first: await authenticator.start(context),
    answer: async (data: Uint8Array | undefined) => await authenticator.next?.(data, context),
    done: async (data: Uint8Array | undefined) => await authenticator.done?.(data, context),
  };
}

function authenticationOf(authenticationMethod: string, data: AuthenticationData) {
  return {
    authenticationMethod,
    ...data !== undefined && { authenticationData: bytesOf(data) },
  };
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
