// MQTT 3.1.1 and 3.1: what they call the fields that MQTT 5.0 has, too, and where the text of 3.1.1
// defines them. How their packets differ stands with each packet: they have no properties, and no
// Reason Codes but in CONNACK and SUBACK.

import { MalformedPacketError, type PacketError, ProtocolError } from "../errors.ts";

/** The text by which packets of both are explained: that of 3.1 has no numbers. */
export const OLDER_EDITION = "MQTT 3.1.1";

/** Sections of MQTT 5.0 that have another number in MQTT 3.1.1. */
const SECTIONS: Readonly<Record<string, string>> = {
  "2.1": "2.2",
  "2.1.1": "2.2",
  "2.1.2": "2.2.1",
  "2.1.3": "2.2.2",
  "2.1.4": "2.2.3",
  "2.2.1": "2.3.1",
  "3.1.3.3": "3.1.3.2",
  "3.1.3.4": "3.1.3.3",
  "3.1.3.5": "3.1.3.4",
  "3.1.3.6": "3.1.3.5",
  "3.2.2.1.1": "3.2.2.2",
  "3.8.3.1": "3.8.3",
  "4.13.1": "4.8",
};

/** Fields with another name. */
const NAMES: Readonly<Record<string, string>> = {
  "Protocol Version": "Protocol Level",
  "Clean Start": "Clean Session",
  "Will Payload": "Will Message",
};

/** Normative statements of MQTT 5.0 and those of MQTT 3.1.1 that say the same. */
const STATEMENTS: Readonly<Record<string, string>> = {
  "1.5.4-1": "1.5.3-1",
  "1.5.4-2": "1.5.3-2",
  "2.1.3-1": "2.2.2-2",
  "2.2.1-2": "2.3.1-5",
  "2.2.1-3": "2.3.1-1",
  "3.1.0-1": "3.1.0-1",
  "3.1.0-2": "3.1.0-2",
  "3.1.2-1": "3.1.2-1",
  "3.1.2-2": "3.1.2-2",
  "3.1.2-3": "3.1.2-3",
  "3.1.2-11": "3.1.2-13",
  "3.1.2-12": "3.1.2-14",
  "3.1.2-13": "3.1.2-15",
  "3.2.2-6": "3.2.2-4",
  "3.3.1-2": "3.3.1-2",
  "3.3.1-4": "3.3.1-4",
  "3.8.3-2": "3.8.3-3",
  "3.8.3-5": "3.8.3-4",
  "3.9.3-2": "3.9.3-2",
  "3.10.3-2": "3.10.3-2",
  "4.7.0-1": "4.7.1-1",
  "4.7.1-1": "4.7.1-2",
  "4.7.1-2": "4.7.1-3",
  "4.7.3-1": "4.7.3-1",
  "4.7.3-2": "4.7.3-2",
  "4.7.3-3": "4.7.3-3",
};

/** A field, or some bits, as MQTT 3.1.1 names it and where it defines it. */
export function inOlderWords<Part extends { readonly name: string; readonly section: string }>(
  part: Part,
): Part {
  const { name, section } = part;
  return { ...part, name: NAMES[name] ?? name, section: SECTIONS[section] ?? section };
}

/** A fault in a packet of an older version, as MQTT 3.1.1 says it. */
export function inOlderStatements(error: PacketError): PacketError {
  if (error.edition !== undefined) return error;
  const { packetType, offset, protocolVersion, reasonCode } = error;
  const { name: field, section } = inOlderWords({ name: error.field, section: error.section });
  const rule = error.rule.replaceAll(/ \[MQTT-([\d.]+-\d+)\]/g, (_, id: string) => {
    const statement = STATEMENTS[id];
    return statement === undefined ? "" : ` [MQTT311-${statement}]`;
  });
  const fault = { packetType, field, offset, rule, section, protocolVersion };
  const older = { ...fault, edition: OLDER_EDITION };
  return error instanceof MalformedPacketError
    ? new MalformedPacketError(older)
    : new ProtocolError(older, reasonCode);
}
