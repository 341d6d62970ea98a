// Two engines where the CPU computes several large networks: the same answers as one engine's, and the last choice stands.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { hub } from "../support/hub.mjs";
import { isNightly } from "../support/extent.mjs";
import { answers, built, dist, launch, serve, watch } from "../support/harness.mjs";
import { becomes } from "../support/soon.mjs";

/// At this size a tiny network costs a fifth of what a ResNet-50 does at 224 px.
const LARGE = "?models=tiny-a,tiny-b,tiny-c,tiny-d&size=512&backend=";
/// Nightly: four columns of one ResNet-50, each with weights of its own address.
const COPIES = ["/1.safetensors", "/2.safetensors", "/3.safetensors"];
const FOUR_RESNETS = `?models=${["", ...COPIES.map((path) => `@https://files.example.org${path}`)].map((source) => `resnet50-a${encodeURIComponent(source)}`)}&backend=cpu`;

let browser, site, elsewhere;
before(async () => {
  site = await serve();
  const weights = readFileSync(join(dist, built("weights", "resnet50-a.safetensors")));
  elsewhere = await hub({ files: Object.fromEntries(COPIES.map((path) => [path, weights])) });
  elsewhere.trouble.chunk = 4 << 20;
  browser = await launch({ webgpu: true, args: elsewhere.args });
});
after(async () => {
  await browser?.close();
  await elsewhere?.close();
  await site?.close();
});

/// The page on a device with that many cores, once all networks have answered, of which so many have to be downloaded first.
async function open(query, cores, downloads = 0) {
  const page = await browser.context.newPage();
  const seen = watch(page, site.url, "https://files.example.org");
  await page.addInitScript((cores) => Object.defineProperty(navigator, "hardwareConcurrency", { get: () => cores }), cores);
  await page.goto(site.url + query);
  const count = new URL(page.url()).searchParams.get("models").split(",").length;
  for (let i = 0; i < downloads; i += 1) {
    await page.locator(".answer").getByRole("button", { name: "Download" }).first().click();
    await page.waitForFunction((rows) => document.querySelectorAll(".answer .top .row").length >= rows, 5 * (count - downloads + i + 1));
  }
  await answered(page, count);
  return { page, seen };
}

const answered = (page, count) => page.waitForFunction(
  (count) => document.querySelectorAll(".answer .top .row").length === 5 * count && !document.querySelector(".answer .waiting"), count,
);

/// Chooses a picture, and waits until all networks have answered.
const choose = (page, title) => page.evaluate(async (title) => {
  document.querySelector(`.thumbs [title="${title}"]`).click();
  const isThere = () => document.querySelector(".picture figcaption b").textContent === title && document.querySelectorAll(".answer .top .row").length === 20;
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 5));
}, title);

describe("large networks on the CPU", () => {
  test(`two engines predict with four ${isNightly ? "ResNet-50s" : "networks"} what one predicts`, async () => {
    const pages = {};
    // Weights of a ResNet-50 are fetched once for each column; the second page finds them cached on the device.
    for (const cores of [1, 2]) pages[cores] = await (isNightly ? open(FOUR_RESNETS, cores, cores === 1 ? 3 : 0) : open(`${LARGE}cpu`, cores));
    await becomes(() => [1, 2].map((cores) => pages[cores].page.workers().length), [1, 2]);
    for (const title of ["A cup of coffee", "A rocket on its pad", "Chelsea the cat"]) {
      for (const cores of [1, 2]) await choose(pages[cores].page, title);
      assert.deepEqual(await answers(pages[2].page), await answers(pages[1].page), title);
    }
    for (const { page, seen } of Object.values(pages)) {
      assert.deepEqual(seen, { errors: [], strangers: [] });
      await page.close();
    }
  });

  test("without a choice of device, too, where there is no GPU but software; the reason stays the same", async () => {
    const { page, seen } = await open(`${LARGE}auto`, 2);
    await becomes(() => page.workers().length, 2);
    await choose(page, "A cup of coffee");
    assert.match(await page.locator(".device .why").textContent(), /^CPU · the only GPU here is software/);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("pictures and networks that overtake one another: what was chosen last is what stands", async () => {
    const { page, seen } = await open(`${LARGE}cpu`, 2);
    await choose(page, "A cup of coffee");
    const wanted = await answers(page);
    await page.evaluate(async () => {
      const thumbs = [...document.querySelectorAll(".thumbs button")];
      const chip = (letter) => [...document.querySelectorAll(".bar button")].find((button) => button.textContent === letter);
      for (let i = 0; i < 40; i += 1) {
        (i % 4 === 3 ? chip("BD"[(i >> 2) % 2]) : thumbs[i % thumbs.length]).click();
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    });
    // Whichever is left out comes back, and all stand in their order.
    await page.evaluate(() => stridescope.set({ models: ["tiny-a", "tiny-b", "tiny-c", "tiny-d"] }));
    await choose(page, "A cup of coffee");
    await answered(page, 4);
    assert.deepEqual(await answers(page), wanted);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("another choice of device takes its networks back from the second", async () => {
    const { page, seen } = await open("?models=tiny-a,tiny-b&size=512&backend=cpu", 2);
    await becomes(() => page.workers().length, 2);
    await page.waitForFunction(() => globalThis.stridescope);
    await page.evaluate(() => stridescope.set({ backend: "webgpu" }));
    await page.waitForFunction(() => document.querySelector(".device .why").textContent.startsWith("WebGPU"));
    await answered(page, 2);
    assert.match(await page.locator(".device .why").textContent(), /^WebGPU/);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });
});

test("small networks, one large one, and a device of one core have one engine", async () => {
  for (const [query, cores] of [["?models=tiny-a,tiny-b,tiny-c,tiny-d&backend=cpu", 2], ["?models=tiny-d&size=512&backend=cpu", 2], [`${LARGE}cpu`, 1]]) {
    const { page } = await open(query, cores);
    await becomes(() => page.workers().length, 1);
    await page.close();
  }
});
