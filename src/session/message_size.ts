// How large a message is: what its Topic Name, its payload and its properties take as they are
// encoded.

/** The bytes of an identifier of a property, and of a number in it at most. */
const NUMBER = 5;

/** The bytes of an identifier, and of the length of a text or of bytes. */
const LENGTH = 3;

/** A text this short is not looked at: twice its length is not much. */
const SHORT = 64;

/** About how many bytes a text takes: two for each character, where one is no Latin one. */
export function textBytes(text: string): number {
  const { length } = text;
  return length > SHORT && /[^\0-\xff]/.test(text) ? 2 * length : length;
}

/** About how many bytes a message takes on the wire. */
export function messageSize({ topic, payload, properties }: Content): number {
  const size = textBytes(topic) + (payload?.length ?? 0);
  return properties === undefined ? size : size + propertiesSize(properties);
}

/** What a PUBLISH and a Will have. */
interface Content {
  readonly topic: string;
  readonly payload?: Uint8Array | undefined;
  readonly properties?: object | undefined;
}

function propertiesSize(properties: object): number {
  let size = 0;
  for (const name in properties) size += sizeOf(properties[name as keyof typeof properties]);
  return size;
}

/** How many elements the properties with several have: each is an object of its own in memory. */
export function elementsOf(properties: object): number {
  let count = 0;
  for (const name in properties) {
    const value: unknown = properties[name as keyof typeof properties];
    if (Array.isArray(value)) count += value.length;
  }
  return count;
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return LENGTH + textBytes(value);
  if (value instanceof Uint8Array) return LENGTH + value.length;
  if (!Array.isArray(value)) return value === undefined ? 0 : NUMBER;
  let size = 0;
  for (const element of value) {
    size += Array.isArray(element)
      ? LENGTH + textBytes(element[0]) + 2 + textBytes(element[1])
      : NUMBER;
  }
  return size;
}
