// What is due is done in the order of its time, and what is not to be done is forgotten.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Agenda, type Appointment } from "../../src/broker/agenda.ts";
import { Random } from "../session/random.ts";

/** An agenda, and the names of what was done. */
function newAgenda(): {
  readonly agenda: Agenda;
  readonly done: string[];
  readonly add: (at: number, name?: string) => Appointment;
} {
  const agenda = new Agenda();
  const done: string[] = [];
  return { agenda, done, add: (at, name = `${at}`) => agenda.add(at, () => done.push(name)) };
}

Deno.test("An agenda without appointments has no deadline", () => {
  const { agenda } = newAgenda();
  assertStrictEquals(agenda.deadline, Infinity);
  agenda.run(1e15);
  assertStrictEquals(agenda.deadline, Infinity);
});

Deno.test("An agenda does what is due by now, and nothing else", () => {
  const { agenda, done, add } = newAgenda();
  add(30);
  add(10);
  add(20);
  assertStrictEquals(agenda.deadline, 10);
  agenda.run(9);
  assertEquals(done, []);
  agenda.run(20);
  assertEquals(done, ["10", "20"]);
  assertStrictEquals(agenda.deadline, 30);
});

Deno.test("What one appointment throws is told, and keeps none of the others from being done", () => {
  const { agenda, done, add } = newAgenda();
  const failure = new Error("It has failed");
  const errors: unknown[] = [];
  agenda.add(10, () => {
    throw failure;
  });
  add(20);
  agenda.run(20, (error) => errors.push(error));
  assertEquals(errors, [failure]);
  assertEquals(done, ["20"]);
  assertStrictEquals(agenda.deadline, Infinity);
});

Deno.test("An appointment that is cancelled is neither done nor waited for", () => {
  const { agenda, done, add } = newAgenda();
  const first = add(10);
  add(20);
  first.isCancelled = true;
  assertStrictEquals(agenda.deadline, 20);
  const last = add(30);
  last.isCancelled = true;
  agenda.run(100);
  assertEquals(done, ["20"]);
  assertStrictEquals(agenda.deadline, Infinity);
});

Deno.test("An appointment that another cancels, both due, is not done", () => {
  const agenda = new Agenda();
  const done: number[] = [];
  agenda.add(1, () => second.isCancelled = true);
  const second = agenda.add(2, () => done.push(2));
  agenda.run(5);
  assertEquals(done, []);
});

Deno.test("An appointment that is made while others are kept is done if it is due, too", () => {
  const agenda = new Agenda();
  const done: string[] = [];
  agenda.add(10, () => {
    done.push("first");
    agenda.add(5, () => done.push("late"));
    agenda.add(20, () => done.push("later"));
  });
  agenda.run(15);
  assertEquals(done, ["first", "late"]);
  assertStrictEquals(agenda.deadline, 20);
});

Deno.test("An appointment at no time never comes", () => {
  const { agenda, done, add } = newAgenda();
  add(Infinity);
  assertStrictEquals(agenda.deadline, Infinity);
  agenda.run(Number.MAX_VALUE);
  assertStrictEquals(agenda.size, 0);
  assertEquals(done, []);
});

Deno.test("An appointment is told what time it is", () => {
  const agenda = new Agenda();
  let told = 0;
  agenda.add(10, (now) => told = now);
  agenda.run(12);
  assertStrictEquals(told, 12);
});

Deno.test("An agenda keeps the order of time, whatever is added, cancelled and done in between", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const agenda = new Agenda();
    const waiting = new Set<Appointment>();
    const done: Appointment[] = [];
    let now = 0;
    for (let step = 0; step < 200; step++) {
      const chance = random.below(10);
      if (chance < 6) {
        const appointment: Appointment = agenda.add(now + random.below(50), () => {
          done.push(appointment);
          waiting.delete(appointment);
        });
        waiting.add(appointment);
      } else if (chance < 8) {
        const some = [...waiting][random.below(Math.max(1, waiting.size))];
        if (some !== undefined) some.isCancelled = true;
        if (some !== undefined) waiting.delete(some);
      } else {
        now += random.below(20);
        const due = [...waiting].filter(({ at }) => at <= now).map(({ at }) => at);
        done.length = 0;
        agenda.run(now);
        assertEquals(done.map(({ at }) => at), due.toSorted((a, b) => a - b), `seed ${seed}`);
      }
      const next = Math.min(...[...waiting].map(({ at }) => at));
      assertStrictEquals(agenda.deadline, next, `seed ${seed}`);
    }
  }
});

Deno.test("An agenda forgets what was cancelled long before its time", () => {
  const agenda = new Agenda();
  const far = 1e12;
  let kept = 0;
  agenda.add(1e9, () => kept++);
  const cancelled: WeakRef<Appointment>[] = [];
  for (let count = 0; count < 1000; count++) {
    // One at a time, as with a client that comes and goes.
    const appointment = agenda.add(far + count, () => {});
    appointment.isCancelled = true;
    cancelled.push(new WeakRef(appointment));
  }
  assert(agenda.size < 200, `${agenda.size} appointments are kept of which one is wanted`);
  agenda.run(1e9);
  assertStrictEquals(kept, 1);
});
