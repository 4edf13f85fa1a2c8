// A page's clock that runs thirty times as fast, and timers that fire once a minute of it.

const SPEED = 30;
const MINUTE = 60_000;

globalThis.realTimers = {
  speed: SPEED,
  setTimeout: globalThis.setTimeout.bind(globalThis),
  clearTimeout: globalThis.clearTimeout.bind(globalThis),
  now: performance.now.bind(performance),
};

const { realTimers } = globalThis;
const began = Date.now();
performance.now = () => realTimers.now() * SPEED;
Date.now = () => began + performance.now();
globalThis.setTimeout = (callback, delay = 0, ...args) => {
  const due = Math.ceil((performance.now() + delay) / MINUTE) * MINUTE;
  return realTimers.setTimeout(callback, (due - performance.now()) / SPEED, ...args);
};
