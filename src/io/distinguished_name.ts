// Distinguished names of certificates (X.501), read from DER and written as text (RFC 4514). The
// texts that the runtimes make differ, and one does not escape characters that can make one name
// look like another.

/** A name in a certificate. */
export interface DistinguishedName {
  /** The values by short attribute name; the first one where an attribute is repeated. */
  readonly values: Readonly<Record<string, string>>;
  /** Such as `"CN=device-7,O=Acme"`: the last attribute comes first (RFC 4514, §2.1). */
  readonly text: string;
}

/** Short names of attributes: those of RFC 4514, §3, and others in common use. */
const KINDS: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.42": "GN",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

/** The encodings of ASN.1 strings, by tag. */
const ENCODINGS: Readonly<Record<number, string>> = {
  0x0c: "utf-8",
  0x12: "utf-8",
  0x13: "utf-8",
  0x14: "latin1",
  0x16: "utf-8",
  0x1e: "utf-16be",
};

/**
 * Reads the subject and the issuer of a certificate in DER. It must have been verified, so that it
 * is well-formed.
 */
export function namesOf(
  certificate: Uint8Array,
): { readonly subject: DistinguishedName; readonly issuer: DistinguishedName } {
  const [toBeSigned] = elementsOf(elementsOf(certificate)[0]!.content);
  const fields = elementsOf(toBeSigned!.content);
  // The version is optional.
  const [, , issuer, , subject] = fields[0]!.tag === 0xa0 ? fields.slice(1) : fields;
  return { subject: nameOf(subject!.content), issuer: nameOf(issuer!.content) };
}

function nameOf(content: Uint8Array): DistinguishedName {
  const values: Record<string, string> = {};
  const parts = elementsOf(content).map(({ content }) =>
    elementsOf(content).map((attribute) => {
      const [type, value] = elementsOf(attribute.content);
      const oid = oidOf(type!.content);
      const kind = KINDS[oid] ?? oid;
      const text = textOf(value!);
      if (text !== undefined) values[kind] ??= text;
      return `${kind}=${text === undefined ? `#${hex(value!.whole)}` : escaped(text)}`;
    }).join("+")
  );
  return { values, text: parts.reverse().join(",") };
}

/** One element of DER. */
interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

function elementsOf(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const begin = at;
    const tag = bytes[at++]!;
    let length = bytes[at++]!;
    if (length > 0x80) {
      const end = at + (length & 0x7f);
      for (length = 0; at < end; at++) length = length * 256 + bytes[at]!;
    }
    const content = bytes.subarray(at, at + length);
    at += length;
    elements.push({ tag, content, whole: bytes.subarray(begin, at) });
  }
  return elements;
}

function oidOf(content: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...rest].join(".");
}

function textOf({ tag, content }: Element): string | undefined {
  const encoding = ENCODINGS[tag];
  return encoding === undefined ? undefined : new TextDecoder(encoding).decode(content);
}

/** Escapes a value (RFC 4514, §2.4), and also control characters, which a log must not contain. */
function escaped(text: string): string {
  return text
    .replaceAll(/["+,;<>\\]/g, "\\$&")
    .replace(/^[ #]/, "\\$&")
    .replace(/(?<!^) $/, "\\ ")
    .replaceAll(/\p{Cc}/gu, (character) => {
      const bytes = new TextEncoder().encode(character);
      return Array.from(bytes, (byte) => `\\${hex(Uint8Array.of(byte))}`).join("");
    });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
