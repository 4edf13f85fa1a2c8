// topic``: a Topic Filter from a template, and the named levels of topics that match it, there and back.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { topic } from "../../mod.ts";

Deno.test("A template gives a Topic Filter with + for each name and # for the rest", () => {
  assertStrictEquals(topic`site/${"id"}/temperature`.filter, "site/+/temperature");
  assertStrictEquals(topic`${"a"}/${"b"}`.filter, "+/+");
  assertStrictEquals(topic`/${"a"}/`.filter, "/+/");
  assertStrictEquals(topic`logs/${"...path"}`.filter, "logs/#");
  assertStrictEquals(topic`${"...all"}`.filter, "#");
  assertStrictEquals(topic`a/b`.filter, "a/b");
  assertStrictEquals(topic`$share/workers/jobs/${"id"}`.filter, "$share/workers/jobs/+");
  assertStrictEquals(topic`:id/+/${"a"}/#`.filter, ":id/+/+/#");
});

Deno.test("A template gives the parameters of a topic of its form, and of no other", () => {
  const reading = topic`site/${"id"}/${"what"}`;
  assertEquals(reading.match("site/7/temperature"), { id: "7", what: "temperature" });
  assertEquals(reading.match("site//"), { id: "", what: "" });
  for (const other of ["site/7", "site/7/a/b", "home/7/a", "Site/7/a", ""]) {
    assertStrictEquals(reading.match(other), undefined);
  }
  assertEquals(topic`a/b`.match("a/b"), {});
  assertEquals(topic`+/${"second"}/#`.match("1/2/3/4"), { second: "2" });
  assertStrictEquals(topic`${"first"}/a`.match("$SYS/a"), undefined);
  assertEquals(topic`${"__proto__"}`.match("a"), Object.fromEntries([["__proto__", "a"]]));
});

Deno.test("The rest of a topic is a list of its levels, which tells no level from one that is empty", () => {
  const logs = topic`logs/${"host"}/${"...path"}`;
  assertEquals(logs.match("logs/alpha"), { host: "alpha", path: [] });
  assertEquals(logs.match("logs/alpha/"), { host: "alpha", path: [""] });
  assertEquals(logs.match("logs/alpha/http/errors"), { host: "alpha", path: ["http", "errors"] });
});

Deno.test("The share name of a template is no level of its topics [MQTT-4.8.2-1]", () => {
  const job = topic`$share/workers/jobs/${"id"}/${"...rest"}`;
  assertEquals(job.match("jobs/7/a"), { id: "7", rest: ["a"] });
  assertStrictEquals(job.topic({ id: "7", rest: ["a", "b"] }), "jobs/7/a/b");
  assertStrictEquals(topic`$share/g/${"id"}`.topic({ id: "7" }), "7");
});

Deno.test("parameters() throws where match() has nothing, and names topic and filter", () => {
  const reading = topic`site/${"id"}`;
  assertStrictEquals(reading.parameters("site/7").id, "7");
  assertThrows(
    () => reading.parameters("home/7"),
    TypeError,
    'Topic Name "home/7" does not match "site/+"',
  );
});

Deno.test("A template makes a topic from parameters, and takes the same parameters from it", () => {
  const logs = topic`logs/${"host"}/x/${"...path"}`;
  for (const path of [[], [""], ["a"], ["a", "", "b"]]) {
    const parameters = { host: "alpha", path };
    assertEquals(logs.match(logs.topic(parameters)), parameters);
  }
  assertStrictEquals(topic`${"a"}/${"b"}`.topic({ a: "", b: "" }), "/");
  assertStrictEquals(topic`${"...all"}`.topic({ all: ["a", "b"] }), "a/b");
});

for (
  const [what, make, text] of [
    ["a parameter that is missing", () => reading().topic({} as never), '"id" must consist of'],
    ["a number", () => reading().topic({ id: 7 } as never), "strings, got number"],
    ["two levels for one", () => reading().topic({ id: "7/8" }), 'got "7/8"'],
    ["a wildcard", () => reading().topic({ id: "+" }), 'must not contain "/", "+" or "#"'],
    ["U+0000", () => reading().topic({ id: "\0" }), "U+0000"],
    ["text for a list of levels", () => all().topic({ all: "a" as never }), '"all" must be an arr'],
    ["an empty topic", () => all().topic({ all: [] }), "is empty"],
    ["a wildcard without a name", () => topic`a/+/${"b"}`.topic({ b: "1" }), "wildcard"],
    ["a name of part of a level", () => topic`a/x${"id"}`, "+ together with other characters"],
    ["two names of one level", () => topic`${"a"}${"b"}`, "+ together with other characters"],
    ["a rest before the end", () => topic`${"...a"}/b`, "# before its last level"],
    ["a share name with a name", () => topic`$share/${"g"}/a`, "wildcard in its share name"],
    ["an empty template", () => topic``, "is empty"],
    ["an empty name", () => topic`a/${""}`, "The name of a parameter is empty"],
    ["an empty name of the rest", () => topic`a/${"..."}`, "The name of a parameter is empty"],
    ["a name that is there twice", () => topic`${"a"}/${"...a"}`, 'two parameters "a"'],
    ["a name that is no string", () => topic`a/${7 as never}`, "must be a string, got number"],
    ["a backslash that begins no escape", () => topic`\user/${"id"}`, "write \\\\ for a backslash"],
  ] as const
) {
  Deno.test(`topic\`\` refuses ${what}`, () => {
    assertThrows(make, TypeError, text);
  });
}

function reading() {
  return topic`site/${"id"}`;
}

function all() {
  return topic`${"...all"}`;
}
