// One Network Connection of a virtual world: two directions, each a stream of bytes that takes
// time, may come in pieces, and may stop; and two ends, which are transports.

import { checkCount, checkNotNegative, checkPositive } from "../session/option_checks.ts";
import { Queue } from "../session/queue.ts";
import type { Transport } from "../io/transport.ts";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { DeathOfLinks, Mortal, VirtualProcess } from "./virtual_process.ts";

/** What the network does to the bytes of one direction. */
export interface LinkConditions {
  /** How long bytes are on their way, in milliseconds. Default: 0. */
  readonly latency?: number | undefined;
  /** So many milliseconds more at most, drawn anew for each piece. Default: 0. */
  readonly jitter?: number | undefined;
  /** How fast the bytes go. Default: `Infinity`. */
  readonly bytesPerSecond?: number | undefined;
  /**
   * The most bytes that arrive in one piece: 1 takes every packet apart. With two numbers the size
   * of each piece is drawn from between them. Default: `Infinity`: a write arrives as it is.
   */
  readonly pieces?: number | readonly [least: number, most: number] | undefined;
  /**
   * How many bytes are on their way, or have arrived and not been read, before writes wait.
   * Default: 65,536.
   */
  readonly buffer?: number | undefined;
}

/** The way of bytes. */
export type Way = "to server" | "to client";

/** Sees what passes on a link. */
export interface LinkObserver {
  /**
   * Bytes pass the server's end: when they arrive there, or when the server gives them to the
   * network. The array must be copied, if it is to be kept.
   */
  bytes?(way: Way, bytes: Uint8Array, now: number): void;
  /** No more bytes pass this way: its sender has ended it, or the link is broken. */
  ended?(way: Way, how: "closed" | "reset", now: number): void;
}

/** What a link is made of. */
export interface VirtualLinkSetup {
  /** Unique in its world, from 1, in the order of dialling. */
  readonly number: number;
  readonly schedule: Schedule;
  /** Its chance. */
  readonly random: Random;
  readonly client: VirtualProcess;
  readonly server: VirtualProcess;
  /** The name that the client dialled. */
  readonly serverName: string;
  readonly conditions: { readonly [Name in Way]?: LinkConditions };
  /** It is over: nothing is on its way, and both ends are closed. */
  readonly onOver: (link: VirtualLink) => void;
}

const BUFFER = 65_536;

/**
 * Refuses what no network is like.
 *
 * @throws {RangeError} when a number is out of its range
 */
export function checkConditions(conditions: LinkConditions): void {
  const { latency = 0, jitter = 0, bytesPerSecond = Infinity, pieces = Infinity } = conditions;
  checkNotNegative("latency", latency);
  checkNotNegative("jitter", jitter);
  checkPositive("bytesPerSecond", bytesPerSecond);
  const [least, most] = typeof pieces === "number" ? [1, pieces] : pieces;
  checkCount("pieces", least, 1);
  checkCount("pieces", most, least);
  checkCount("buffer", conditions.buffer ?? BUFFER, 1);
}

/** A connection between two processes. */
export class VirtualLink {
  readonly number: number;
  readonly client: VirtualProcess;
  readonly server: VirtualProcess;
  readonly serverName: string;
  /** The transports of the two ends. */
  readonly clientEnd: Transport;
  readonly serverEnd: Transport;
  readonly #setup: VirtualLinkSetup;
  readonly #ends: { readonly [Name in Way]: LinkEnd };
  readonly #ways: { readonly [Name in Way]: LinkWay };
  #observers: LinkObserver[] = [];
  #isOver = false;

  constructor(setup: VirtualLinkSetup) {
    const { number, client, server, serverName, conditions } = setup;
    this.number = number;
    this.client = client;
    this.server = server;
    this.serverName = serverName;
    this.#setup = setup;
    const way = (name: Way) =>
      new LinkWay({
        ...setup,
        conditions: conditions[name] ?? {},
        receiver: name === "to server" ? server : client,
        onSent: (bytes) => name === "to client" && this.#passed(name, bytes),
        onArrived: (bytes) => name === "to server" && this.#passed(name, bytes),
        onEnded: (how) => this.#ended(name, how),
        onCut: () => this.reset(),
      });
    const ways = this.#ways = { "to server": way("to server"), "to client": way("to client") };
    const onClosed = () => this.#checkOver();
    const clientEnd = new LinkEnd(client, ways["to server"], ways["to client"], onClosed);
    const serverEnd = new LinkEnd(server, ways["to client"], ways["to server"], onClosed);
    this.clientEnd = clientEnd;
    this.serverEnd = serverEnd;
    this.#ends = { "to server": clientEnd, "to client": serverEnd };
  }

  /** The name of the client's process. */
  get clientName(): string {
    return this.client.name;
  }

  /** Whether nothing can come of it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Somebody watches from now on. */
  observe(observer: LinkObserver): void {
    this.#observers.push(observer);
  }

  /** How many bytes have arrived, so far, on this way. */
  arrived(way: Way): number {
    return this.#ways[way].arrived;
  }

  /** From now on the network is like this; what is not given becomes the default. */
  setConditions(conditions: LinkConditions, ways: readonly Way[] = WAYS): void {
    for (const way of ways) this.#ways[way].setConditions(conditions);
  }

  /** The link breaks: both ends are told at once, and what is on its way is lost. */
  reset(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const way of WAYS) this.#ways[way].reset();
    for (const way of WAYS) this.#ends[way].broken();
    this.#setup.onOver(this);
  }

  /**
   * The link breaks when so many more bytes have arrived on this way: in the middle of a packet.
   */
  cutAfter(way: Way, bytes: number): void {
    this.#ways[way].cutAfter(bytes);
  }

  /**
   * Nothing arrives any more, until {@linkcode VirtualLink.resume} is called as often; it is not
   * lost, and nobody is told.
   */
  stall(ways: readonly Way[] = WAYS): void {
    for (const way of ways) this.#ways[way].stall();
  }

  /** What was stalled goes on. */
  resume(ways: readonly Way[] = WAYS): void {
    for (const way of ways) this.#ways[way].resume();
  }

  #passed(way: Way, bytes: Uint8Array): void {
    const { now } = this.#setup.schedule;
    for (const observer of this.#observers) observer.bytes?.(way, bytes, now);
  }

  #ended(way: Way, how: "closed" | "reset"): void {
    const { now } = this.#setup.schedule;
    for (const observer of this.#observers) observer.ended?.(way, how, now);
    this.#checkOver();
  }

  #checkOver(): void {
    if (this.#isOver) return;
    if (!WAYS.every((way) => this.#ways[way].isEnded && this.#ends[way].isClosed)) return;
    this.#isOver = true;
    this.#setup.onOver(this);
  }
}

/** Both ways. */
export const WAYS: readonly Way[] = ["to server", "to client"];

/** One end of a link, as its process sees it. */
class LinkEnd implements Transport, Mortal {
  readonly #process: VirtualProcess;
  readonly #out: LinkWay;
  readonly #in: LinkWay;
  readonly #disown: () => void;
  readonly #onClosed: () => void;
  #isClosed = false;

  constructor(process: VirtualProcess, out: LinkWay, into: LinkWay, onClosed: () => void) {
    this.#process = process;
    this.#out = out;
    this.#in = into;
    this.#onClosed = onClosed;
    this.#disown = process.own(this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  read(): Promise<Uint8Array | undefined> {
    if (!this.#process.isAlive) return new Promise(() => {});
    return this.#isClosed ? Promise.reject(closed()) : this.#in.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    if (!this.#process.isAlive) return new Promise(() => {});
    return this.#isClosed ? Promise.reject(closed()) : this.#out.write(bytes);
  }

  closeWrite(): Promise<void> {
    if (!this.#process.isAlive) return new Promise(() => {});
    if (this.#isClosed) return Promise.reject(closed());
    this.#out.end();
    return Promise.resolve();
  }

  close(): void {
    if (this.#isClosed || !this.#process.isAlive) return;
    this.#in.endRead(false);
    this.#out.endWrite(false);
    this.#close();
  }

  /** The link is broken, which reads and writes say. */
  broken(): void {
    this.#disown();
  }

  killed(links: DeathOfLinks): void {
    this.#in.endRead(true);
    this.#out.endWrite(true);
    if (links === "closed") this.#close();
    else if (links === "reset") {
      this.#isClosed = true;
      this.#out.abort();
      this.#in.refuse();
    } else {
      this.#isClosed = true;
      this.#out.stall();
      this.#in.stall();
    }
    this.#onClosed();
  }

  /** Bytes that were not read, or come later, find nobody: the other end is told by a reset. */
  #close(): void {
    this.#isClosed = true;
    this.#disown();
    if (this.#in.hasUnread) this.#out.abort();
    else this.#out.end();
    this.#in.refuse(() => this.#out.abort());
    this.#onClosed();
  }
}

/** What one way is made of. */
interface LinkWaySetup {
  readonly schedule: Schedule;
  readonly random: Random;
  readonly receiver: VirtualProcess;
  readonly conditions: LinkConditions;
  readonly onSent: (bytes: Uint8Array) => void;
  readonly onArrived: (bytes: Uint8Array) => void;
  readonly onEnded: (how: "closed" | "reset") => void;
  readonly onCut: () => void;
}

/** How a way ends. */
type WayState =
  /** Bytes may come. */
  | "open"
  /** The sender has ended it: what it wrote before still arrives. */
  | "ending"
  /** All has arrived, and the end of it. */
  | "ended"
  /** It is broken: what arrived before may still be read. */
  | "broken";

/** One direction. */
class LinkWay {
  readonly #setup: LinkWaySetup;
  #conditions: LinkConditions;
  #state: WayState = "open";
  /** Written, and not sent yet. */
  readonly #outbox = new Queue<Uint8Array>();
  /** How much of the first of them has been sent. */
  #sentOfFirst = 0;
  #unsent = 0;
  /** Bytes on their way. */
  #underWay = 0;
  /** Arrived while nothing arrives. */
  #held: (() => void)[] = [];
  readonly #inbox = new Queue<Uint8Array>();
  #unread = 0;
  #stalled = 0;
  /** When the last piece arrives. */
  #lastArrival = 0;
  /** How many more bytes arrive before the link breaks. */
  #budget = Infinity;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #writer: PromiseWithResolvers<void> | undefined;
  /** Nobody reads any more: what arrives is answered so. */
  #onRefused: (() => void) | undefined;
  /** Whether the end of it is on its way. */
  #isEndSent = false;
  /** Whether a reset is on its way. */
  #isAborted = false;
  #cancels = new Set<() => void>();
  arrived = 0;

  constructor(setup: LinkWaySetup) {
    this.#setup = setup;
    this.#conditions = setup.conditions;
  }

  get isEnded(): boolean {
    return this.#state === "ended" || this.#state === "broken";
  }

  get hasUnread(): boolean {
    return this.#unread > 0;
  }

  setConditions(conditions: LinkConditions): void {
    this.#conditions = conditions;
    this.#send();
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#unread > 0) {
      const bytes = this.#takeUnread();
      this.#send();
      return Promise.resolve(bytes);
    }
    if (this.#state === "ended") return Promise.resolve(undefined);
    if (this.#state === "broken") return Promise.reject(brokenLink());
    if (this.#reader !== undefined) return Promise.reject(new TypeError("Two reads at once"));
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** The bytes may be reused as soon as it resolves; they are copied now. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#state === "broken") return Promise.reject(brokenLink());
    if (this.#state !== "open") return Promise.reject(new TypeError("A write after the end"));
    if (bytes.length === 0) return Promise.resolve();
    const copy = bytes.slice();
    this.#setup.onSent(copy);
    this.#outbox.push(copy);
    this.#unsent += copy.length;
    this.#send();
    if (this.#unsent === 0) return Promise.resolve();
    this.#writer ??= Promise.withResolvers();
    return this.#writer.promise;
  }

  /** Nothing more will be written. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#send();
  }

  /** The sender has gone: what is on its way arrives, and then that the link is broken. */
  abort(): void {
    if (this.#isAborted || this.#state === "broken") return;
    this.#isAborted = true;
    this.#dropUnsent();
    if (this.#state === "open") this.#state = "ending";
    this.#post(0, this.#setup.onCut);
  }

  /** The way is broken at once. */
  reset(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#held = [];
    if (this.isEnded) return;
    this.#dropUnsent();
    this.#state = "broken";
    this.#underWay = 0;
    this.#reader?.reject(brokenLink());
    this.#reader = undefined;
    this.#setup.onEnded("reset");
  }

  /** The reader has closed its end: what arrives from now on is answered by `onRefused`. */
  refuse(onRefused: () => void = () => {}): void {
    this.#onRefused = onRefused;
    this.#inbox.takeAll();
    this.#unread = 0;
    this.#send();
  }

  /** Whoever reads here has closed its end; it is told so, unless it is dead. */
  endRead(isDead: boolean): void {
    if (!isDead) this.#reader?.reject(closed());
    this.#reader = undefined;
  }

  /** Whoever writes here has closed its end; it is told so, unless it is dead. */
  endWrite(isDead: boolean): void {
    if (!isDead) this.#writer?.reject(closed());
    this.#writer = undefined;
  }

  cutAfter(bytes: number): void {
    this.#budget = bytes;
    if (bytes === 0) this.#setup.onCut();
  }

  stall(): void {
    this.#stalled++;
  }

  resume(): void {
    if (this.#stalled === 0 || --this.#stalled > 0) return;
    const held = this.#held;
    this.#held = [];
    for (const arrive of held) arrive();
    this.#send();
  }

  #takeUnread(): Uint8Array {
    this.#unread = 0;
    const pieces = this.#inbox.takeAll();
    return pieces.length === 1 ? pieces[0]! : joined(pieces);
  }

  #dropUnsent(): void {
    this.#outbox.takeAll();
    this.#unsent = 0;
    this.#sentOfFirst = 0;
    this.#writer?.reject(brokenLink());
    this.#writer = undefined;
  }

  /** Sends what there is room for. */
  #send(): void {
    if (this.isEnded) return;
    const { buffer = BUFFER } = this.#conditions;
    for (let room = buffer - this.#underWay - this.#unread; room > 0 && this.#unsent > 0;) {
      const piece = this.#nextPiece(Math.min(room, this.#pieceSize()));
      room -= piece.length;
      this.#post(piece.length, () => this.#arrive(piece));
    }
    if (this.#unsent > 0) return;
    this.#writer?.resolve();
    this.#writer = undefined;
    if (this.#state !== "ending" || this.#isAborted || this.#isEndSent) return;
    this.#isEndSent = true;
    this.#post(0, () => this.#end());
  }

  #nextPiece(size: number): Uint8Array {
    const first = this.#outbox.first!;
    const piece = first.subarray(this.#sentOfFirst, this.#sentOfFirst + size);
    this.#sentOfFirst += piece.length;
    this.#unsent -= piece.length;
    if (this.#sentOfFirst === first.length) {
      this.#outbox.shift();
      this.#sentOfFirst = 0;
    }
    return piece;
  }

  #pieceSize(): number {
    const { pieces = Infinity } = this.#conditions;
    if (typeof pieces === "number") return pieces;
    const [least, most] = pieces;
    return least + this.#setup.random.below(most - least + 1);
  }

  /** Something is on its way: it arrives after all that was sent before. */
  #post(length: number, arrive: () => void): void {
    const { latency = 0, jitter = 0, bytesPerSecond = Infinity } = this.#conditions;
    const { schedule, random, receiver } = this.#setup;
    this.#underWay += length;
    const { now } = schedule;
    const delay = latency + (jitter === 0 ? 0 : jitter * random.next());
    const begins = Math.max(now + delay, this.#lastArrival);
    this.#lastArrival = begins + length * 1000 / bytesPerSecond;
    const cancel = receiver.receiveAt(this.#lastArrival, () => {
      this.#cancels.delete(cancel);
      const happen = () => {
        this.#underWay -= length;
        arrive();
      };
      if (this.#stalled > 0) this.#held.push(happen);
      else happen();
    });
    this.#cancels.add(cancel);
  }

  #arrive(piece: Uint8Array): void {
    const { onArrived, onCut } = this.#setup;
    if (this.#onRefused !== undefined) return this.#onRefused();
    const bytes = piece.length <= this.#budget ? piece : piece.subarray(0, this.#budget);
    this.#budget -= bytes.length;
    this.arrived += bytes.length;
    onArrived(bytes);
    const reader = this.#reader;
    if (reader === undefined) {
      this.#inbox.push(bytes);
      this.#unread += bytes.length;
    } else if (bytes.length > 0) {
      // Nothing was unread, or it would not wait.
      this.#reader = undefined;
      reader.resolve(bytes);
    }
    if (this.#budget === 0) onCut();
    else this.#send();
  }

  #end(): void {
    this.#state = "ended";
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
    this.#setup.onEnded("closed");
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}

function closed(): Error {
  return new Error("The connection has been closed");
}

/** As the system says it when the other end has gone. */
function brokenLink(): Error {
  return Object.assign(new Error("Connection reset by peer"), { code: "ECONNRESET" });
}
