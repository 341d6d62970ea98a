// What the page holds and where it stands, in every engine: Chromium, Firefox and WebKitGTK. What is the same everywhere is tested in Chromium alone,
// and at night in the others too.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chromium, firefox, webkit } from "../support/engines.mjs";
import { isNightly } from "../support/extent.mjs";
import { serveHosts } from "../support/harness.mjs";
import { errorsSince, serveWithBlank, visit } from "../support/state.mjs";
import { SAME_EVERYWHERE, SCENARIOS } from "./state_scenarios.mjs";

const LIMIT = { timeout: 900_000 };
// The pointer moves only where a scenario moves it.
const ENGINES = [["chromium", () => chromium({ still: true })], ["firefox", firefox], ["webkit", webkit]];

let server, hosts;
before(async () => {
  server = await serveWithBlank();
  hosts = await serveHosts();
});
after(async () => {
  await hosts?.close();
  await server?.close();
});

const site = () => ({ url: server.url, put: hosts.put });

for (const [name, start] of ENGINES) {
  describe(`the state in ${name}`, () => {
    let started;
    /// Starts it once: where it is not installed, every test fails with that.
    const launched = () => (started ??= start());
    after(async () => { await (await started?.catch(() => null))?.close(); }, LIMIT);

    test("what is tested in one engine alone is a scenario", () => {
      assert.deepEqual([...SAME_EVERYWHERE].filter((scenario) => !(scenario in SCENARIOS)), []);
    });
    for (const [scenario, take] of Object.entries(SCENARIOS)) {
      if (name !== "chromium" && !isNightly && SAME_EVERYWHERE.has(scenario)) continue;
      test(scenario, LIMIT, async () => {
        const browser = await launched();
        await browser.resize(1280, 900);
        const before = (await browser.errors()).length;
        await take(browser, site());
        assert.deepEqual(await errorsSince(browser, before), []);
      });
    }
  });
}

describe("with a camera", () => {
  let browser;
  before(async () => { browser = await chromium({ still: true, camera: true }); });
  after(async () => { await browser?.close(); });

  test("it goes on through links, Back and Forward", LIMIT, async () => {
    await browser.resize(1280, 900);
    await visit(browser, site(), "?models=tiny-a");
    await browser.until("it answers", () => held.answered());
    await browser.evaluate(() => held.all(".picture button").find(({ textContent }) => textContent === "Camera").click());
    const isOn = (when) => browser.until(`it goes on ${when}`, () => {
      const { isLive, asked, notice } = held.all_of_it();
      return isLive && asked.image === "own" && notice === "" && /\d pictures a second/.test(held.text(".picture figcaption")[0]);
    });
    await isOn("once it is there");
    await browser.evaluate(() => held.link("cost"));
    await browser.until("the link leads there", () => location.hash === "#cost");
    await isOn("after a link of the header");
    for (const [by, hash] of [[-1, ""], [1, "#cost"]]) {
      await browser.evaluate((by) => history.go(by), by);
      await browser.until("it is gone there", (hash) => location.hash === hash, hash);
      await isOn(by < 0 ? "after Back" : "after Forward");
    }
  });
});
