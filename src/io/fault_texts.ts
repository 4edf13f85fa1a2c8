// What the platforms' errors say, whichever platform it is: a code, a message, and what is known of
// both.

import type { FaultCode } from "../errors.ts";

/** Whether another attempt can help: it may; it may, if it has worked before; only a change can. */
export type FaultCure = "time" | "server" | "change";

/** The part of a message behind the address, what kind of fault it is, and what cures it. */
export type Told = readonly [code: FaultCode, cure: FaultCure, text: string];

/** What the options are called, where a fault names one that cures it. */
export interface OptionNames {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly alpn: string;
  readonly serverName: string;
  readonly headers: string;
}

/** As the library has them. */
export const OPTION_NAMES: OptionNames = {
  ca: "tls.ca",
  cert: "tls.cert",
  key: "tls.key",
  alpn: "tls.alpn",
  serverName: "tls.serverName",
  headers: "headers",
};

/** What is said of a connection that was in use and broke. */
export function brokenText(error: unknown): string {
  return withoutUrl(messageOf(error));
}
/** Without the link that a library of TLS puts behind its messages. */
export function withoutUrl(message: string): string {
  return message.replace(/:? https?:\/\/\S+/, "");
}

/** What an error says; that of several dials says it inside. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** Whether an error says no more than that the other end has gone, politely or not. */
export function isGone(message: string, code: string): boolean {
  return ["ECONNRESET", "EPIPE", "ECONNABORTED"].includes(code) ||
    /unexpected end of file|unexpected eof|socket disconnected|connection was closed/i
      .test(message);
}

/** The code of the system or of Node, such as `"ECONNREFUSED"`; `""` for none. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code === "string") return code;
  return CODES[nameOf(error)] ?? "";
}

/** Deno's classes of errors, whose code is not always there. */
const CODES: Readonly<Record<string, string>> = {
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  ConnectionAborted: "ECONNABORTED",
  BrokenPipe: "EPIPE",
  NotADirectory: "ENOTDIR",
  NotFound: "ENOENT",
  AddrNotAvailable: "EADDRNOTAVAIL",
  NetworkUnreachable: "ENETUNREACH",
  HostUnreachable: "EHOSTUNREACH",
  TimedOut: "ETIMEDOUT",
  UnexpectedEof: "ECONNRESET",
  PermissionDenied: "EACCES",
};

/** The name of the error's class; `""` when it is no error. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
