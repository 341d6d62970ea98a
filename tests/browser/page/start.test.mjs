// What a visitor gets first: the page's first lines before its code, then what is in sight, and the rest when it is wanted.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { EMBEDDABLE, SECTIONS } from "../support/figures.mjs";
import { launch, serve, watch } from "../support/harness.mjs";
import { becomes, numbers } from "../support/soon.mjs";

/// What happens to requests of the page's wasm: `hold` is waited for, `refused` are turned away.
let hold, refused;
let site, browser;

before(async () => {
  site = await serve((path, _request, response) => {
    if (!/\/app[^/]*\.wasm$/.test(path)) return false;
    if (refused) response.writeHead(503).end();
    return refused;
  });
  browser = await launch({ still: true });
});
after(async () => {
  await browser?.close();
  await site?.close();
});

async function open(query, { width, height, init } = {}) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width, height });
  const seen = watch(page, site.url);
  await page.addInitScript(() => {
    globalThis.shifted = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { globalThis.shifted += value; })).observe({ type: "layout-shift", buffered: true });
  });
  if (init) await page.addInitScript(init);
  if (hold) await page.route("**/app_bg.wasm", async (route) => { await hold; await route.continue(); });
  await page.goto(site.url + query, { waitUntil: "commit" });
  return { page, seen };
}

const PHONE = { width: 360, height: 800 };
const DESKTOP = { width: 1600, height: 900 };

/// Its first lines: text, colour and place of what is in sight of them.
const lines = (page) => page.evaluate(() => [...document.querySelectorAll("h1, h1 ~ p, header .logo, header nav a")]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.textContent, getComputedStyle(element).color, Math.round(element.getBoundingClientRect().top), Math.round(element.getBoundingClientRect().left)]));

/// A figure's heading and the sentence under it, likewise.
const head = (page) => page.evaluate(() => [...document.querySelectorAll(".alone .head > *")]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.textContent, getComputedStyle(element).color, Math.round(element.getBoundingClientRect().top), Math.round(element.getBoundingClientRect().left)]));

describe("the first lines", () => {
  for (const [name, query, size, korean] of [
    ["in English", "", DESKTOP, false], ["in Korean, dark", "?lang=ko&theme=dark", DESKTOP, true], ["on a phone", "", PHONE, false],
    ["on a phone, in a Korean browser", "", PHONE, true],
  ]) {
    test(`${name}: there before the code, and where the page has them`, async () => {
      let arrive;
      hold = new Promise((resolve) => { arrive = resolve; });
      const init = korean && query === "" ? () => Object.defineProperty(navigator, "languages", { get: () => ["ko-KR", "en-US"] }) : undefined;
      const { page, seen } = await open(query, { ...size, init });
      await page.waitForFunction(() => document.querySelector("#shell h1"));
      await page.waitForFunction(() => document.styleSheets.length > 0);
      const first = await lines(page);
      assert.equal(first.length, size === PHONE ? 3 : 11, `${first}`);
      assert.equal(/[가-힣]/.test(first.at(-1)[0]), korean, first.at(-1)[0]);
      arrive();
      hold = undefined;
      await page.waitForSelector(".answer .top .row");
      await numbers(page.locator("#shell"), 0);
      // Nothing jumps when the page stands.
      await becomes(() => lines(page), first);
      await page.waitForFunction(() => document.querySelectorAll(".answer .top .row").length === 20);
      assert.ok(await page.evaluate(() => globalThis.shifted) < 0.1, `shifted by ${await page.evaluate(() => globalThis.shifted)}`);
      assert.deepEqual(seen, { errors: [], strangers: [] });
      await page.close();
    });
  }

  for (const figure of EMBEDDABLE) {
    test(`${figure}, alone: its heading before the code, and where the figure has it`, async () => {
      for (const lang of ["en", "ko"]) {
        let arrive;
        hold = new Promise((resolve) => { arrive = resolve; });
        const { page, seen } = await open(`?embed=${figure}&lang=${lang}`, PHONE);
        await page.waitForFunction(() => document.querySelector("#shell .alone p") && document.styleSheets.length > 0);
        const first = await head(page);
        assert.equal(first.length, 2, `${first}`);
        assert.equal(/[가-힣]/.test(first.join()), lang === "ko", `${first}`);
        arrive();
        hold = undefined;
        await page.waitForSelector("section[aria-busy='false'], #prediction");
        await numbers(page.locator("#shell"), 0);
        // Nothing jumps when the figure stands.
        await becomes(() => head(page), first);
        assert.ok(await page.evaluate(() => globalThis.shifted) < 0.1, `shifted by ${await page.evaluate(() => globalThis.shifted)}`);
        assert.deepEqual(seen, { errors: [], strangers: [] });
        await page.close();
      }
    });
  }

  test("a page whose code does not come reports it, alone and in another page's frame", async () => {
    refused = true;
    for (const [query, sentence] of [["", /^The code of this page could not be started/], ["?lang=ko", /^이 페이지의 코드를 시작하지 못했다/], ["?embed=cost", /^The code of this page/]]) {
      const { page } = await open(query, PHONE);
      const alert = page.getByRole("alert");
      await alert.waitFor();
      assert.match(await alert.textContent(), sentence);
      await page.close();
    }
    refused = false;
  });
});

describe("what is not in sight", () => {
  const busy = (page) => page.$$eval("section", (sections) => sections.filter((section) => section.getAttribute("aria-busy") === "true").map((section) => section.id));

  test("waits for the reader's first move", async () => {
    const { page, seen } = await open("", PHONE);
    await page.waitForFunction(() => document.querySelectorAll(".answer .top .row").length === 20);
    await page.waitForTimeout(500);
    assert.deepEqual(await busy(page), SECTIONS.filter((section) => section !== "prediction"));
    await page.mouse.move(50, 50);
    await page.waitForFunction(() => [...document.querySelectorAll("section")].every((section) => section.getAttribute("aria-busy") !== "true"));
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("comes at once where the link leads to it", async () => {
    const { page } = await open("#cost", PHONE);
    await page.waitForSelector("#cost table");
    await page.close();
  });
});
