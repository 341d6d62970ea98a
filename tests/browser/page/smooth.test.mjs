// Large walls of channels: of 2,048 tiles only those are drawn that are in sight, and each of them comes into sight as the reader scrolls. How long the
// page's thread takes over it, and over predictions, is measured by `cargo xtask bench`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serve, watch } from "../support/harness.mjs";

const CHANNELS = 2_048;
let site, browser;

before(async () => {
  site = await serve();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

test("of a wall of 2,048 channels only those in sight are drawn, and all of them as it is scrolled", async () => {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1200, height: 900 });
  const seen = watch(page, site.url);
  await page.goto(`${site.url}?models=resnet50-a&node=layer4&size=96`);
  await page.getByRole("button", { name: "Channels", exact: true }).click();
  await page.locator("#features .wall img").first().waitFor();
  const { tiles, most, rounds } = await page.evaluate(async () => {
    const wall = document.querySelector("#features .wall");
    // What is in sight is drawn before the wall is scrolled on: nothing here counts on how soon.
    const isDrawn = () => {
      const frame = wall.getBoundingClientRect();
      const drawn = [...wall.querySelectorAll("[data-channel]")].map((tile) => tile.getBoundingClientRect());
      // Between two rows is a gap of a few pixels.
      const isCovered = (y) => drawn.some(({ top, bottom }) => top - 8 <= y && y <= bottom + 8);
      return isCovered(frame.top + 8) && isCovered(frame.top + wall.clientHeight - 8);
    };
    const tiles = new Set();
    let [most, rounds] = [0, 0];
    for (let isEnd = false; !isEnd; rounds += 1) {
      isEnd = wall.scrollTop + wall.clientHeight >= wall.scrollHeight - 1;
      while (!isEnd && !isDrawn()) await new Promise((resolve) => setTimeout(resolve, 5));
      const now = [...wall.querySelectorAll("[data-channel]")];
      most = Math.max(most, now.length);
      now.forEach((tile) => tiles.add(tile.dataset.channel));
      wall.scrollTop += wall.clientHeight / 2;
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { tiles: tiles.size, most, rounds };
  });
  console.log(`# ${tiles} tiles in ${rounds} steps, at most ${most} at once`);
  assert.ok(rounds > 10, `${rounds} steps`);
  assert.ok(most < CHANNELS / 4, `${most} tiles at once`);
  await page.locator(`#features .wall [data-channel="${CHANNELS - 1}"]`).waitFor();
  assert.ok(tiles > 0.9 * CHANNELS, `${tiles} tiles came into sight`);
  assert.deepEqual(seen, { errors: [], strangers: [] });
  await page.close();
});
