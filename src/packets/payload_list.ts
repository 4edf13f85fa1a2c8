// What the payloads of SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK share: each is a list that is
// never empty, of Topic Filters or of Reason Codes.

import { topicFilterFault } from "../topics.ts";
import { checkArray, forbidden } from "../wire/checks.ts";
import type { Field } from "../wire/field.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { ReasonCode } from "./reason_codes.ts";

/** A payload that is a list, each element read and written by the functions given. */
export class PayloadList<Element, ElementInit = Element> {
  readonly #field: Field;
  readonly #rule: string;
  readonly #read: (reader: Reader) => Element;
  readonly #write: (writer: Writer, element: ElementInit) => void;
  readonly #isOfFilters: boolean;

  /** `statement` is the normative statement that forbids an empty list, where there is one. */
  constructor(
    field: Field,
    statement: string | undefined,
    read: (reader: Reader) => Element,
    write: (writer: Writer, element: ElementInit) => void,
    of: "Topic Filters" | "Reason Codes",
  ) {
    this.#field = field;
    this.#rule = `is empty${statement === undefined ? "" : ` [${statement}]`}`;
    this.#read = read;
    this.#write = write;
    this.#isOfFilters = of === "Topic Filters";
  }

  /** Reads elements up to the end of the packet. */
  read(reader: Reader): Element[] {
    if (reader.remaining === 0) {
      reader.notAllowed(this.#field, this.#rule, ReasonCode.protocolError, reader.position);
    }
    const elements: Element[] = [];
    while (reader.remaining > 0) {
      if (this.#isOfFilters && elements.length >= reader.mostFilters) {
        const rule = `has more than ${reader.mostFilters} Topic Filters, the most this end takes`;
        reader.notAllowed(this.#field, rule, ReasonCode.quotaExceeded);
      }
      elements.push(this.#read(reader));
    }
    return elements;
  }

  /** Writes all elements. */
  write(writer: Writer, elements: readonly ElementInit[]): void {
    checkArray(this.#field, elements);
    if (elements.length === 0) throw forbidden(this.#field, this.#rule);
    for (const element of elements) this.#write(writer, element);
  }
}

/** Reads a Topic Filter (§4.7). */
export function readTopicFilter(reader: Reader, field: Field<string>): string {
  const topicFilter = reader.utf8String(field);
  const fault = topicFilterFault(topicFilter);
  if (fault !== undefined) reader.malformed(field, fault);
  return topicFilter;
}

/** Writes a Topic Filter (§4.7). */
export function writeTopicFilter(writer: Writer, field: Field<string>, topicFilter: string): void {
  writer.utf8String(field, topicFilter);
  const fault = topicFilterFault(topicFilter);
  if (fault !== undefined) throw forbidden(field, fault);
}
