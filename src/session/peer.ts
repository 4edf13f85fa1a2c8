// Who is at the other end of a Network Connection, as far as the connection itself tells.

/** A client's certificate, which has been verified. */
export interface PeerCertificate {
  /**
   * Its subject by short names such as `CN`, `O` and `OU`; of several values the one that comes
   * first in it.
   */
  readonly subject: Readonly<Record<string, string>>;
  /** Its whole subject as text (RFC 4514): `"CN=device-7,O=Acme"`. */
  readonly subjectText: string;
  /** Who has signed it, in the same way. */
  readonly issuer: Readonly<Record<string, string>>;
  /** The same as text. */
  readonly issuerText: string;
  /** In hexadecimal digits. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate: 32 bytes in hexadecimal digits, with colons between them. */
  readonly fingerprint256: string;
}

/** The other end of a Network Connection. */
export interface PeerInfo {
  /** Where it connects from. */
  readonly address: string;
  /** The URL of the listener that it has reached. */
  readonly listener?: string | undefined;
  /** Its certificate, if it has shown one. */
  readonly certificate?: PeerCertificate | undefined;
  /**
   * The User Name that its certificate gives it, in place of CONNECT's; `""` when the certificate
   * has no such name.
   */
  readonly certificateUsername?: string | undefined;
  /** The origin of the page that a WebSocket belongs to, once it is open. */
  readonly origin?: string | undefined;
}
