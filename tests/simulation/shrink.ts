// Reduces a plan that fails to the fewest steps that still fail in the same way: parts are left
// out, large ones first, as long as that helps (delta debugging); then what is left is made
// simpler.

import { type Plan, type Step, withSteps } from "./plan.ts";

/** Whether a plan still fails in the way that is looked for. */
export type Fails = (plan: Plan) => Promise<boolean>;

/** The smallest plan that was found, which fails. `onProgress` is told how many steps are left. */
export async function shrink(
  plan: Plan,
  fails: Fails,
  onProgress: (steps: number) => void = () => {},
): Promise<Plan> {
  let smallest = plan;
  for (let before = Infinity; smallest.steps.length < before;) {
    before = smallest.steps.length;
    smallest = await withoutParts(smallest, fails, onProgress);
  }
  return await simpler(smallest, fails);
}

async function withoutParts(
  plan: Plan,
  fails: Fails,
  onProgress: (steps: number) => void,
): Promise<Plan> {
  let { steps } = plan;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    // From the end: what comes later often only waits for what has failed before.
    for (let end = steps.length; end > 0; end -= size) {
      const start = Math.max(0, end - size);
      const rest = without(steps, start, end);
      if (await fails(withSteps(plan, rest))) {
        steps = rest;
        onProgress(steps.length);
      }
    }
  }
  return withSteps(plan, steps);
}

/** The steps without some; the time that passed before these still passes. */
function without(steps: readonly Step[], start: number, end: number): readonly Step[] {
  const rest = [...steps.slice(0, start), ...steps.slice(end)];
  const next = rest[start];
  if (next === undefined) return rest;
  const passed = steps.slice(start, end).reduce((sum, { after }) => sum + after, 0);
  rest[start] = { ...next, after: next.after + passed };
  return rest;
}

/** The plan without time between steps, noise of the network and options, where they do not matter. */
async function simpler(plan: Plan, fails: Fails): Promise<Plan> {
  let simplest = plan;
  for (const variant of variants(plan)) {
    const tried = variant(simplest);
    if (await fails(tried)) simplest = tried;
  }
  return simplest;
}

function* variants(plan: Plan): Generator<(plan: Plan) => Plan> {
  yield (plan) => ({ ...plan, firstPacketId: 1 });
  yield (plan) => ({
    ...plan,
    network: { leastLatency: 0, mostLatency: 0 },
  });
  for (const name of Object.keys(plan.broker.options.limits ?? {})) {
    yield (plan) => ({
      ...plan,
      broker: {
        ...plan.broker,
        options: {
          ...plan.broker.options,
          limits: omit(plan.broker.options.limits ?? {}, name),
        },
      },
    });
  }
  for (const name of Object.keys(plan.broker.options)) {
    yield (plan) => ({
      ...plan,
      broker: { ...plan.broker, options: omit(plan.broker.options, name) },
    });
  }
  for (const [place, client] of plan.clients.entries()) {
    for (const name of Object.keys(client.options)) {
      if (name === "waitForServer" || client.hasDisk && name === "sessionExpiryInterval") continue;
      yield (plan) => ({
        ...plan,
        clients: plan.clients.with(place, {
          ...plan.clients[place]!,
          options: omit(plan.clients[place]!.options, name),
        }),
      });
    }
  }
  for (const place of plan.steps.keys()) {
    yield (plan) => withSteps(plan, plan.steps.with(place, { ...plan.steps[place]!, after: 0 }));
  }
}

function omit<Options extends object>(options: Options, name: string): Options {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key !== name)) as Options;
}
