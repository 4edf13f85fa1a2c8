// The ways into the clouds, each as a server that lets in only who comes by it: as documented, as
// far as TLS, HTTP and CONNECT go.

import { certificateAuthority } from "../io/certificates.ts";
import { type CloudRules, type CloudServer, startCloud } from "./cloud_server.ts";

/** A server, and what a client needs to get in. */
export interface Cloud extends AsyncDisposable {
  /** The URL for `connect()`. */
  readonly url: string;
  /** The options for `connect()`. */
  readonly options: {
    readonly tls: {
      readonly ca: string;
      readonly cert?: string;
      readonly key?: string;
      readonly alpn?: string;
    };
    readonly headers?: Readonly<Record<string, string>>;
    readonly username?: string;
    readonly password?: string;
    readonly clientId?: string;
  };
  /** What runs, with whom it has seen. */
  readonly server: CloudServer;
}

/** A cloud whose URL is good for one connection. */
export interface SigningCloud extends Cloud {
  /** A URL for the next connection. */
  sign(): string;
}

const serverName = "localhost";
const username = "device-7";
const password = "correct horse";

/**
 * HiveMQ Cloud and EMQX Cloud: TLS with SNI on 8883, a user and a password; or the same by wss, on
 * 8884 (HiveMQ) or 8084 (EMQX), with the path /mqtt.
 */
export async function hivemqCloud(protocol: "mqtts" | "wss" = "mqtts"): Promise<Cloud> {
  return await start(protocol, { username, password }, {
    ...(protocol === "wss" && { request: ({ target }) => pathFault(target) }),
    refuse: (connect) => isRight(connect) ? undefined : 0x86,
  });
}

/** AWS IoT Core on 8883: SNI, and the client has a certificate. */
export async function awsIot(): Promise<Cloud> {
  return await start("mqtts", {}, { clients: await certificateAuthority() });
}

/** AWS IoT Core on 443: SNI, a client certificate, and ALPN `x-amzn-mqtt-ca`. */
export async function awsIotOn443(): Promise<Cloud> {
  return await start("mqtts", {}, {
    clients: await certificateAuthority(),
    alpn: "x-amzn-mqtt-ca",
  });
}

/**
 * AWS IoT Core on 443 with a custom authorizer: SNI, ALPN `mqtt`, a password, and a user name that
 * names the authorizer in a query.
 */
export async function awsIotAuthorizer(): Promise<Cloud> {
  const username = "device-7?x-amz-customauthorizer-name=Acme";
  return await start("mqtts", { username, password }, {
    alpn: "mqtt",
    refuse: (connect) => isRight(connect, username) ? undefined : 0x87,
  });
}

/** AWS IoT Core by wss on 443 with a custom authorizer that wants a token in header fields. */
export async function awsIotToken(): Promise<Cloud> {
  const headers = { "X-Amz-CustomAuthorizer-Name": "Acme", "Token": "Bearer abc.def.ghi" };
  return await start("wss", { headers }, {
    request: ({ target, fields }) => {
      const isMissing = ([name, value]: [string, string]) => {
        return fields.get(name.toLowerCase()) !== value;
      };
      return pathFault(target) ?? (Object.entries(headers).some(isMissing) ? "token" : undefined);
    },
  });
}

/** AWS IoT Core by wss on 443 with Signature Version 4: a query, good once and as it stands. */
export async function awsIotSigned(): Promise<SigningCloud> {
  const signed = new Set<string>();
  const cloud = await start("wss", {}, {
    request: ({ target }) => {
      return pathFault(target) ?? (signed.delete(target) ? undefined : "signature");
    },
  });
  const sign = () => {
    const signature = crypto.randomUUID().replaceAll("-", "").repeat(2);
    const scope = "example%2F20300101%2Feu-west-1%2Fiotdevicegateway%2Faws4_request";
    const target = `/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${scope}` +
      `&X-Amz-Date=20300101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=${signature}` +
      "&X-Amz-Security-Token=a%2Bb%2Fc%3D";
    signed.add(target);
    return `wss://${serverName}:${cloud.server.port}${target}`;
  };
  return { ...cloud, url: sign(), sign, [Symbol.asyncDispose]: cloud[Symbol.asyncDispose] };
}

/**
 * Azure Event Grid on 8883: SNI, a client certificate, and the user name is the client's
 * authentication name, which its certificate must be for.
 */
export async function azureEventGrid(): Promise<Cloud> {
  return await start("mqtts", { username }, {
    clients: await certificateAuthority(),
    refuse: (connect, { commonName }) => connect.username === commonName ? undefined : 0x87,
  });
}

/** Azure Event Grid on 8883 with a token: SNI, and enhanced authentication by `CUSTOM-JWT`. */
export async function azureEventGridToken(): Promise<Cloud> {
  return await start("mqtts", { password }, {
    refuse({ properties: { authenticationMethod, authenticationData } }) {
      const token = new TextDecoder().decode(authenticationData);
      return authenticationMethod === "CUSTOM-JWT" && token === password ? undefined : 0x87;
    },
  });
}

async function start(
  scheme: "mqtts" | "wss",
  options: Omit<Cloud["options"], "tls">,
  rules: Omit<CloudRules, "serverName" | "certificate">,
): Promise<Cloud> {
  const authority = await certificateAuthority();
  const certificate = await authority.server({ names: [serverName] });
  const server = await startCloud({ ...rules, serverName, certificate });
  return {
    url: `${scheme}://${serverName}:${server.port}${scheme === "wss" ? "/mqtt" : ""}`,
    options: {
      ...options,
      tls: {
        ca: authority.cert,
        ...(rules.clients && await rules.clients.client({ subject: `/O=Acme/CN=${username}` })),
        ...(rules.alpn !== undefined && { alpn: rules.alpn }),
      },
    },
    server,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function pathFault(target: string): string | undefined {
  return /^\/mqtt(\?|$)/.test(target) ? undefined : "path";
}

function isRight(
  connect: { readonly username?: string | undefined; readonly password?: Uint8Array | undefined },
  name: string = username,
): boolean {
  const given = connect.password && new TextDecoder().decode(connect.password);
  return connect.username === name && given === password;
}
