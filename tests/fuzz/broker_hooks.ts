// Hooks as they may be written: they answer at once or late, say yes, no or nonsense, throw, and
// reject.

import type { AuthenticationAnswer, BrokerHooks } from "../../src/broker/mod.ts";
import type { Random } from "../../src/testing/random.ts";

/** What a hook throws. Nothing else may ever be reported. */
export class HookError extends Error {
  override readonly name = "HookError";
}

/** What is no answer of any hook. */
const NONSENSE: readonly unknown[] = [undefined, null, 0x1ff, -1, "yes", {}, [], NaN, 0x02, 0x18];

/** The hooks of one broker. */
export class RandomHooks {
  /** Whether every hook says yes, at once. */
  isCalm = false;
  readonly #random: Random;
  readonly #waiting: (() => void)[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many answers are due. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Gives some of the answers that are due, all in the same turn. */
  release(most = Infinity): void {
    for (let count = 0; count < most && this.#waiting.length > 0; count++) {
      this.#random.takeFrom(this.#waiting)!();
    }
  }

  /** Some of the hooks, or all. */
  some(): BrokerHooks {
    const verdict = (...noes: readonly number[]) =>
      this.#answer<boolean | number>([true], [false, ...noes]);
    const steps: AuthenticationAnswer[] = [
      { result: "continue", data: new Uint8Array(this.#random.below(40)) },
      { result: "continue" },
      { result: "refuse" },
      { result: "refuse", reasonCode: 0x8c },
    ];
    const all = {
      authenticate: () => verdict(0x86, 0x87, 0x88, 0x9c),
      authenticateStep: () =>
        this.#answer<AuthenticationAnswer>(
          [{ result: "success" }, { result: "success", data: new Uint8Array(9) }],
          steps,
        ),
      authorizePublish: () => verdict(0x80, 0x83, 0x87, 0x97, 0x91, 0x99),
      authorizeDelivery: () => this.#answer<boolean>([true], [false]),
      sessionOwner: () => this.isCalm ? undefined : this.#owner(),
      authorizeSubscribe: () => verdict(0x80, 0x83, 0x87, 0x8f, 0x97),
      onConnect: () => this.#answer([undefined], []),
      onDisconnect: () => this.#answer([undefined], []),
      onMessage: () => this.#answer([undefined], []),
    };
    const names = Object.keys(all) as (keyof typeof all)[];
    const chosen = names.filter(() => this.#random.onceIn(2)).map((name) => [name, all[name]]);
    return Object.fromEntries(chosen) as BrokerHooks;
  }

  /** This one answers at once. */
  #owner(): string | undefined {
    if (this.#random.onceIn(30)) throw new HookError("a hook throws");
    if (this.#random.onceIn(30)) return nonsense(this.#random) as string;
    return this.#random.onceIn(20) ? "somebody" : undefined;
  }

  #answer<Answer>(
    good: readonly Answer[],
    others: readonly Answer[],
  ): Answer | Promise<Answer> {
    const random = this.#random;
    const answer = () => {
      const from = others.length > 0 && random.onceIn(6) ? others : good;
      return random.onceIn(30) ? nonsense(random) as Answer : from[random.below(from.length)]!;
    };
    if (this.isCalm) return good[0]!;
    switch (random.below(24)) {
      case 0:
        throw new HookError("a hook throws");
      case 1:
        return Promise.reject(new HookError("a hook rejects"));
      case 2:
        return this.#late((_, reject) => reject(new HookError("a hook rejects late")));
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        return this.#late((resolve) => resolve(answer()));
      case 9:
        return Promise.resolve(answer());
      default:
        return answer();
    }
  }

  #late<Answer>(
    then: (resolve: (answer: Answer) => void, reject: (error: unknown) => void) => void,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => then(resolve, reject));
    });
  }
}

function nonsense(random: Random): unknown {
  return NONSENSE[random.below(NONSENSE.length)];
}
