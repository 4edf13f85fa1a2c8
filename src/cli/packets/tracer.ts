// Shows on standard error each packet that goes by, explained. What explains is loaded only when
// `--trace` is given.

import type { DialStep } from "../../io/dial.ts";
import type { Transport } from "../../io/transport.ts";
import type { Output } from "../context.ts";
import type { TraceLevel } from "../options/trace.ts";
import { paintFor } from "../terminal/text.ts";
import type { Arrows } from "./trace.ts";

/** Makes transports show their packets. */
export type Tracer = (transport: Transport, address: string) => Transport;

const CLIENT_ARROWS: Arrows = { sent: "→", received: "←" };
const SERVER_ARROWS: Arrows = { sent: "←", received: "→" };

/** Shows the steps of dialling. */
export async function stepTracerTo(
  output: Output,
  level: TraceLevel,
): Promise<(step: DialStep) => void> {
  const { formatStep, formatStepBriefly } = await import("./dial_steps.ts");
  const format = level === "full" ? formatStep : formatStepBriefly;
  return (step) => output.write(format(step, output));
}

/**
 * Shows packets. `end` is the end that the transports belong to; arrows are as a client sees it.
 */
export async function tracerTo(
  output: Output,
  level: TraceLevel,
  end: "client" | "server",
): Promise<Tracer> {
  const { formatPacket, traced } = await import("./trace.ts");
  const { formatWhole } = await import("./format.ts");
  const format = level === "full" ? formatWhole : formatPacket;
  const { dim } = paintFor(output);
  const arrows = end === "client" ? CLIENT_ARROWS : SERVER_ARROWS;
  let shown = "";
  return (transport, address) =>
    traced(transport, arrows, (arrow, packet) => {
      // A server has many connections: a change of connection is shown.
      if (end === "server" && shown !== address) output.write(`${dim(address)}\n`);
      shown = address;
      output.write(format(arrow, packet, output) + (level === "full" ? "\n" : ""));
    });
}
