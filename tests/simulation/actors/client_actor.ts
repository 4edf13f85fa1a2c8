// A client of a plan through all its processes: they start, crash, are told to go, and come back;
// what the application wants is the same in all of them.

import type { Client } from "../../../src/client/client.ts";
import type { ConnectOptions } from "../../../src/client/options.ts";
import type { SavedSession } from "../../../src/session/snapshot.ts";
import type { Action, ClientPlan } from "../plan.ts";
import { payloadOf } from "../recorder.ts";
import type { Stage } from "../stage.ts";
import type { StagedDisk } from "../staged_disk.ts";
import type { StagedProcess } from "../staged_process.ts";
import { Application, type Memory } from "./application.ts";
import { CREATE, SELECT } from "./consumer.ts";

type ActionOf<Name extends Action["do"]> = Extract<Action, { readonly do: Name }>;

/** How long it takes until a process that has ended by itself is started again, in milliseconds. */
const RESTART = 3000;

/** How a process begins. */
interface Beginning {
  readonly session?: SavedSession | undefined;
  readonly cleanStart?: boolean | undefined;
}

/** One process with its application. */
interface Running {
  readonly process: StagedProcess;
  readonly application: Application;
}

/** A client of a plan. */
export class ClientActor {
  readonly #stage: Stage;
  readonly #plan: ClientPlan;
  readonly #memory: Memory = { wanted: new Map(), receipts: new Map() };
  readonly #disk: StagedDisk | undefined;
  #current: Running | undefined;
  /** Processes that others have taken over from. */
  readonly #former: Running[] = [];
  /** Whether it comes back by itself. */
  #isAwaited = false;

  constructor(stage: Stage, plan: ClientPlan) {
    this.#stage = stage;
    this.#plan = plan;
    this.#disk = plan.hasDisk ? stage.disk(`${plan.clientId}.db`) : undefined;
  }

  /** The application that runs, if there is one. */
  get application(): Application | undefined {
    return this.#current?.application;
  }

  /** The process that runs, if there is one. */
  get process(): StagedProcess | undefined {
    return this.#current?.process;
  }

  get disk(): StagedDisk | undefined {
    return this.#disk;
  }

  /** All that runs. */
  get running(): readonly Running[] {
    return this.#current === undefined ? this.#former : [...this.#former, this.#current];
  }

  /** Starts a process, if there is none. */
  start(beginning: Beginning = {}): void {
    if (this.#current !== undefined) return;
    const { clientId } = this.#plan;
    const store = this.#disk?.state ?? "none";
    const process = this.#stage.process("client", clientId, store);
    this.#disk?.startedBy(process);
    this.#stage.forgetRequests(clientId);
    // Its store may have begun after the session, even if that was before this process.
    if (beginning.cleanStart === false) this.#stage.forgetClient(clientId);
    process.onCrash = () => this.#crashed(process, RESTART, {});
    const application = new Application(process, this.#memory, () => this.#over(process));
    this.#current = { process, application };
    void application.start(
      this.#options(process, beginning),
      (options) => this.#connect(process, options),
    );
  }

  /** Ends the process at once, as `kill -9` does. */
  crash({ keepsDisk, resumes, leavesLinks, awayFor }: ActionOf<"crash">): void {
    const running = this.#current;
    if (running === undefined) return;
    running.process.kill(leavesLinks ? "silent" : "closed");
    if (!keepsDisk) this.#forgetDisk();
    this.#crashed(running.process, awayFor, resumes ? { cleanStart: false } : {});
  }

  /** Another process begins a session with the same Client Identifier; the first gives way. */
  takeOver(): void {
    const former = this.#current;
    if (former?.application.client === undefined || this.#disk !== undefined) return;
    if (former.application.isOver) return;
    this.#current = undefined;
    this.#former.push(former);
    former.application.giveWay();
    this.start();
  }

  /** Disconnects, and comes back. */
  async disconnect(action: ActionOf<"disconnect">): Promise<void> {
    const running = this.#current;
    if (running?.application.client === undefined || running.application.isLeaving) return;
    const session = await running.application.disconnect(action);
    if (this.#current !== running) return;
    this.#end(running);
    const keeps = action.keepsSession && this.#disk === undefined;
    this.#comeBack(action.awayFor, keeps ? { session } : {});
  }

  /** Whoever waits for its time to come back does so now. */
  comeBack(): void {
    if (this.#current?.application.isOver === true) this.#end(this.#current);
    this.start();
  }

  /** Subscribes; without a process, the next one does. */
  subscribe({ subscription }: ActionOf<"subscribe">): void {
    const { application } = this;
    if (application !== undefined) application.subscribe(subscription);
    else if (subscription.abortAfter === undefined) {
      this.#memory.wanted.set(subscription.handle, subscription);
    }
  }

  /** Ends a subscription, in later processes too. */
  unsubscribe(handle: number): void {
    this.#memory.wanted.delete(handle);
    void this.application?.unsubscribe(handle);
  }

  /** What is still on its way; nothing where the broker does not want such a client. */
  get unrest(): string | undefined {
    const { clientId } = this.#plan;
    if (this.#former.length > 0) return `A former process of ${clientId} has not given way`;
    const { application } = this;
    if (application === undefined) return `${clientId} does not run`;
    const unrest = application.isRefused ? undefined : application.unrest;
    return unrest && `${clientId} ${unrest}`;
  }

  /** Disconnects for good: the session ends, too. */
  leave(): void {
    const { sessionExpiryInterval = 0 } = this.#plan.options;
    const ends = sessionExpiryInterval > 0 ? { sessionExpiryInterval: 0 } : {};
    void this.application?.disconnect({ reasonCode: 0x00, timeout: 5000, ...ends });
  }

  /** Writes down which promises have not settled. */
  recordPending(): void {
    for (const { process, application } of this.running) {
      for (const { what, id } of application.waiting.values()) {
        process.record({ type: "pending", what, ...id !== undefined && { id } });
      }
    }
  }

  /** What the application has written to its own table. */
  recordLedger(): void {
    const { process } = this.#current ?? {};
    if (process === undefined || this.#disk === undefined) return;
    const ids = this.#disk.read(SELECT).map(({ id }) => Number(id));
    process.record({ type: "committed", ids });
  }

  /** Ends what is left of the processes, in good order. */
  end(): void {
    for (const running of this.running) this.#end(running);
  }

  #options(process: StagedProcess, { session, cleanStart }: Beginning): ConnectOptions {
    const { clientId, options } = this.#plan;
    const { will } = options;
    return {
      ...options,
      clientId,
      ...will !== undefined && {
        will: { ...will, payload: payloadOf(process.nextNumber()) },
      },
      ...session !== undefined && { session },
      ...cleanStart !== undefined && session === undefined && { cleanStart },
    };
  }

  /** Connects; with a store, when that can be opened. */
  async #connect(process: StagedProcess, options: ConnectOptions): Promise<Client> {
    const store = this.#disk?.open(process, CREATE);
    return await process.connect({ ...options, ...store !== undefined && { store } });
  }

  /** Its client has come to its end by itself. */
  #over(process: StagedProcess): void {
    const place = this.#former.findIndex((running) => running.process === process);
    if (place >= 0) return void this.#end(this.#former[place]!);
    const running = this.#current;
    if (running?.process !== process) return;
    if (running.application.isLeaving || running.application.isRefused) return;
    this.#stage.later(RESTART, () => {
      if (this.#current !== running) return;
      this.#end(running);
      this.start();
    });
  }

  /** The process is killed already. */
  #crashed(process: StagedProcess, awayFor: number, beginning: Beginning): void {
    if (this.#current?.process !== process) return;
    this.#current = undefined;
    this.#comeBack(awayFor, beginning);
  }

  #comeBack(awayFor: number, beginning: Beginning): void {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#stage.later(awayFor, () => {
      this.#isAwaited = false;
      this.start(beginning);
    });
  }

  /** A process whose client is at its end exits. */
  #end(running: Running): void {
    if (this.#current === running) this.#current = undefined;
    const place = this.#former.indexOf(running);
    if (place >= 0) this.#former.splice(place, 1);
    this.#disk?.close(running.process);
    running.process.kill("closed");
  }

  #forgetDisk(): void {
    if (this.#disk === undefined) return;
    this.#disk.replace();
    this.#memory.receipts.clear();
  }
}
