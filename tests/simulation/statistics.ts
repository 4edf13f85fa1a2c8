// What simulated worlds have gone through, summed up.

/** Sums over worlds. */
export interface Statistics {
  seeds: number;
  steps: number;
  /** Virtual time, in milliseconds. */
  time: number;
  /** Messages that consumers were handed. */
  messages: number;
  links: number;
  /** Links that were cut by a fault. */
  cuts: number;
  /** Processes that were killed. */
  crashes: number;
  packets: number;
  /** How often each normative statement was seen to apply, by its identifier. */
  readonly statements: Record<string, number>;
}

/** Sums of nothing. */
export function noStatistics(): Statistics {
  return {
    ...{ seeds: 0, steps: 0, time: 0, messages: 0, links: 0, cuts: 0, crashes: 0, packets: 0 },
    statements: {},
  };
}

/** Adds what is in `more` to `sum`. */
export function addStatistics(sum: Statistics, more: Statistics): void {
  sum.seeds += more.seeds;
  sum.steps += more.steps;
  sum.time += more.time;
  sum.messages += more.messages;
  sum.links += more.links;
  sum.cuts += more.cuts;
  sum.crashes += more.crashes;
  sum.packets += more.packets;
  for (const [id, count] of Object.entries(more.statements)) {
    sum.statements[id] = (sum.statements[id] ?? 0) + count;
  }
}

/** One line of them, after so many real seconds. */
export function statisticsLine(statistics: Statistics, seconds: number): string {
  const { seeds, steps, time, messages, links, cuts, crashes, packets } = statistics;
  const statements = Object.keys(statistics.statements).length;
  return `${seconds.toFixed(0)} s, ${seeds} seeds, ${steps} steps, ` +
    `${(time / 3_600_000).toFixed(1)} virtual hours, ${links} links, ${cuts} cut, ` +
    `${crashes} crashes, ${packets} packets, ${messages} messages ` +
    `(${Math.round(messages / Math.max(seconds, 0.001))}/s), ${statements} statements observed`;
}
