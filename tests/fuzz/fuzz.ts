// Any bytes give packets or one of two errors. This makes bytes, reasonable and not, from a seed, and checks that sentence
// and what follows from it. The same seed makes the same bytes, so a failure can be had again.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "../npm/fast_check.ts";
import { concat } from "jsr:@std/bytes@^1/concat";
import {
  decodePacket,
  encodePacket,
  explainPacket,
  MalformedPacketError,
  type Packet,
  PacketDecoder,
  type PacketFault,
  ProtocolError,
} from "../../mod.ts";
import { hexOf } from "../hex.ts";
import { anyPacket } from "../packets/arbitraries.ts";

/** What one input came to. */
export interface Outcome {
  /** The packets before the fault, or all of them. */
  readonly packets: readonly Packet[];
  /** Why no more packets follow; `undefined` when the bytes end in the middle of a packet, or after one. */
  readonly fault: Fault | undefined;
  /** Why the stream may not end here; `undefined` when it may, or there is a fault already. */
  readonly endFault: Fault | undefined;
}

/** What one of the two errors says, all but where in our code it was made. */
export interface Fault extends PacketFault {
  /** `"MalformedPacketError"` or `"ProtocolError"`. */
  readonly name: string;
  /** The Reason Code. */
  readonly reasonCode: number;
}

/** A source of numbers that look random and are the same for the same seed. */
export interface Random {
  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number;
}

/** An endless fuzzer: call it for one more input. It throws at the first that breaks an invariant, and says how to repeat it. */
export function fuzzer(seed: number): () => Outcome {
  const corpus = corpusOf(seed);
  let iteration = 0;
  return () => {
    // Each iteration has its own numbers: one can be repeated without those before it.
    const random = randomFrom(seed ^ Math.imul(++iteration, 0x9e37_79b1));
    const bytes = inputFrom(random, corpus);
    try {
      return checkBytes(bytes, random);
    } catch (cause) {
      throw new Error(
        `Fuzzing failed with seed ${seed} in iteration ${iteration}, bytes ${hexOf(bytes)}`,
        { cause },
      );
    }
  };
}

/** Packets of every kind, as bytes. */
export function corpusOf(seed: number): readonly Uint8Array[] {
  return fc.sample(anyPacket, { seed, numRuns: 500 })
    .map((packet): Uint8Array => encodePacket(packet))
    .filter(({ length }) => length <= LONGEST_SEED);
}

/** Packets of the corpus are no longer than this: speed is worth more than the largest of them. */
const LONGEST_SEED = 1000;

/**
 * Checks all that must hold for these bytes, whatever they are. `random` chooses how they are cut, and a Maximum Packet
 * Size.
 */
export function checkBytes(bytes: Uint8Array, random: Random): Outcome {
  const outcome = decode([poisoned(bytes, 0x00)]);
  assertEquals(decode([poisoned(bytes, 0xff)]), outcome, "depends on bytes outside its input");
  assertEquals(decode(cut(bytes, random)), outcome, "depends on how the bytes are cut");
  checkOneByOne(bytes, outcome);
  checkLimit(bytes, outcome, 2 + random.below(bytes.length + 10));
  for (const packet of outcome.packets) {
    assertEquals(decodePacket(encodePacket(packet)), packet, "changes when it is encoded again");
  }
  return outcome;
}

/** What a decoder makes of the chunks. Anything else than a packet or one of the two errors is thrown. */
function decode(chunks: readonly Uint8Array[], maximumPacketSize?: number): Outcome {
  const decoder = new PacketDecoder({ maximumPacketSize });
  const packets: Packet[] = [];
  const fault = faultOf(() => {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        packets.push(packet);
      }
    }
  });
  if (fault !== undefined) {
    assertEquals(faultOf(() => decoder.next()), fault, "goes on after a fault");
    return { packets, fault, endFault: undefined };
  }
  const endFault = faultOf(() => decoder.end());
  if (endFault !== undefined) assertStrictEquals(endFault.name, "MalformedPacketError");
  return { packets, fault, endFault };
}

/** The functions for a single packet agree with the decoder of a stream. */
function checkOneByOne(bytes: Uint8Array, { packets, fault, endFault }: Outcome): void {
  let rest = bytes;
  for (const packet of packets) {
    const explanation = explainPacket(rest);
    assertEquals(explanation.packet, packet, "is explained as another packet");
    assertStrictEquals(explanation.fault, undefined, "has a fault only when it is explained");
    assertEquals(decodePacket(poisoned(explanation.bytes, 0xff)), packet, "decodes to another");
    let offset = 0;
    for (const field of explanation.fields) {
      assertStrictEquals(field.offset, offset, `${field.name} is not where the last field ended`);
      offset += field.length;
    }
    assertStrictEquals(offset, explanation.bytes.length, "is not explained to its end");
    rest = rest.subarray(offset);
  }
  if (fault !== undefined) {
    const explained = plain(explainPacket(rest).fault);
    assertEquals(explained, fault, "has another fault when it is explained");
  } else if (endFault !== undefined) {
    assertEquals(faultOf(() => decodePacket(rest)), endFault, "is cut off, which goes unnoticed");
    assert(explainPacket(rest).fault !== undefined, "is cut off, and explained as if whole");
  } else assertStrictEquals(rest.length, 0, "is left over");
}

/** With a Maximum Packet Size, the packets up to the first that is larger, and that one is refused with 0x95. */
function checkLimit(bytes: Uint8Array, { packets, fault }: Outcome, maximumPacketSize: number) {
  const limited = decode([bytes], maximumPacketSize);
  let rest = bytes;
  const sizes = packets.map(() => {
    const size = explainPacket(rest).bytes.length;
    rest = rest.subarray(size);
    return size;
  });
  const tooLarge = sizes.findIndex((size) => size > maximumPacketSize);
  if (tooLarge < 0) {
    assertEquals(limited.packets, packets, "is refused though no larger than allowed");
    if (limited.fault?.reasonCode !== 0x95) assertEquals(limited.fault, fault);
  } else {
    assertEquals(limited.packets, packets.slice(0, tooLarge));
    assertStrictEquals(limited.fault?.reasonCode, 0x95, "is taken though larger than allowed");
  }
}

/** The fault that a call ends with, if it does. Any other error is thrown on. */
function faultOf(call: () => unknown): Fault | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return plain(error);
  }
}

function plain(error: unknown): Fault {
  if (error instanceof MalformedPacketError) assertStrictEquals(error.reasonCode, 0x81);
  else if (error instanceof ProtocolError) assert(error.reasonCode > 0x81);
  else throw error;
  const { name, reasonCode, packetType, field, offset, rule, section } = error;
  return { name, reasonCode, packetType, field, offset, rule, section };
}

/** The same bytes, with others before and after them that nobody may read. */
function poisoned(bytes: Uint8Array, poison: number): Uint8Array {
  const surrounded = new Uint8Array(bytes.length + 16).fill(poison);
  surrounded.set(bytes, 8);
  return surrounded.subarray(8, 8 + bytes.length);
}

/** The same bytes in chunks, some empty, with poison between them. */
function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const longest = choose(random, [1, 4, 32, bytes.length]);
  const room = new Uint8Array(bytes.length * 2 + 1).fill(random.below(0x100));
  const chunks: Uint8Array[] = [];
  for (let start = 0, at = 1; start < bytes.length;) {
    const part = bytes.subarray(start, start + random.below(longest + 1));
    room.set(part, at);
    chunks.push(room.subarray(at, at + part.length));
    start += part.length;
    if (part.length > 0) at += part.length + 1;
  }
  return chunks;
}

/** Bytes of one of three kinds: random ones, valid packets spoilt, and fixed headers that fit random bodies. */
function inputFrom(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  const kind = random.below(20);
  if (kind === 0) return randomBytes(random, random.below(200));
  if (kind <= 3) return framedGarbage(random);
  let bytes = choose(random, corpus);
  for (let more = random.below(3); more > 0; more--) {
    bytes = concat([bytes, choose(random, corpus)]);
  }
  for (let count = random.below(4); count > 0; count--) bytes = mutated(random, bytes, corpus);
  return bytes;
}

function framedGarbage(random: Random): Uint8Array {
  const body = randomBytes(random, random.below(60));
  // Small numbers make for lengths, identifiers and flags that go on for longer before they fail.
  for (let index = 0; index < body.length; index++) {
    if (random.below(3) > 0) body[index] = random.below(8);
  }
  const type = 1 + random.below(15);
  const flags = type === 3 ? random.below(16) : [6, 8, 10].includes(type) ? 2 : 0;
  return concat([Uint8Array.of(type << 4 | flags, body.length), body]);
}

/** One of the ways to spoil bytes. */
const MUTATIONS: readonly ((
  random: Random,
  bytes: Uint8Array,
  corpus: readonly Uint8Array[],
) => Uint8Array)[] = [
  function flipBit(random, bytes) {
    return replaced(bytes, random, (byte) => byte ^ 1 << random.below(8));
  },
  function replaceByte(random, bytes) {
    return replaced(bytes, random, () => choose(random, TELLING_BYTES) ?? random.below(0x100));
  },
  function nudgeByte(random, bytes) {
    return replaced(bytes, random, (byte) => byte + random.below(5) - 2);
  },
  function insert(random, bytes) {
    const at = random.below(bytes.length + 1);
    const inserted = randomBytes(random, 1 + random.below(4));
    return concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
  },
  function remove(random, bytes) {
    const at = random.below(bytes.length + 1);
    return concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
  },
  function truncate(random, bytes) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function repeat(random, bytes) {
    const start = random.below(bytes.length + 1);
    const end = start + random.below(20);
    return concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  function splice(random, bytes, corpus) {
    const other = choose(random, corpus);
    const start = random.below(bytes.length + 1);
    const from = random.below(other.length + 1);
    const copied = other.subarray(from, from + random.below(30));
    return concat([bytes.subarray(0, start), copied, bytes.subarray(start + copied.length)]);
  },
  function fitLength(random, bytes) {
    // A Remaining Length that fits lets the damage inside be seen.
    const body = bytes.subarray(2, 2 + random.below(0x80));
    return concat([Uint8Array.of(bytes[0] ?? 0, body.length), body]);
  },
  function growWithLength(random, bytes) {
    const [first = 0, length = 0] = bytes;
    const inserted = randomBytes(random, 1 + random.below(4));
    if (length + inserted.length >= 0x80) return bytes;
    const at = 2 + random.below(length + 1);
    const header = Uint8Array.of(first, length + inserted.length);
    return concat([header, bytes.subarray(2, at), inserted, bytes.subarray(at)]);
  },
];

/** Bytes with a meaning: bounds of lengths, wildcards, a zero character, the first bytes of long characters. */
const TELLING_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x23, 0x2b, 0x2f, 0xc0, 0xed, 0xef, 0xf4];

/** Bytes, spoilt in one way. */
export function mutated(
  random: Random,
  bytes: Uint8Array,
  corpus: readonly Uint8Array[],
): Uint8Array {
  return choose(random, MUTATIONS)(random, bytes, corpus);
}

function replaced(bytes: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  const changed = bytes.slice();
  // The beginning, where the structure is, is spoilt as often as all the rest.
  const at = random.below(random.below(2) === 0 ? Math.min(16, bytes.length) : bytes.length);
  changed[at] = change(changed[at] ?? 0);
  return changed;
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(0x100));
}

function choose<Element>(random: Random, elements: readonly Element[]): Element {
  return elements[random.below(elements.length)]!;
}

/** Mulberry32: 32 bits of state, good enough to choose with. */
function randomFrom(seed: number): Random {
  let state = seed | 0;
  return {
    below(limit: number): number {
      state = state + 0x6d2b_79f5 | 0;
      let mixed = Math.imul(state ^ state >>> 15, 1 | state);
      mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
      return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 0x1_0000_0000 * limit);
    },
  };
}
