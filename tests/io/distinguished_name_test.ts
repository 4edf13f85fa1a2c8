// Names in certificates, among them such as want to look like others.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { concat } from "jsr:@std/bytes@^1/concat";
import { namesOf } from "../../src/io/distinguished_name.ts";
import { bytesOf } from "../hex.ts";
import { certificateAuthority, opensslTest } from "./certificates.ts";

/** Subjects as openssl takes them, their text, and what is in it. */
const SUBJECTS = [
  ["/O=Acme/CN=device-7", "CN=device-7,O=Acme", { O: "Acme", CN: "device-7" }],
  ["/CN=first/CN=second", "CN=second,CN=first", { CN: "first" }],
  ["/CN=x,O=Acme", "CN=x\\,O=Acme", { CN: "x,O=Acme" }],
  ["/CN=a\nO=Acme", "CN=a\\0aO=Acme", { CN: "a\nO=Acme" }],
  ['/CN=#a\\\\\\+"<;> ', 'CN=\\#a\\\\\\+\\"\\<\\;\\>\\ ', { CN: '#a\\+"<;> ' }],
  ["/CN= a ", "CN=\\ a\\ ", { CN: " a " }],
  ["/CN=Müll ☃", "CN=Müll ☃", { CN: "Müll ☃" }],
] as const;

for (const [subject, text, values] of SUBJECTS) {
  opensslTest(`the subject ${JSON.stringify(subject)} reads ${text}`, async () => {
    const { cert } = await (await certificateAuthority()).client({ subject });
    const names = namesOf(new X509Certificate(cert).raw);
    assertStrictEquals(names.subject.text, text);
    assertEquals({ ...names.subject.values }, values);
    assertStrictEquals(names.issuer.text, "CN=Authority of the tests");
  });
}

/** An element of DER. */
function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, { length }) => sum + length, 0);
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return concat([Uint8Array.from(head), ...content]);
}

const SEQUENCE = 0x30;
const NOTHING = der(SEQUENCE);

/** As much of a certificate as its names stand in. */
function certificate(issuer: Uint8Array, subject: Uint8Array, hasVersion: boolean): Uint8Array {
  const version = hasVersion ? [der(0xa0, der(0x02, Uint8Array.of(2)))] : [];
  const serial = der(0x02, Uint8Array.of(1));
  const signed = der(SEQUENCE, ...version, serial, NOTHING, issuer, NOTHING, subject);
  return der(SEQUENCE, signed, NOTHING);
}

/** A name: each part has attributes of an OID, a tag and the bytes of a value. */
function name(...parts: readonly (readonly (readonly [string, number, string])[])[]): Uint8Array {
  return der(
    SEQUENCE,
    ...parts.map((attributes) =>
      der(
        0x31,
        ...attributes.map(([oid, tag, value]) =>
          der(SEQUENCE, der(0x06, bytesOf(oid)), der(tag, bytesOf(value)))
        ),
      )
    ),
  );
}

const CN = "550403";

/** Names that no program at hand makes. */
const NAMES = [
  [[["550403", 0x0c, "78"], ["55040a", 0x13, "41"]], "CN=x+O=A", { CN: "x", O: "A" }],
  [[[CN, 0x1e, "004D00FC"]], "CN=Mü", { CN: "Mü" }],
  [[[CN, 0x14, "4DFC"]], "CN=Mü", { CN: "Mü" }],
  [[["2a864886f70d010901", 0x16, "61"]], "emailAddress=a", { emailAddress: "a" }],
  [[["0992268993F22C640119", 0x16, "61"]], "DC=a", { DC: "a" }],
  [[["2B06010401", 0x0c, "61"]], "1.3.6.1.4.1=a", { "1.3.6.1.4.1": "a" }],
  [[[CN, 0x03, "0061"]], "CN=#03020061", {}],
] as const;

for (const [part, text, values] of NAMES) {
  Deno.test(`a name of other kinds reads ${text}`, () => {
    for (const hasVersion of [true, false]) {
      const names = namesOf(certificate(name([[CN, 0x0c, "61"]]), name(part), hasVersion));
      assertStrictEquals(names.subject.text, text);
      assertEquals({ ...names.subject.values }, values);
      assertStrictEquals(names.issuer.text, "CN=a");
    }
  });
}
