// Certificates of every kind that a TLS test needs, good and bad, made by openssl when they are
// asked for. They are text; what needs files asks for files. Nothing stays on the disk.

import { withFolder } from "./folder.ts";

/** A certificate and its key in PEM; after the certificate, those of intermediate authorities. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateOptions {
  /** Host names and IP addresses it is for (subjectAltName). */
  readonly names?: readonly string[];
  /** Whom it is for, as openssl writes it: `/O=Acme/CN=device-7`. */
  readonly subject?: string;
  /** Since when it is valid. */
  readonly from?: Date;
  /** How long it is valid. */
  readonly until?: Date;
}

/** Paths of files in PEM, until they are disposed. */
export interface CertificateFiles extends AsyncDisposable {
  readonly cert: string;
  readonly key: string;
}

const DAY = 86_400_000;
const NOW = Date.now();

/** Options of a certificate that was valid until yesterday. */
export const EXPIRED = { from: new Date(NOW - 3 * DAY), until: new Date(NOW - DAY) } as const;
/** Options of a certificate that will be valid from tomorrow on. */
export const NOT_YET_VALID = { from: new Date(NOW + DAY), until: new Date(NOW + 3 * DAY) } as const;
/** Options of a certificate that is valid for another host. */
export const WRONG_HOST = { names: ["other.example"] } as const;
/** Options of a certificate that is valid for an IP address and for no host name. */
export const IP_ONLY = { names: ["127.0.0.1"] } as const;
/** Options of a certificate as once was usual: it names its host in the Common Name alone. */
export const COMMON_NAME_ONLY = { names: [], subject: "/CN=localhost" } as const;

/** Every way to this machine by its loopback interface. */
const LOCAL = ["localhost", "127.0.0.1", "::1"];

/** Parameters of keys: elliptic curves are quick to make. */
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Why nothing here works, where openssl cannot be found; the names of skipped tests say so. */
export const noOpenssl: string | undefined = await openssl(["version"]).then(
  () => undefined,
  (error) => {
    if (error instanceof Deno.errors.NotFound) return "openssl cannot be found";
    throw error;
  },
);

/** A test that needs openssl; without, it is skipped, and its name says why. */
export function opensslTest(name: string, fn: () => Promise<void>): void {
  const ignore = noOpenssl !== undefined;
  Deno.test({ name: ignore ? `${name} (skipped: ${noOpenssl})` : name, ignore, fn });
}

/** Signs certificates. What it has signed once it gives again to who asks for the same. */
export class CertificateAuthority {
  /** Its own certificate in PEM: what those are told who are to trust it. */
  readonly cert: string;
  readonly #key: string;
  /** What must stand behind each certificate that it signs. */
  readonly #chain: string;
  readonly #signed = new Map<string, Promise<Certificate>>();

  constructor(own: Certificate, chain = "") {
    this.cert = own.cert;
    this.#key = own.key;
    this.#chain = chain;
  }

  /** A certificate for a server: for this machine, valid now, unless the options say otherwise. */
  server(options: CertificateOptions = {}): Promise<Certificate> {
    const { subject = "/CN=server", names = LOCAL } = options;
    return this.#sign({ ...options, subject, names }, [
      ...LEAF,
      "extendedKeyUsage = serverAuth",
    ]);
  }

  /** A certificate for a client: `device-7` of Acme, valid now, unless options say otherwise. */
  client(options: CertificateOptions = {}): Promise<Certificate> {
    const { subject = "/O=Acme/CN=device-7", names = [] } = options;
    return this.#sign({ ...options, subject, names }, [
      ...LEAF,
      "extendedKeyUsage = clientAuth",
    ]);
  }

  /** An authority that this one vouches for. Who trusts this one trusts its certificates, too. */
  async intermediate(): Promise<CertificateAuthority> {
    const options = { subject: "/CN=Intermediate of the tests", names: [] };
    const own = await this.#sign(options, AUTHORITY);
    return new CertificateAuthority(own, own.cert);
  }

  #sign(
    options: CertificateOptions & { subject: string; names: readonly string[] },
    extensions: readonly string[],
  ): Promise<Certificate> {
    const name = JSON.stringify([options, extensions]);
    const signed = this.#signed.get(name) ?? this.#signNew(options, extensions);
    this.#signed.set(name, signed);
    return signed;
  }

  #signNew(
    { subject, names, from = new Date(NOW - DAY), until = new Date(NOW + 2 * DAY) }:
      & CertificateOptions
      & { subject: string; names: readonly string[] },
    extensions: readonly string[],
  ): Promise<Certificate> {
    return withFolder("mqtt5-certificate-", async (folder) => {
      await Deno.writeTextFile(`${folder}/ca.pem`, this.cert);
      await Deno.writeTextFile(`${folder}/ca.key`, this.#key);
      await Deno.writeTextFile(`${folder}/index`, "");
      await Deno.writeTextFile(
        `${folder}/ca.conf`,
        [...SIGNING, ...extensions, ...alternatives(names), ""].join("\n"),
      );
      const request = ["req", "-new", "-utf8", "-config", "ca.conf", "-subj", subject];
      await openssl([...request, ...KEY, "-keyout", "key.pem", "-out", "request.pem"], folder);
      // Dates of the past are what `openssl ca` alone can write in openssl 3.0.
      const dates = ["-startdate", zulu(from), "-enddate", zulu(until)];
      const sign = ["ca", "-batch", "-notext", "-config", "ca.conf", ...dates];
      await openssl([...sign, "-in", "request.pem", "-out", "cert.pem"], folder);
      const { cert, key } = await read(folder);
      return { cert: cert + this.#chain, key };
    });
  }
}

const authorities = new Map<string, Promise<CertificateAuthority>>();

/** An authority that signs itself. Of each name there is one for all tests of a file. */
export function certificateAuthority(
  name = "Authority of the tests",
): Promise<CertificateAuthority> {
  const authority = authorities.get(name) ?? withFolder("mqtt5-certificate-", async (folder) => {
    await Deno.writeTextFile(`${folder}/ca.conf`, [...SIGNING, ...AUTHORITY, ""].join("\n"));
    const own = ["-x509", "-config", "ca.conf", "-extensions", "extensions", "-days", "3"];
    await openssl(["req", ...own, "-subj", `/CN=${name}`, ...KEY, ...FILES], folder);
    return new CertificateAuthority(await read(folder));
  });
  authorities.set(name, authority);
  return authority;
}

/** An authority that nobody has been told to trust. */
export function otherAuthority(): Promise<CertificateAuthority> {
  return certificateAuthority("Another authority");
}

/** What plain `openssl req -x509` makes: it signs itself, and says that it is an authority. */
export function selfSigned(): Promise<Certificate> {
  return withFolder("mqtt5-certificate-", async (folder) => {
    const names = ["-addext", alternatives(LOCAL)[0]!];
    await openssl(["req", "-x509", "-subj", "/CN=localhost", ...names, ...KEY, ...FILES], folder);
    return await read(folder);
  });
}

/** Files with a certificate and its key, for programs that want files. */
export async function certificateFiles({ cert, key }: Certificate): Promise<CertificateFiles> {
  const folder = await Deno.makeTempDir({ prefix: "mqtt5-certificate-" });
  const files = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key);
  return { ...files, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

const FILES = ["-keyout", "key.pem", "-out", "cert.pem"];

/** How openssl is to sign; the extensions follow. */
const SIGNING = [
  "[req]",
  "distinguished_name = name",
  "[name]",
  "[ca]",
  "default_ca = authority",
  "[authority]",
  "certificate = ca.pem",
  "private_key = ca.key",
  "database = index",
  "new_certs_dir = .",
  "rand_serial = yes",
  "default_md = sha256",
  "policy = policy",
  "preserve = yes",
  "x509_extensions = extensions",
  "[policy]",
  "organizationName = optional",
  "commonName = optional",
  "[extensions]",
  "subjectKeyIdentifier = hash",
  "authorityKeyIdentifier = keyid",
];

const AUTHORITY = [
  "basicConstraints = critical, CA:TRUE",
  "keyUsage = critical, keyCertSign, cRLSign",
];

const LEAF = ["basicConstraints = critical, CA:FALSE", "keyUsage = critical, digitalSignature"];

function alternatives(names: readonly string[]): string[] {
  const written = names.map((name) => `${/^[\d.]+$|:/.test(name) ? "IP" : "DNS"}:${name}`);
  return written.length === 0 ? [] : [`subjectAltName=${written.join(",")}`];
}

/** 20261231235959Z */
function zulu(date: Date): string {
  return `${date.toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)}Z`;
}

async function read(folder: string): Promise<Certificate> {
  const cert = await Deno.readTextFile(`${folder}/cert.pem`);
  const key = await Deno.readTextFile(`${folder}/key.pem`);
  return { cert, key };
}

async function openssl(args: readonly string[], cwd?: string): Promise<void> {
  const command = new Deno.Command("openssl", {
    ...{ args: [...args], stdin: "null" },
    ...(cwd !== undefined && { cwd }),
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`openssl ${args[0]} failed: ${new TextDecoder().decode(stderr)}`);
}
