// The lessons of `demo --page` in Chromium, as somebody has them who has never seen MQTT: one
// command, the link, and Next.

import { assertEquals, assertMatch } from "@std/assert";
import { chromium, programTest } from "../../runtimes/programs.ts";
import { assertAccessible } from "../inspect/accessibility.ts";
import { Chromium } from "../inspect/chromium.ts";
import { beginBare } from "../server.ts";

/** A step is over: it is there, and the button waits for the next. */
function isAt(step: number): string {
  return `document.querySelectorAll(".lesson-steps > li").length === ${step} &&
    document.querySelector(".lesson-next").getAttribute("aria-disabled") === null`;
}

programTest(
  "in Chromium a lesson goes on by the key n, shows each step beside its packets, and begins again",
  [chromium],
  async () => {
    await using demo = beginBare(["--allow-net=127.0.0.1"], ["demo", "qos2", "--page", "0"]);
    const [, link] = await demo.untilTold(/the page is at (\S+)\n/);
    await using browser = await Chromium.start();
    const page = await browser.open(link!);
    const packets = () => page.texts(".row .message b");
    await page.untilShown("#lesson h2", "QoS 2, exactly once");
    await page.untilShown("#conversation", "Press Next");

    await page.press("n");
    await page.until(isAt(1));
    await page.press("n");
    await page.until(isAt(2));
    await page.untilShown("#packet h2", "PUBLISH");
    assertEquals(await page.texts(".lesson-bytes th"), [
      ...["34", "14", "00 0A", "73 68 6F 70 2F 6F 72 64 65 72", "00 01", "00", "31 20 74 65 61"],
    ]);
    // The bytes beside it are the same.
    const bytes = (await page.texts(".lesson-bytes th")).join(" ").toLowerCase();
    assertEquals((await page.texts("#packet .byte")).join(" "), bytes);
    assertMatch((await page.texts(".lesson-foot > span")).join(), /^Step 2 of 8$/);
    assertEquals((await packets()).slice(-3), ["PUBLISH", "PUBREC", "PUBLISH"]);

    await assertAccessible(page, "lesson");
    await assertAccessible(page, "lesson-dark", { scheme: "dark" });
    await assertAccessible(page, "lesson-phone", { width: 390, height: 844 });
    await page.show({});

    // A step before leads back to its packet.
    await page.click(".lesson-steps button", "The till and the kitchen connect");
    await page.untilShown("#packet h2", "CONNECT");
    assertEquals(await page.texts('.lesson-steps [aria-expanded="true"]'), [
      "The till and the kitchen connect, and the kitchen subscribes to shop/order at QoS 2.",
    ]);

    await page.click(".lesson-next");
    await page.until(isAt(3));
    await page.untilShown("#packet h2", "PUBREL");

    await page.click("button", "Start again");
    await page.until(isAt(0));
    await page.untilShown("#conversation", "Press Next");
    assertEquals(await packets(), []);

    await page.click(".lesson-chapters > summary");
    await assertAccessible(page, "lesson-chapters");
    await page.click(".lesson-chapters button", "the last one is there at once");
    await page.untilShown("#lesson h2", "Retained messages");
    await page.until(isAt(0));
    // The button has the focus.
    await page.press("Enter");
    await page.until(isAt(1));
    assertEquals((await packets()).slice(-1), ["PUBLISH"]);
    await page.untilShown("#packet .field", "RETAIN");

    const other = await browser.open(link!);
    await other.until(isAt(1));
    await other.press("n");
    await other.until(isAt(2));
    await page.send("Page.bringToFront");
    await page.until(isAt(2));
    assertEquals([...page.complaints, ...other.complaints], []);
  },
);
