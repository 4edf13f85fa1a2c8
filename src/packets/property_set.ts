// §2.2.2 Properties, read and written by the rows of Table 2-4.

import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkObject,
  forbidden,
  wrongType,
} from "../wire/checks.ts";
import { byteCount, type Field } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { packetName } from "./packet_types.ts";
import {
  boundsOf,
  PROPERTIES,
  type PropertiesOf,
  type PropertyHolder,
  type PropertyRow,
  type PropertyValues,
  type ReceivedPropertiesOf,
} from "./properties.ts";
import { ReasonCode } from "./reason_codes.ts";

/** What a decoded packet without properties has. */
export const NO_PROPERTIES: object = Object.freeze({});

type AnyValue = PropertyValues[keyof PropertyValues];

/** A property as a field of one kind of packet. */
interface PropertyField extends Field<never> {
  /** Its name in `properties`. */
  readonly property: string;
  readonly id: number;
  readonly is: keyof PropertyValues;
  readonly isArray: boolean;
  readonly mayRepeat: boolean;
  readonly minimum: number;
  readonly maximum: number;
  readonly outOfBounds: number;
  readonly needs: string | undefined;
  readonly fault: ((value: never) => string | undefined) | undefined;
  /** Its own bit in the set of properties that a packet has had. */
  readonly bit: number;
}

const PROPERTY_IDENTIFIER: Field<number> = {
  key: "properties",
  name: "Property Identifier",
  section: "2.2.2.2",
  isCode: true,
  means: (id) => rowOf(id)?.name ?? "not a property of MQTT 5.0",
};

/** The properties that one kind of packet, or the Will, may have. */
export class PropertySet<Holder extends PropertyHolder> {
  readonly #holder: string;
  readonly #length: Field<number>;
  readonly #byId: readonly (PropertyField | undefined)[];
  readonly #byName: ReadonlyMap<string, PropertyField>;

  /** `section` of the standard defines the Property Length. */
  constructor(holder: Holder, section: string) {
    const path = holder === "will" ? "will.properties" : "properties";
    const fields = Object.entries<PropertyRow>(PROPERTIES)
      .filter(([, row]) => row.in[holder] !== undefined)
      .map(([property, row], index) => fieldOf(path, property, row, holder, 1 << index));
    const byId: (PropertyField | undefined)[] = [];
    for (const field of fields) byId[field.id] = field;
    this.#holder = holder === "will" ? "a Will" : packetName(holder);
    this.#length = {
      key: path,
      name: holder === "will" ? "Will Property Length" : "Property Length",
      section,
      means: (value) => value === 0 ? "no properties" : `${byteCount(value)} of properties`,
    };
    this.#byId = Array.from(byId);
    this.#byName = new Map(fields.map((field) => [field.property, field]));
  }

  /** The properties from their length on, each checked. */
  read(reader: Reader): ReceivedPropertiesOf<Holder> {
    if (reader.protocolVersion < 5) return NO_PROPERTIES as ReceivedPropertiesOf<Holder>;
    const length = reader.variableByteInteger(this.#length);
    if (length === 0) return NO_PROPERTIES as ReceivedPropertiesOf<Holder>;
    if (length > reader.remaining) {
      reader.malformed(
        this.#length,
        `is ${length}, but the packet ends after ${byteCount(reader.remaining)}`,
      );
    }
    const packetEnd = reader.end;
    const end = reader.end = reader.offset + length;
    const properties: Record<string, AnyValue | AnyValue[]> = {};
    let seen = 0;
    let dependent: { readonly field: PropertyField; readonly position: number } | undefined;
    while (reader.offset < end) {
      const field = this.#readIdentifier(reader);
      const again = (seen & field.bit) !== 0;
      if (again && !field.mayRepeat) {
        reader.notAllowed(PROPERTY_IDENTIFIER, `repeats ${field.name}, which may appear only once`);
      }
      seen |= field.bit;
      const value = readValue(reader, field);
      if (!field.isArray) properties[field.property] = value;
      else if (again) {
        const values = properties[field.property] as AnyValue[];
        if (values.push(value) > reader.mostUserProperties && field.is === "utf8StringPair") {
          const rule =
            `is there more than ${reader.mostUserProperties} times, the most this end takes`;
          reader.notAllowed(field, rule, ReasonCode.quotaExceeded);
        }
      } else properties[field.property] = [value];
      if (field.needs !== undefined) dependent = { field, position: reader.fieldPosition };
    }
    reader.end = packetEnd;
    if (dependent !== undefined && properties[dependent.field.needs!] === undefined) {
      const { field, position } = dependent;
      reader.notAllowed(field, alone(field), ReasonCode.protocolError, position);
    }
    return properties as ReceivedPropertiesOf<Holder>;
  }

  /** The properties of a packet that ends before their length. */
  leftOut(reader: Reader): ReceivedPropertiesOf<Holder> {
    reader.leftOut(this.#length, 0);
    return NO_PROPERTIES as ReceivedPropertiesOf<Holder>;
  }

  #readIdentifier(reader: Reader): PropertyField {
    const id = reader.variableByteInteger(PROPERTY_IDENTIFIER);
    const field = this.#byId[id];
    if (field !== undefined) return field;
    const known = rowOf(id);
    return reader.malformed(
      PROPERTY_IDENTIFIER,
      known === undefined
        ? `is ${id}, which is not a property of MQTT 5.0`
        : `is ${id}, ${known.name}, which ${this.#holder} may not have`,
    );
  }

  /**
   * Writes the properties after their length [MQTT-2.2.2-1] and returns how many bytes they take.
   * An older version has neither.
   */
  write(writer: Writer, properties: PropertiesOf<Holder> | undefined): number {
    if (writer.protocolVersion < 5) return 0;
    // Nearly always.
    if (properties === undefined || properties === NO_PROPERTIES) {
      writer.byte(0);
      return 0;
    }
    const hole = writer.openLength();
    const start = writer.length;
    checkObject(this.#length, properties);
    for (const name in properties) {
      const value: unknown = properties[name as keyof typeof properties];
      if (value !== undefined) this.#write(writer, name, value, properties);
    }
    const length = writer.length - start;
    writer.closeLength(this.#length, hole);
    return length;
  }

  #write(writer: Writer, name: string, value: unknown, properties: PropertiesOf<Holder>): void {
    const field = this.#byName.get(name);
    if (field === undefined) {
      const rule = Object.hasOwn(PROPERTIES, name)
        ? `does not belong in ${this.#holder}`
        : "is not a property of MQTT 5.0";
      throw new TypeError(`${this.#length.key}.${name} ${rule}`);
    }
    if (
      field.needs !== undefined &&
      (properties as Record<string, unknown>)[field.needs] === undefined
    ) {
      throw forbidden(field, alone(field));
    }
    if (!field.isArray) {
      writeValue(writer, field, value as AnyValue);
      return;
    }
    const values = value as readonly AnyValue[];
    checkArray(field, values);
    if (values.length > 1 && !field.mayRepeat) {
      throw forbidden(field, `may have only one element in ${this.#holder}`);
    }
    for (const value of values) writeValue(writer, field, value);
  }
}

function alone(field: PropertyField): string {
  return `is not allowed without ${
    (PROPERTIES as Record<string, PropertyRow>)[field.needs!]!.name
  }`;
}

function fieldOf(
  path: string,
  property: string,
  row: PropertyRow,
  holder: PropertyHolder,
  bit: number,
): PropertyField {
  const [minimum, maximum] = boundsOf(row);
  return {
    key: `${path}.${property}`,
    name: row.name,
    section: row.in[holder]!,
    ...row.means && { means: row.means },
    property,
    id: row.id,
    is: row.is,
    isArray: row.repeats !== undefined,
    mayRepeat: row.repeats?.includes(holder) ?? false,
    minimum,
    maximum,
    outOfBounds: row.outOfBounds ?? ReasonCode.protocolError,
    needs: row.needs,
    fault: row.fault,
    bit,
  };
}

function rowOf(id: number): PropertyRow | undefined {
  return Object.values<PropertyRow>(PROPERTIES).find((row) => row.id === id);
}

function readValue(reader: Reader, field: PropertyField): AnyValue {
  switch (field.is) {
    case "byte":
      return bounded(reader, field, reader.byte(field));
    case "boolean":
      return reader.boolean(field);
    case "twoByteInteger":
      return bounded(reader, field, reader.twoByteInteger(field));
    case "fourByteInteger":
      return bounded(reader, field, reader.fourByteInteger(field));
    case "variableByteInteger":
      return bounded(reader, field, reader.variableByteInteger(field));
    case "utf8String": {
      const value = reader.utf8String(field);
      const fault = field.fault?.(value as never);
      if (fault === undefined) return value;
      if (reader.passesResponseTopics && field.property === "responseTopic") return value;
      return reader.notAllowed(field, fault);
    }
    case "binaryData":
      return reader.binaryData(field);
    case "utf8StringPair":
      return reader.utf8StringPair(field);
    default:
      return field.is satisfies never;
  }
}

function bounded(reader: Reader, field: PropertyField, value: number): number {
  if (value < field.minimum || value > field.maximum) {
    reader.notAllowed(
      field,
      `is ${value}, not from ${field.minimum} to ${field.maximum}`,
      field.outOfBounds,
    );
  }
  return value;
}

function writeValue(writer: Writer, field: PropertyField, value: AnyValue): void {
  writer.byte(field.id);
  switch (field.is) {
    case "byte":
      checkBounds(field, value);
      return writer.byte(value as number);
    case "boolean":
      checkBoolean(field, value as boolean);
      return writer.byte(value === true ? 1 : 0);
    case "twoByteInteger":
      checkBounds(field, value);
      return writer.twoByteInteger(field, value as number);
    case "fourByteInteger":
      checkBounds(field, value);
      return writer.fourByteInteger(field, value as number);
    case "variableByteInteger":
      checkBounds(field, value);
      return writer.variableByteInteger(field, value as number);
    case "utf8String": {
      if (typeof value !== "string") throw wrongType(field, value, "a string");
      const fault = field.fault?.(value as never);
      if (fault !== undefined) throw forbidden(field, fault);
      return writer.utf8String(field, value);
    }
    case "binaryData":
      return writer.binaryData(field, value as Uint8Array);
    case "utf8StringPair":
      return writer.utf8StringPair(field, value as readonly [string, string]);
    default:
      return field.is satisfies never;
  }
}

function checkBounds(field: PropertyField, value: AnyValue): void {
  checkInteger(field, value as number, field.minimum, field.maximum);
}
