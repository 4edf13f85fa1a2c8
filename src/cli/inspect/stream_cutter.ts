// One direction of a connection, cut into packets by their fixed headers alone (§2.1), so that it
// does for every version of MQTT. Of a large packet the beginning is kept; what is no packet comes
// as bytes. All bytes come out again for a capture, in order, with `*` in place of what is secret.

import { concat } from "jsr:@std/bytes@^1/concat";
import { FIRST_BYTE } from "../../packets/packet_types.ts";
import { HttpMask, isCapital, isHttp } from "./http_secrets.ts";
import { headerLength, isStrange, isTls, LONGEST_HEADER, sizeOf } from "./packet_header.ts";
import { PacketStore } from "./packet_store.ts";
import { mask, masked, mayHaveSecrets, type Outline, outlineOf } from "./secrets.ts";

/** A packet, or bytes that are none. */
export interface Piece {
  /** Its first byte, counted from the beginning of the direction. */
  readonly start: number;
  /** How many bytes it has, or how many there are of one that was cut off. */
  readonly size: number;
  /** Its bytes, or the first of them. Nobody writes over them later. */
  readonly bytes: Uint8Array;
  /** Whether it is a packet by its fixed header. */
  readonly isPacket: boolean;
  /** Whether it is there to its end. */
  readonly isWhole: boolean;
  /** What it says of itself, if it may have secrets. */
  readonly outline: Outline | undefined;
}

/** Takes what comes out. */
export interface PieceSink {
  /** A packet is whole, or bytes are no packet. */
  piece(piece: Piece): void;
  /** The next bytes of the direction. They change once the chunk that they came in does. */
  bytes(bytes: Uint8Array): void;
}

/** How many bytes of a packet are kept. */
export const KEPT = 65_536;

/** A packet with secrets is held back until it is whole; a larger one is hidden to its end. */
const LARGEST_HELD = 1_048_576;

const NOTHING = new Uint8Array(0);

/** How many letters tell HTTP: each method has as many, but PUT. */
const HTTP_BEGINNING = 3;

/** The first letter of POST, PUT and PATCH, and the first byte of a PUBREC. */
const P = 0x50;

/** Cuts one direction into packets. */
export class StreamCutter {
  readonly #sink: PieceSink;
  readonly #hides: boolean;
  readonly #store: PacketStore;
  /** How many bytes have come. */
  #position = 0;
  /** The packet at hand: its first byte, what is kept of it, and its size, once that is known. */
  #start = 0;
  #kept: Uint8Array[] = [];
  #keptLength = 0;
  #size: number | undefined;
  /** Whether the packet at hand may have secrets, so that none of its bytes have come out yet. */
  #isHeldBack = false;
  /** How many bytes of a packet that is too large to be held back have come out. */
  #hidden = 0;
  /** Whether packets can be told apart. */
  #isReadable = true;
  /** Whether all that follows is secret. */
  #isSecret = false;
  /** Hides what is secret in bytes that are HTTP. */
  #http: HttpMask | undefined;

  /** With `hides`, secrets are replaced. `store` may be that of other directions, too. */
  constructor(hides: boolean, sink: PieceSink, store: PacketStore = new PacketStore()) {
    this.#hides = hides;
    this.#sink = sink;
    this.#store = store;
  }

  /** How many bytes of a packet that is not whole yet have come. */
  get pending(): number {
    return this.#position - this.#start;
  }

  /** Takes the next bytes. They may change afterwards. */
  push(chunk: Uint8Array): void {
    /** What has not come out yet begins here. */
    let from = 0;
    for (let at = 0; at < chunk.length;) {
      if (!this.#isReadable) {
        this.#out(chunk.subarray(from, at));
        return this.#strange(chunk.subarray(at));
      }
      if (this.pending === 0) {
        this.#isHeldBack = this.#hides && mayHaveSecrets(chunk[at]!);
        if (this.#isHeldBack) this.#out(chunk.subarray(from, at));
      }
      at += this.#take(chunk, at);
      if (this.#isHeldBack) from = at;
      if (this.#size === this.pending) this.#end(true);
    }
    this.#out(chunk.subarray(from));
    // Nothing has come yet behind what was found to be no packet.
    if (!this.#isReadable && this.pending > 0) this.#strange(NOTHING);
  }

  /** Nothing more comes: what there is of a packet comes out as it is. */
  end(): void {
    if (this.pending > 0) this.#end(false);
    this.#isReadable = false;
  }

  /** Some bytes are missing here, so that nobody knows where the next packet begins. */
  skip(count: number): void {
    this.end();
    this.#position += count;
    this.#start = this.#position;
  }

  /** Takes bytes of the packet at hand, up to its end; returns how many. */
  #take(chunk: Uint8Array, at: number): number {
    // Most packets begin and are whole in one chunk.
    if (this.#keptLength === 0 && !this.#isMethod(chunk, at)) this.#size = sizeOf(chunk, at);
    if (this.#size === undefined) {
      const more = chunk.subarray(at, at + LONGEST_HEADER - this.#keptLength);
      const header = this.#keptLength === 0 ? more : concat([...this.#kept, more]);
      this.#size = this.#isStrange(header) ? undefined : sizeOf(header);
      if (this.#size === undefined) {
        this.#keep(more, 0, more.length);
        if (header.length === LONGEST_HEADER || this.#isStrange(header)) this.#giveUp();
        return more.length;
      }
    }
    const taken = Math.min(this.#size - this.pending, chunk.length - at);
    const most = this.#isHeldBack && this.#size <= LARGEST_HELD ? this.#size : KEPT;
    const kept = Math.min(taken, most - this.#keptLength);
    const before = this.pending;
    if (kept > 0) this.#keep(chunk, at, at + kept);
    this.#position += taken - kept;
    if (this.#isHeldBack && this.#size > LARGEST_HELD) this.#hide(before + taken);
    return taken;
  }

  /** Whether no packet begins like this here. */
  #isStrange(header: Uint8Array): boolean {
    return this.#isMethod(header, 0) || isStrange(header);
  }

  /** Whether it is POST, or another such method: a PUBREC is not the first packet. */
  #isMethod(bytes: Uint8Array, at: number): boolean {
    return this.#start === 0 && bytes[at] === P && isCapital(bytes[at + 1] ?? 0);
  }

  /** The bytes of a packet that is too large to look for secrets come out, up to `end`. */
  #hide(end: number): void {
    const hidden = masked(end - this.#hidden);
    if (this.#hidden === 0) hidden.set(this.#begun().subarray(0, headerLength(this.#begun())));
    this.#hidden = end;
    this.#out(hidden);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.#kept.push(this.#store.copy(bytes, start, end));
    this.#keptLength += end - start;
    this.#position += end - start;
  }

  #begun(): Uint8Array {
    return this.#kept.length === 1 ? this.#kept[0]! : concat(this.#kept);
  }

  /** The packet at hand has ended, or was cut off. */
  #end(isWhole: boolean): void {
    const bytes = this.#begun();
    const isLarge = this.#hidden > 0;
    const outline = mayHaveSecrets(bytes[0]!) ? outlineOf(bytes) : undefined;
    if (outline !== undefined && this.#hides) {
      if (isLarge) bytes.set(masked(bytes.length - headerLength(bytes)), headerLength(bytes));
      else mask(bytes, outline.secrets);
      // What follows a packet whose lengths are wrong may be the rest of a secret.
      if (!outline.isReadable) this.#isSecret = true;
    }
    if (this.#isHeldBack && this.#hidden === 0) this.#out(bytes);
    this.#tell(bytes, { isPacket: true, isWhole, outline });
    if (this.#isSecret) this.#isReadable = false;
  }

  /** What the packet at hand has begun with is no packet: it is told with what follows it. */
  #giveUp(): void {
    const bytes = this.#begun();
    this.#isReadable = false;
    if (this.#isHeldBack) {
      this.#out(bytes);
      this.#isSecret = !isTls(bytes) && bytes[0]! >> 4 !== FIRST_BYTE.connack >> 4;
    } else if (this.#hides && this.#start === 0 && isHttp(bytes.subarray(0, HTTP_BEGINNING))) {
      this.#http = new HttpMask();
      this.#http.hide(bytes);
    }
  }

  #tell(bytes: Uint8Array, what: Pick<Piece, "isPacket" | "isWhole" | "outline">): void {
    const [start, size] = [this.#start, this.pending];
    this.#start = this.#position;
    this.#kept = [];
    this.#keptLength = 0;
    this.#size = undefined;
    this.#hidden = 0;
    const kept = bytes.length > KEPT ? bytes.slice(0, KEPT) : bytes;
    this.#sink.piece({ start, size, bytes: kept, ...what });
  }

  /** Bytes among which no packets can be told apart. */
  #strange(bytes: Uint8Array): void {
    const shown = this.#isSecret ? masked(bytes.length) : this.#http?.hide(bytes) ?? bytes;
    this.#out(shown);
    this.#position += bytes.length;
    const told = concat([...this.#kept, shown.subarray(0, KEPT)]);
    this.#tell(told, { isPacket: false, isWhole: true, outline: undefined });
  }

  #out(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#sink.bytes(bytes);
  }
}
