// What the tests of enhanced authentication share: a method "m" of as many steps as the server asks for.

import type { AuthInit } from "../../src/packets/mod.ts";
import type { Authenticator } from "../../src/session/authenticator.ts";
import type { Connack } from "./peer.ts";

export const METHOD = { authenticationMethod: "m" } as const;

/** A CONNACK of success. */
export const AUTHENTICATED: Connack = { properties: METHOD };

/** Text as Authentication Data. */
export function data(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** An AUTH of either end. */
export function step(text: string, reasonCode: 0x00 | 0x18 | 0x19 = 0x18): AuthInit {
  return { type: "auth", reasonCode, properties: { ...METHOD, authenticationData: data(text) } };
}

/** Answers whatever it is asked, and tells what that was. */
export function letters(told: string[], isAsync = false): Authenticator {
  const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data);
  const later = (value: string) => isAsync ? Promise.resolve(value) : value;
  return {
    method: "m",
    start() {
      told.push("start");
      return later("start");
    },
    next(data) {
      told.push(`next ${text(data)}`);
      return later(`not ${text(data)}`);
    },
    done(data) {
      told.push(`done ${text(data)}`);
    },
  };
}
