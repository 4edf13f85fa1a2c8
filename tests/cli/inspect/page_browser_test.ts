// The page of `mqtt5 inspect` in a real Chromium, worked by mouse and keys as a person does, with
// what a real mosquitto_pub and a real Mosquitto say to each other.

import { assertEquals } from "@std/assert";
import { noMosquitto } from "../../io/mosquitto.ts";
import { chromium, programTest, unless } from "../../runtimes/programs.ts";
import { PageScene, stepsOf } from "./page_scene.ts";

const PROGRAMS = [chromium, unless(noMosquitto)];

/** The packets of a PUBLISH at QoS 2 and what is around it. */
const EXCHANGE = ["CONNECT", "CONNACK", "PUBLISH", "PUBREC", "PUBREL", "PUBCOMP", "DISCONNECT"];

/** A CONNECT of the client "device", and a PUBLISH at QoS 1 with the Packet Identifier 0. */
const FAULTY = "101300044d5154540502003c00000664657669636532070001610000" + "0078";

/** A topic and a payload that would be more than text, were they not taken as text. */
const HOSTILE = "<img src=x onerror=alert(1)>/\u202e__proto__//";

programTest(
  "in Chromium the page shows packets of mosquitto_pub and Mosquitto, their bytes and faults",
  PROGRAMS,
  async (t) => {
    await using scene = await PageScene.start();
    const { page } = scene;
    const step = stepsOf(t);
    const packets = () => page.texts(".row .message b");
    const lit = async () => (await page.texts(".byte.lit")).join(" ");

    await step("before anything has come, it says what to do", async () => {
      await page.untilShown("#conversation", "Nothing has been seen yet");
      await scene.assertAccessible("empty");
    });

    await step("packets appear as they pass", async () => {
      await scene.publish("thermostat", "home/kitchen", "-m", "20.5", "-q", "2", "-r");
      await page.untilShown(".row", "DISCONNECT");
      assertEquals(await packets(), EXCHANGE);
      await page.untilShown("#connections", "thermostat");
    });

    await step("pointing at a field lights its bytes, and at a byte its field", async () => {
      await page.click(".row", "PUBLISH");
      await page.hover(".field", "Packet Identifier");
      assertEquals(await lit(), "00 01");
      await page.hover(".field", "Payload");
      assertEquals(await lit(), "32 30 2e 35");
      await page.hover('.byte[data-offset="5"]');
      assertEquals(await page.texts(".field.lit .name"), ["Topic Name"]);
      await page.hover(".field", "QoS");
      assertEquals([await lit(), await page.texts(".bit.lit")], ["35", ["1", "0"]]);
    });

    await step("a fault is flagged with the rule that it breaks", async () => {
      await scene.send(FAULTY);
      const rule = "Packet Identifier at byte 5 is 0, which identifies nothing";
      await page.untilShown(".row .remark", rule);
      await page.untilShown("#counts", "1 finding");
      await page.click(".row", rule);
      await page.untilShown("#packet .findings", rule);
      await page.untilShown("#packet .findings a", "§3.3.2.2");
      await scene.assertAccessible("fault");
    });

    await step("a filter leaves out what does not match", async () => {
      await page.press("/");
      await page.type("client:thermostat type:publish");
      await page.until('document.querySelectorAll(".row").length === 1');
      assertEquals(await packets(), ["PUBLISH"]);
      await page.press("Escape");
      await page.untilShown(".row", "CONNECT");
      await page.click("button", "Findings");
      await page.until('document.querySelectorAll(".row").length === 1');
      await page.click("button", "Findings");
      await page.untilShown(".row", "CONNECT");
    });

    await step(
      "while it is paused nothing moves, and afterwards nothing is missing",
      async () => {
        await page.click("button", "Pause");
        const before = await packets();
        await scene.publish("late", "home/late", "-m", "1");
        await page.until(
          '/^Paused, [1-9]\\d* new/.test(document.querySelector(".status").innerText)',
        );
        assertEquals(await packets(), before);
        await page.click("button", "Paused");
        await page.untilShown(".row", "home/late");
      },
    );

    await step("the keyboard is enough", async () => {
      await page.evaluate('document.querySelector(".diagram").focus()');
      await page.press("Home", "ArrowDown", "ArrowDown", "ArrowDown");
      await page.untilShown('.row[aria-selected="true"]', "PUBLISH");
      await page.untilShown("#packet h2", "PUBLISH");
      await page.press("Enter", "End");
      assertEquals(await lit(), "32 30 2e 35");
      await page.press("Escape", "ArrowDown");
      await page.untilShown("#packet h2", "PUBREC");
      await page.press("?");
      await page.untilShown("dialog", "Keys");
      await scene.assertAccessible("keys");
      await page.press("Escape");
    });

    await step("it is accessible in light and dark, and on a phone", async () => {
      await scene.assertAccessible("light");
      await scene.assertAccessible("dark", { scheme: "dark" });
      for (const view of ["Connections", "Conversation", "Packet"]) {
        await page.show({ width: 390, height: 844 });
        await page.click("#views button", view);
        await scene.assertAccessible(`phone-${view.toLowerCase()}`, { width: 390, height: 844 });
      }
    });

    await step("it asks for nothing elsewhere, and the browser complains of nothing", () => {
      scene.assertQuiet();
    });
  },
);

programTest(
  "in Chromium the page shows topics as a tree, and of one its payload, numbers and properties",
  PROGRAMS,
  async (t) => {
    await using scene = await PageScene.start();
    const { page } = scene;
    const step = stepsOf(t);
    const row = (topic: string) => `.topic-row[title=${JSON.stringify(topic)}]`;
    const cells = (topic: string) => {
      const one = JSON.stringify(row(topic));
      return page.evaluate<string[]>(`Array.from(document.querySelector(${one}).children,
        ({ innerText }) => innerText.replaceAll(/\\s+/g, " ").trim())`);
    };

    await step("the tree fills with the last values, and what is retained", async () => {
      await page.press("2");
      await page.untilShown("#topics", "No message has been published yet");
      await page.press("1");
      await using _ = scene.subscribe("dashboard", "#");
      await page.untilShown(".row", "SUBACK");
      await page.press("2");
      await scene.publish("thermostat", "home/kitchen/temperature", "-m", "20.5", "-r");
      await scene.publish("thermostat", "home/kitchen/temperature", "-m", "21", "-q", "2", "-r");
      await scene.publish("thermostat", HOSTILE, "-m", "<script>alert(1)</script>");
      await scene.publish("thermostat", "home/old", "-m", "gone", "-r");
      await scene.publish("thermostat", "home/old", "-n", "-r");
      await page.untilShown(row("home/old"), "cleared");
      const [name, value, qos, , messages] = await cells("home/kitchen/temperature");
      assertEquals(
        [name, value, qos, messages],
        ["temperature", "21 retained", "QoS 2", "2 messages"],
      );
      assertEquals(await page.evaluate("document.querySelectorAll('img, main script').length"), 0);
      await scene.picture("tree");
    });

    await step("JSON is formatted, and one of its numbers is plotted", async () => {
      for (const [inside, outside] of [[20, 3], [21, 5], [22, 4]]) {
        const json = JSON.stringify({ inside, all: { outside } });
        await scene.publish(
          "thermostat",
          "home/json",
          "-m",
          json,
          "-D",
          "publish",
          "content-type",
          "application/json",
        );
      }
      await page.click(row("home/json"));
      await page.untilShown(".json-line", '"all": {');
      await page.untilShown(".plot-summary", "last 22, min 20, max 22");
      await page.click(".json-number", "4");
      await page.untilShown(".plot-summary", "last 4, min 3, max 5; 3 values");
      assertEquals(await page.evaluate("document.querySelectorAll('.plot circle').length"), 4);
      await page.untilShown(".topic-properties", "application/json");
      await page.hover(".plot");
      await page.untilShown(".plot-summary", ": 5");
      await page.click(".payload-forms button", "Bytes");
      await page.untilShown(".payload-bytes", "0000  7b 22 69 6e");
      await scene.publish("thermostat", "home/json", "-m", '{"inside":22,"all":{"outside":9}}');
      await page.untilShown(".plot-summary", "last 9");
    });

    await step("search finds a topic, also by a Topic Filter", async () => {
      await page.press("/");
      await page.type("KITCH");
      await page.until('document.querySelectorAll(".topic-row").length === 3');
      await page.click(".topic-bar input");
      await page.evaluate("document.activeElement.select()");
      await page.type("home/+");
      await page.until('document.querySelectorAll(".topic-row").length === 3');
      await page.untilShown(row("home/old"));
      await page.press("Escape");
      await page.untilShown(row("home/kitchen/temperature"));
    });

    await step("the keyboard is enough", async () => {
      const active = () => page.texts('.topic-row[aria-selected="true"] .topic-level');
      await page.evaluate('document.querySelector(".topic-tree").focus()');
      await page.press("End");
      assertEquals(await active(), ["old"]);
      await page.press("ArrowLeft");
      assertEquals(await active(), ["home"]);
      await page.press("ArrowLeft");
      await page.until(`document.querySelector('${row("home/old")}') === null`);
      await page.press("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown");
      assertEquals(await active(), ["temperature"]);
      await page.untilShown(".topic-title", "home/kitchen/temperature");
      await page.press("Escape");
      await page.until('!document.querySelector(".topic-detail").checkVisibility()');
      assertEquals(await active(), []);
      await page.press("/");
      await page.type("nothing of this");
      await page.untilShown("#topics .empty", "No topic matches nothing of this");
      await page.press("Escape", "Escape", "ArrowDown");
      assertEquals(await active(), ["<img src=x onerror=alert(1)>"]);
      await page.press(" ");
      await page.untilShown("#topics button", "Paused");
      await page.press(" ");
      await page.untilShown("#topics button", "Pause");
    });

    await step("it is accessible in light and dark, and on a phone", async () => {
      await page.click(row("home/json"));
      await page.click(".payload-forms button", "JSON");
      await page.untilShown(".topic-properties h3");
      await scene.assertAccessible("topics-light");
      await scene.assertAccessible("topics-dark", { scheme: "dark" });
      await scene.assertAccessible("topics-phone", { width: 390, height: 844 });
      await page.show({});
    });

    await step("the packet of the last message can be shown", async () => {
      await page.click("button", "Show packet");
      await page.untilShown("#packet .hex");
      await page.untilShown('.row[aria-selected="true"]', "home/json");
    });

    await step("it asks for nothing elsewhere, and the browser complains of nothing", () => {
      scene.assertQuiet();
    });
  },
);
