// The steps before CONNECT, explained like packets: the connection, the proxy, TLS, and the
// WebSocket handshake, line by line.

import type { DialStep } from "../../io/dial.ts";
import type { Output } from "../context.ts";
import { SECRET_NAME } from "../options/credentials.ts";
import { escaped, paintFor, quoted, wrap } from "../terminal/text.ts";

/** An item, its meaning, and the section that defines it. */
interface Row {
  readonly shown: string;
  readonly text: string;
  readonly section?: string;
}

/** Rows under a heading. */
interface Part {
  readonly heading: string;
  readonly section?: string;
  readonly rows: readonly Row[];
}

/** A step in full. */
export function formatStep(step: DialStep, output: Output, showsSecrets = false): string {
  return partsOf(step, showsSecrets).map((part) => formatPart(part, output)).join("");
}

/** A step in a few lines; nothing for the connection alone. */
export function formatStepBriefly(step: DialStep, output: Output): string {
  const paint = paintFor(output);
  const room = Math.min(Math.max(output.columns, 60), 120) - 2;
  return briefly(step).flatMap(([mark, text, section]) => {
    const [first = "", ...others] = wrap(`${text} ${section.replaceAll(" ", "\u00a0")}`, room - 2);
    const lines = [`${mark} ${first}`, ...others.map((line) => `    ${line}`)];
    return lines.map((line) => {
      const plain = line.replaceAll("\u00a0", " ");
      return `${
        plain.endsWith(section) ? plain.slice(0, -section.length) + paint.dim(section) : plain
      }\n`;
    });
  }).join("");
}

function briefly(
  step: DialStep,
): readonly (readonly [mark: string, text: string, section: string])[] {
  switch (step.type) {
    case "connected":
      return [];
    case "proxy":
      return [["·", `Proxy ${step.proxy.address} connected to ${step.target}`, proxySection(step)]];
    case "tls": {
      const { request: { serverName, verifiesHost }, result } = step;
      const { version = "TLS", alpnProtocol, commonName } = result;
      const parts = [
        `${version} with ${serverName}`,
        ...alpnProtocol === undefined ? [] : [`ALPN ${quoted(alpnProtocol)}`],
        ...commonName === undefined ? [] : [`certificate of ${quoted(commonName)}`],
        verifiesHost ? "chain and host name checked" : "chain checked, host name NOT checked",
      ];
      return [["·", parts.join(", "), "RFC 8446"]];
    }
    case "websocket": {
      const [request = ""] = step.request.split("\r\n");
      const [response = ""] = step.response.split("\r\n");
      return [
        ["→", `${escaped(withoutSecrets(request))}, to open a WebSocket`, "RFC 6455 §4.1"],
        ["←", escaped(response), "RFC 6455 §4.2.2"],
      ];
    }
    default:
      return step satisfies never;
  }
}

function partsOf(step: DialStep, showsSecrets: boolean): readonly Part[] {
  switch (step.type) {
    case "connected": {
      const what = step.to.startsWith("/") ? "Unix socket" : "TCP connection to";
      return [{ heading: `· ${what} ${step.to}`, rows: [] }];
    }
    case "proxy":
      return [proxyPart(step)];
    case "tls":
      return [tlsPart(step)];
    case "websocket": {
      const request = step.request.split("\r\n");
      const response = step.response.split("\r\n");
      return [
        {
          heading: `→ Client to Server: WebSocket request, ${request.length} lines`,
          section: "RFC 6455 §4.1",
          rows: request.map((line, index) => fieldRow(line, index, REQUEST, showsSecrets)),
        },
        {
          heading: `← Server to Client: WebSocket response, ${response.length} lines`,
          section: "RFC 6455 §4.2.2",
          rows: response.map((line, index) => fieldRow(line, index, RESPONSE, showsSecrets)),
        },
      ];
    }
    default:
      return step satisfies never;
  }
}

function proxySection({ proxy }: DialStep & { readonly type: "proxy" }): string {
  return proxy.protocol === "http" ? "RFC 9110 §9.3.6" : "RFC 1928";
}

function proxyPart(step: DialStep & { readonly type: "proxy" }): Part {
  const { proxy: { protocol, address, credentials }, target } = step;
  const isHttp = protocol === "http";
  return {
    heading: `· Proxy ${address}`,
    section: proxySection(step),
    rows: [
      {
        shown: isHttp ? "CONNECT" : "SOCKS 5",
        text: `connection to ${target}`,
        section: isHttp ? "RFC 9110 §9.3.6" : "RFC 1928 §4",
      },
      {
        shown: "host name",
        text: protocol === "socks5" ? "resolved here" : "resolved by the proxy",
      },
      {
        shown: "credentials",
        text: credentials === undefined
          ? "none"
          : `user ${quoted(credentials.username)}, password not shown`,
        section: isHttp ? "RFC 7617" : "RFC 1929",
      },
    ],
  };
}

function tlsPart({ request, result }: DialStep & { readonly type: "tls" }): Part {
  const { serverName, alpn, ca, cert, verifiesHost } = request;
  const { version, alpnProtocol, commonName } = result;
  const isAddress = /^[\d.]+$|:/.test(serverName);
  const chosen = alpnProtocol === undefined
    ? "none: the server chose none"
    : `${quoted(alpnProtocol)}, as offered`;
  return {
    heading: "· TLS handshake",
    section: "RFC 8446 §2",
    rows: [
      {
        shown: "server name (SNI)",
        text: isAddress ? "none: an IP address is not sent" : quoted(serverName),
        section: "RFC 6066 §3",
      },
      {
        shown: "protocols offered (ALPN)",
        text: alpn.length === 0 ? "none; see --tls-alpn" : alpn.map(quoted).join(", "),
        section: "RFC 7301 §3.1",
      },
      ...alpn.length === 0
        ? []
        : [{ shown: "protocol chosen", text: chosen, section: "RFC 7301 §3.2" }],
      ...version === undefined ? [] : [{ shown: "version", text: version }],
      ...commonName === undefined
        ? []
        : [{ shown: "server's certificate", text: `Common Name ${quoted(commonName)}` }],
      ...cert === undefined ? [] : [{
        shown: "client's certificate",
        text: "sent if the server asks for it",
        section: "RFC 8446 §4.4.2",
      }],
      {
        shown: "checked: chain",
        text: "valid, and issued by an authority that Deno trusts" +
          (ca.length === 0 ? "" : ", or one in --cafile or --capath"),
        section: "RFC 5280 §6",
      },
      verifiesHost
        ? {
          shown: "checked: host name",
          text: `the certificate is for ${quoted(serverName)}`,
          section: "RFC 9525 §6",
        }
        : {
          shown: "NOT checked: host name",
          text: "--insecure: the certificate may be for any host",
          section: "RFC 9525 §6",
        },
    ],
  };
}

/** The meaning of a header field, by its name in lower case; `""` is the first line. */
type Purposes = Readonly<Record<string, readonly [text: string, section: string]>>;

const REQUEST: Purposes = {
  "": ["path and query of the URL", "RFC 6455 §4.1"],
  "host": ["host and port of the URL", "RFC 9110 §7.2"],
  "upgrade": ["switch from HTTP to WebSocket", "RFC 6455 §4.1"],
  "connection": ["Upgrade is for this hop only", "RFC 9110 §7.6.1"],
  "sec-websocket-key": ["random key", "RFC 6455 §11.3.1"],
  "sec-websocket-version": ["the only version", "RFC 6455 §11.3.5"],
  "sec-websocket-protocol": ["the protocol inside: MQTT", "§6"],
};

const RESPONSE: Purposes = {
  "upgrade": ["switched to WebSocket", "RFC 6455 §4.2.2"],
  "connection": ["Upgrade is for this hop only", "RFC 9110 §7.6.1"],
  "sec-websocket-accept": ["derived from the key", "RFC 6455 §11.3.3"],
  "sec-websocket-protocol": ["the protocol inside: MQTT", "§6"],
};

function fieldRow(line: string, index: number, purposes: Purposes, showsSecrets: boolean): Row {
  const shown = escaped(showsSecrets ? line : withoutSecrets(line));
  if (index === 0 && purposes === RESPONSE) {
    const isOpen = / 101\b/.test(line);
    return {
      shown,
      text: isOpen ? "the WebSocket is open" : "the server refused the WebSocket",
      section: isOpen ? "RFC 6455 §4.2.2" : "RFC 9110 §15",
    };
  }
  const name = index === 0 ? "" : line.replace(/:.*$/s, "").toLowerCase();
  const [text, section] = purposes[name] ??
    [purposes === REQUEST ? "from --header" : "not used by WebSocket", undefined];
  return { shown, text, ...section !== undefined && { section } };
}

/** A header line without secret values. */
function withoutSecrets(line: string): string {
  const [, name] = /^([^\s:]+): /.exec(line) ?? [];
  if (name !== undefined) {
    const isSecret = SECRET_NAME.test(name) && !/^sec-websocket-/i.test(name);
    return isSecret ? `${name}: (not shown)` : line;
  }
  return line.replaceAll(
    /([?&])([^=&\s]*)=[^&\s]*/g,
    (whole, before, key) => SECRET_NAME.test(key) ? `${before}${key}=(not shown)` : whole,
  );
}

const INDENT = 2;
/** How wide an item may be to have its meaning beside it. */
const BESIDE = 28;

function formatPart({ heading, section, rows }: Part, output: Output): string {
  const paint = paintFor(output);
  const columns = Math.min(Math.max(output.columns, 60), 120);
  const [, mark, title] = /^(\S+ (?:\w+ to \w+: )?)(.*)$/.exec(heading)!;
  const head = `${mark}${paint.bold(title!)}${
    section === undefined ? "" : ` ${paint.dim(section)}`
  }`;
  const lines = rows.flatMap((row) => {
    const isBeside = row.shown.length <= BESIDE;
    const shown = wrap(row.shown, isBeside ? BESIDE : columns - INDENT);
    const end = row.section ?? "";
    const room = columns - INDENT - BESIDE - 2;
    const texts = wrap(row.text, room - (end === "" ? 0 : end.length + 1));
    const above = isBeside ? [] : shown.map((line) => " ".repeat(INDENT) + paint.cyan(line));
    const below = texts.map((text, index) => {
      const left = isBeside && index === 0 ? row.shown : "";
      const gap = " ".repeat(Math.max(1, room - text.length - end.length));
      const tail = index === 0 && end !== "" ? gap + paint.dim(end) : "";
      return `${" ".repeat(INDENT)}${paint.cyan(left.padEnd(BESIDE))}  ${text}${tail}`.trimEnd();
    });
    return [...above, ...below];
  });
  return [head, ...lines, ""].map((line) => `${line}\n`).join("");
}
