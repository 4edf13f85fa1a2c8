// Who may do what at `broker`, by the files of its options, which can be read again while it runs.

import { aclFile } from "../../broker/access/acl_file.ts";
import { parsePasswordFile, passwordFile } from "../../broker/access/password_file.ts";
import type { PasswordHash } from "../../broker/access/password_line.ts";
import type { BrokerHooks, ClientInfo } from "../../broker/mod.ts";
import type { Broker } from "../../broker/serve.ts";
import { Failure } from "../failure.ts";
import { unreadable } from "../files.ts";
import { quoted } from "../terminal/text.ts";
import type { AccessOptions } from "./broker_access_options.ts";

/** What the files are about, and how clients with a certificate are named. */
export type AccessSetup = AccessOptions & {
  readonly "use-identity-as-username"?: boolean | undefined;
};

/** A file that can be read again. */
export interface Reloadable {
  /** What it holds: `"passwords"`. */
  readonly what: string;
  readonly path: string;
  /**
   * Reads it again.
   *
   * @throws {Failure} when it cannot be read, or is faulty; then nothing changes
   */
  reload(broker: Broker): Promise<void>;
}

/** Hooks by files, and these files. */
export interface Access {
  readonly hooks: BrokerHooks;
  readonly files: readonly Reloadable[];
}

/**
 * Reads the files.
 *
 * @throws {Failure} when one of them cannot be read, or is faulty
 */
export async function accessOf(options: AccessSetup): Promise<Access> {
  const { "password-file": passwords, "acl-file": list } = options;
  const parts = [
    ...passwords === undefined ? [] : [await passwordsOf(passwords, options)],
    ...list === undefined ? [] : [await listOf(list, options)],
  ];
  return {
    hooks: Object.assign({}, ...parts.map(({ hooks }) => hooks)),
    files: parts.flatMap(({ files }) => files),
  };
}

async function passwordsOf(path: string, options: AccessSetup): Promise<Access> {
  const allowAnonymous = options["allow-anonymous"] ?? false;
  const byCertificate = options["use-identity-as-username"] ?? false;
  const read = () =>
    parsed(path, (text) => ({
      users: parsePasswordFile(text),
      check: passwordFile(text, { allowAnonymous }),
    }));
  let current = await read();
  // Its certificate has told who it is; its password, if any, means nothing.
  const isKnown = ({ certificate }: ClientInfo) => byCertificate && certificate !== undefined;
  return {
    hooks: {
      async authenticate(client, credentials, packet) {
        if (isKnown(client)) return true;
        for (;;) {
          const { check } = current;
          const verdict = await check(client, credentials, packet);
          // While it was checked, the file may have been read again.
          if (check === current.check) return verdict;
        }
      },
    },
    files: [{
      what: "passwords",
      path,
      async reload(broker) {
        const { users: before } = current;
        current = await read();
        for (const client of broker.clients()) {
          const { clientId, username } = client;
          if (username === undefined || isKnown(client)) continue;
          if (isSame(before.get(username), current.users.get(username))) continue;
          broker.disconnect(clientId);
        }
      },
    }],
  };
}

async function listOf(path: string, options: AccessSetup): Promise<Access> {
  const read = () => parsed(path, (text) => aclFile(text, { strict: options["acl-strict"] }));
  let current = await read();
  return {
    hooks: {
      authorizePublish: (client, message) => current.authorizePublish(client, message),
      authorizeWill: (client, message, moment) => current.authorizeWill(client, message, moment),
      authorizeSubscribe: (client, request) => current.authorizeSubscribe(client, request),
      authorizeDelivery: (client, message) => current.authorizeDelivery(client, message),
    },
    files: [{
      what: "access control list",
      path,
      async reload(broker) {
        current = await read();
        broker.clearAuthorizations();
      },
    }],
  };
}

/** What a file holds. Its faults are told with its name and the line. */
async function parsed<Result>(path: string, parse: (text: string) => Result): Promise<Result> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new Failure(unreadable("", path, error));
  }
  try {
    return parse(text);
  } catch (error) {
    const { message } = error as Error;
    throw new Failure(`${quoted(path)}, ${message.replace(/^L/, "l")}`);
  }
}

/** Whether a user has the same password still. */
function isSame(before: PasswordHash | undefined, now: PasswordHash | undefined): boolean {
  return before !== undefined && now !== undefined && before.iterations === now.iterations &&
    String(before.salt) === String(now.salt) && String(before.hash) === String(now.hash);
}
