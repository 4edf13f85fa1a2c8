// A lesson of `mqtt5 demo` in a real Chromium, read as somebody does who has never seen MQTT: step by
// step to the end, with a look at the bytes.

import { assert, assertEquals } from "@std/assert";
import { chromium, programTest } from "../../runtimes/programs.ts";
import { PageScene, stepsOf } from "./page_scene.ts";

programTest(
  "in Chromium a lesson goes through QoS 2 step by step, and each byte says what it is for",
  [chromium],
  async (t) => {
    await using scene = await PageScene.demo("qos2");
    const { page } = scene;
    const step = stepsOf(t);

    await step("it begins with the chapter, and waits", async () => {
      await page.untilShown("#lesson h2");
      await page.untilShown(".lesson-next", "n");
      await scene.assertAccessible("lesson");
    });

    await step("n goes on to the end, and each step shows its text and its packet", async () => {
      const done = () => page.evaluate<number>("document.querySelector('#lesson progress').value");
      const count = await page.evaluate<number>("document.querySelector('#lesson progress').max");
      assert(count >= 3, `${count} steps`);
      for (let taken = await done(); taken < count; taken++) {
        await page.press("n");
        await page.until(`document.querySelector("#lesson progress").value === ${taken + 1}`);
        await page.untilShown(`.lesson-steps > li:nth-child(${taken + 1}) p`);
        await page.untilShown("#packet h2");
      }
    });

    await step(
      "all of the exchange is in the diagram, and its bytes can be pointed at",
      async () => {
        await page.click("#lesson .lesson-steps button", "First of four");
        await page.untilShown("#packet h2", "PUBLISH");
        await page.untilShown("#packet nav", "PUBCOMP");
        await page.hover(".field", "QoS");
        assertEquals((await page.texts(".byte.lit")).join(" "), "34");
        await page.hover(".field", "Payload");
        assertEquals((await page.texts(".byte.lit")).join(" "), "31 20 74 65 61");
      },
    );

    await step("another chapter can be chosen", async () => {
      await page.click("#lesson summary");
      await scene.assertAccessible("chapters");
      await page.click(".lesson-chapters button", "retained");
      await page.untilShown("#lesson summary", "retained");
      await page.until("document.querySelector('#lesson progress').value <= 1");
    });

    await step("it is accessible in the dark, and on a phone", async () => {
      await page.press("n");
      await page.untilShown("#packet h2");
      await scene.assertAccessible("lesson-dark", { scheme: "dark" });
      await scene.assertAccessible("lesson-phone", { width: 390, height: 844 });
    });

    await step("it asks for nothing elsewhere, and the browser complains of nothing", () => {
      scene.assertQuiet();
    });
  },
);
