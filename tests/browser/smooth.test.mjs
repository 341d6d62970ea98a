// Nothing stalls: what the page's own thread does while networks compute and while a reader scrolls.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, serve, twice, watch } from "./harness.mjs";

/// Longest task of the page's thread, in milliseconds, and frames a second, that the design promises.
const LONGEST_MS = 50;
const LEAST_FRAMES = 50;

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

const answered = (page, count) => page.waitForFunction((count) => document.querySelectorAll(".answer .top .row").length === 5 * count, count);
/// What took longer than a task may, since the last time this was asked.
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
    const { page, seen } = await open("?models=resnet50-a&node=layer4&size=96");
    await answered(page, 1);
    await page.getByRole("button", { name: "Channels", exact: true }).click();
    await page.locator("#features .wall img").nth(9).waitFor();
    await page.locator("#features .wall").scrollIntoViewIfNeeded();
    await page.waitForTimeout(500);
    await stalls(page, LONGEST_MS);
    // A new place every frame, so that new tiles are drawn all the time.
    const { frames, shown } = await page.evaluate(async () => {
      const wall = document.querySelector("#features .wall");
      const next = () => new Promise(requestAnimationFrame);
      const seen = new Set();
      const start = await next();
      let now = start, frames = 0;
      while (now - start < 2000) {
        wall.scrollTop += 24;
        now = await next();
        frames++;
        wall.querySelectorAll("[data-channel]").forEach((tile) => seen.add(tile.dataset.channel));
      }
      return { frames: (1000 * frames) / (now - start), shown: seen.size };
    });
    const long = await stalls(page, LONGEST_MS);
    console.log(`# ${frames.toFixed(1)} frames a second, ${shown} tiles drawn, tasks over ${LONGEST_MS} ms: ${JSON.stringify(long)}`);
    assert.ok(shown > 200, `${shown} tiles came into sight`);
    assert.ok(frames >= LEAST_FRAMES, `${frames} frames a second`);
    assert.deepEqual(long, []);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  }));
});
