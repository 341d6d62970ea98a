// Pictures that change while they are on show: a camera, and a brush.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, serve, watch } from "../support/harness.mjs";
import { leadsTo, numbers, soon } from "../support/soon.mjs";

let server;
before(async () => { server = await serve(); });
after(async () => { await server?.close(); });

async function open(browser, query, init) {
  const page = await browser.context.newPage();
  const seen = watch(page, server.url);
  // Counts what is requested of the engine and has not been answered, and the pictures it got.
  await page.addInitScript(() => {
    globalThis.load = { waiting: 0, most: 0, pictures: 0 };
    const { Worker } = globalThis;
    globalThis.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        this.addEventListener("message", ({ data }) => { if (/^{"(ran|picture|failed)"/.test(data.json)) load.waiting -= 1; });
      }
      postMessage(message, ...rest) {
        if (/^{"(run|picture)"/.test(message.json)) load.most = Math.max(load.most, ++load.waiting);
        // What is cancelled gets no answer.
        if (/^{"cancel"/.test(message.json)) load.waiting -= 1;
        if (/^{"picture"/.test(message.json)) load.pictures += 1;
        super.postMessage(message, ...rest);
      }
    };
  });
  if (init) await page.addInitScript(init);
  await page.goto(server.url + query);
  await page.waitForFunction(() => document.querySelectorAll(".answer .top .row").length > 0);
  return { page, seen };
}

const clean = async ({ page, seen }) => {
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(seen.strangers, []);
  await page.close();
};
const button = (page, name) => page.getByRole("button", { name, exact: true });
const shown = (page) => page.$$eval(".answer .number", (all) => all.map((number) => number.textContent).join());

describe("with a camera", () => {
  let browser;
  before(async () => { browser = await launch({ camera: true }); });
  after(async () => { await browser?.close(); });

  test("answers and maps follow it, latest wins, and the last picture stays", async () => {
    const visit = await open(browser, "?models=tiny-a,tiny-d");
    const { page } = visit;
    await button(page, "Channels").click();
    await page.waitForFunction(() => document.querySelectorAll("#features .enlarged img").length === 2);
    const map = () => page.locator("#features .enlarged img").first().getAttribute("src");
    const before = [await shown(page), await map()];
    await button(page, "Camera").click();
    await page.getByText(/^\d+\.\d pictures a second; they stay on this device\.$/).waitFor();
    // No answer is ever taken away before the next one is there.
    await page.evaluate(() => {
      globalThis.gaps = 0;
      new MutationObserver(() => { if (document.querySelectorAll(".answer .top .row").length < 10) gaps += 1; }).observe(document.querySelector(".answers"), { childList: true, subtree: true });
    });
    await page.evaluate(() => { load.most = 0; load.pictures = 0; });
    const first = await shown(page);
    await page.waitForFunction(() => load.pictures >= 12);
    await soon(async () => {
      assert.notEqual(await shown(page), before[0]);
      assert.notEqual(await shown(page), first, "the test picture moves");
      assert.notEqual(await map(), before[1], "the maps follow");
    });
    // Two networks, each with its answer and its maps: nothing piles up.
    const { most } = await page.evaluate(() => load);
    assert.ok(most <= 5, `${most} requests at once`);
    assert.equal(await page.evaluate(() => gaps), 0);
    await button(page, "Stop").click();
    await page.locator(".picture img").waitFor();
    await page.getByText(/^Camera · 480 × 360 · /).waitFor();
    const stopped = await page.evaluate(() => load.pictures);
    await page.waitForTimeout(1000);
    assert.ok((await page.evaluate(() => load.pictures)) <= stopped + 1, "no picture is taken any more");
    console.log(`# at most ${most} requests waited`);
    await clean(visit);
  });

  test("a sample picture ends it, and so does a camera that is unplugged", async () => {
    const visit = await open(browser, "?models=tiny-d", () => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => { globalThis.stream = await ask(wanted); return stream; };
    });
    const { page } = visit;
    await button(page, "Camera").click();
    await page.getByText(/pictures a second/).waitFor();
    await page.getByRole("button", { name: /coffee/i }).click();
    await page.getByText(/^A cup of coffee|^Coffee|coffee/i).first().waitFor();
    await numbers(page.locator(".picture canvas"), 0);
    await page.waitForFunction(() => stream.getTracks().every((track) => track.readyState === "ended"));
    await button(page, "Camera").click();
    await page.getByText(/pictures a second/).waitFor();
    await page.evaluate(() => stream.getTracks().forEach((track) => track.stop()));
    await page.getByText("The camera stopped. Its last picture stays; plug it in and start it again.").waitFor();
    await page.getByText(/^Camera · /).waitFor();
    await clean(visit);
  });

  test("a camera that is refused, busy or not offered is answered with a sentence", async () => {
    for (const [init, words] of [
      [() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError")); }, "The camera was refused. Allow it"],
      [() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotReadableError")); }, "perhaps another program uses it"],
      [() => Object.defineProperty(navigator, "mediaDevices", { value: undefined }), "This browser offers no camera here"],
    ]) {
      const visit = await open(browser, "?models=tiny-d", init);
      const before = await shown(visit.page);
      await button(visit.page, "Camera").click();
      await visit.page.getByText(words).waitFor();
      assert.equal(await shown(visit.page), before);
      await numbers(visit.page.locator(".picture img"), 1);
      await clean(visit);
    }
  });
});

describe("without a camera", () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(async () => { await browser?.close(); });

  test("that is reported, and the picture stays", async () => {
    const visit = await open(browser, "?models=tiny-d");
    await browser.context.grantPermissions(["camera"], { origin: new URL(server.url).origin });
    await button(visit.page, "Camera").click();
    await visit.page.getByText("There is no camera here. Plug one in, or choose a picture instead.").waitFor();
    assert.equal(await visit.page.locator(".picture img").count(), 1);
    await clean(visit);
  });

  test("the picture can be drawn on, and the predictions follow", async () => {
    const visit = await open(browser, "?models=tiny-a,tiny-d");
    const { page } = visit;
    const before = await shown(page);
    await button(page, "Draw on it").click();
    await page.getByText("Draw on the picture: what the networks say follows.").waitFor();
    const canvas = page.locator(".picture canvas");
    const box = await canvas.boundingBox();
    await page.evaluate(() => { load.most = 0; load.pictures = 0; });
    await page.mouse.move(box.x + 20, box.y + 20);
    await page.mouse.down();
    for (let y = 20; y < box.height - 10; y += 12) {
      await page.mouse.move(box.x + 20, box.y + y);
      await page.mouse.move(box.x + box.width - 20, box.y + y);
    }
    await page.mouse.up();
    await page.waitForFunction((before) => load.waiting === 0 && [...document.querySelectorAll(".answer .number")].map((number) => number.textContent).join() !== before, before);
    const black = await shown(page);
    const { most, pictures } = await page.evaluate(() => load);
    assert.ok(pictures >= 1 && most <= 3, `${pictures} pictures, ${most} requests at once`);
    await button(page, "White").click();
    await page.mouse.move(box.x + box.width / 2, box.y + 5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height - 5, { steps: 8 });
    await page.mouse.up();
    await page.waitForFunction((before) => [...document.querySelectorAll(".answer .number")].map((number) => number.textContent).join() !== before, black);
    await button(page, "Stop").click();
    await page.getByText(/^Drawn on · /).waitFor();
    await leadsTo(page, /image=own/);
    await clean(visit);
  });

  test("a figure whose code does not come reports it, and comes when it is requested again", async () => {
    const page = await browser.context.newPage();
    let refused = 0;
    await page.route(/-split_computed\.wasm$/, (route) => { refused += 1; return refused === 1 ? route.abort() : route.continue(); });
    await page.goto(`${server.url}?models=tiny-a`);
    const strides = page.locator("#strides");
    await strides.getByText("The code of this figure could not be fetched. Check the connection, then try again.").waitFor();
    await page.locator("#cost table").first().waitFor();
    await strides.getByRole("button", { name: "Try again" }).click();
    await strides.getByRole("button", { name: "Play", exact: true }).waitFor();
    assert.equal(await strides.locator("h2").count(), 1);
    await page.close();
  });
});
