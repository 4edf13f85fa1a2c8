// The clock of a command's client. Deno loads Node's timers when a program first calls `setTimeout`
// or `clearTimeout`, which takes 5 ms. A command such as `pub -m` is over before any of its timers
// is due: so for a moment the time is kept by a signal, for which nothing has to be loaded.

import { type Clock, systemClock } from "../io/clock.ts";

/**
 * For how many milliseconds no timer is needed. Once that is over, loading them costs nothing: the
 * command waits for the network.
 */
const MOMENT = 100;

/** As {@linkcode systemClock}, but it needs no timers for what is prevented within a moment. */
export const patientClock: Clock = {
  ...systemClock,
  at(time, callback) {
    if (time - systemClock.now() <= MOMENT) return systemClock.at(time, callback);
    const moment = AbortSignal.timeout(MOMENT);
    const wait = () => cancel = systemClock.at(time, callback);
    // A signal that nobody listens to does not keep the process alive.
    let cancel = () => moment.removeEventListener("abort", wait);
    moment.addEventListener("abort", wait);
    return () => cancel();
  },
};
