// The passive monitor: judges what two ends say to each other, from between them.

export type { Finding, Obligation, Severity, Side } from "./findings.ts";
export {
  LinkMonitor,
  type LinkMonitorOptions,
  type Observed,
  type Protocol,
} from "./link_monitor.ts";
export { SessionMonitor } from "./session_monitor.ts";
export { Tally } from "./tally.ts";
