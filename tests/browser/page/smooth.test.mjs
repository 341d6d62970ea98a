// Nothing stalls: what the page's own thread does while networks compute and while a reader scrolls.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { answered, launch, serve, twice, watch } from "../support/harness.mjs";
import { WALL, openWall, scrollWall } from "../../../bench/visits.mjs";

/// Milliseconds that the design promises: of the longest task of the page's thread, and of a frame, 50 of which are a second.
const LONGEST_MS = 50;
const FRAME_MS = 20;

let site, browser;

before(async () => {
  site = await serve();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

async function open(query) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1200, height: 900 });
  const seen = watch(page, site.url);
  await page.addInitScript(() => {
    globalThis.tasks = [];
    new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ type: "longtask" });
  });
  await page.goto(site.url + query);
  await page.waitForFunction(() => document.querySelectorAll("section").length === 8 && [...document.querySelectorAll("section")].every((section) => section.getAttribute("aria-busy") !== "true"));
  return { page, seen };
}

/// What took longer than a task may, since the last call.
const stalls = (page, longest) => page.evaluate((longest) => globalThis.tasks.splice(0).filter((ms) => ms > longest), longest);

describe("the page's thread", () => {
  test("is free while networks compute, and when their answers come", () => twice(async () => {
    const { page, seen } = await open("?models=tiny-a,tiny-b,tiny-c,tiny-d");
    await answered(page, 4);
    await page.waitForTimeout(500);
    await stalls(page, LONGEST_MS);
    for (const picture of ["Eileen Collins", "A cup of coffee", "Chelsea the cat"]) {
      await page.getByRole("button", { name: picture }).click();
      await page.locator("figcaption b", { hasText: picture }).waitFor();
      await answered(page, 4);
    }
    const long = await stalls(page, LONGEST_MS);
    console.log(`# tasks over ${LONGEST_MS} ms while three pictures are classified by four networks: ${JSON.stringify(long)}`);
    assert.deepEqual(long, []);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  }));

  test("keeps up with a wall of 2,048 channels that is scrolled", () => twice(async () => {
    const { page, seen } = await open(WALL);
    await openWall(page);
    await stalls(page, LONGEST_MS);
    const { frameMs, tiles } = await scrollWall(page);
    const long = await stalls(page, LONGEST_MS);
    console.log(`# ${frameMs.toFixed(1)} ms a frame, ${tiles} tiles drawn, tasks over ${LONGEST_MS} ms: ${JSON.stringify(long)}`);
    assert.ok(tiles > 200, `${tiles} tiles came into sight`);
    assert.ok(frameMs <= FRAME_MS, `${frameMs} ms a frame`);
    assert.deepEqual(long, []);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  }));
});
