// Without a connection: what does not come is reported, nothing waits for ever, and it comes by itself when the browser is online again.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { answered, dist, launch, serve } from "../support/harness.mjs";
import { becomes, soon } from "../support/soon.mjs";

/// Requests for such paths are cut off, and those for others held back until they are let go.
let dead = [];
let held = null;
/// Answers to the page's others that are on their way.
let underWay = new Set();
let server, browser, page;

before(async () => {
  server = await serve((path, request, response) => {
    if (dead.some((part) => part.test(path))) {
      request.socket.destroy();
      return true;
    }
    if (held?.part.test(path)) {
      const bytes = readFileSync(join(dist, path.replace("/some/path/", "")));
      held.waiting.push({ cut: () => request.socket.destroy(), letGo: () => response.writeHead(200).end(bytes) });
      held.onRequest?.();
      return true;
    }
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    return false;
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(async () => {
  [dead, held, underWay] = [[], null, new Set()];
  page = await browser.context.newPage();
});
afterEach(async () => {
  await browser.context.setOffline(false);
  await page.close();
});

const open = (query) => page.goto(`${server.url}?backend=cpu&${query}`);
const problem = () => page.locator(".answer .problem").first();
const waits = () => page.locator(".answer", { hasText: "Waiting for its turn" }).count();

/// The browser loses its connection, with which these requests are cut off. No other is on its way then: every figure has come, or reports why not.
async function lose(...parts) {
  await soon(async () => {
    const busy = await page.$$eval("section", (all) => all.filter((section) => section.getAttribute("aria-busy") === "true").map(({ id }) => id));
    assert.deepEqual([await page.locator("#learn").count(), busy, underWay.size], [1, [], 0]);
  });
  dead = parts;
  await browser.context.setOffline(true);
}

async function regain() {
  dead = [];
  await browser.context.setOffline(false);
}

describe("the first picture", () => {
  test("lost on its way: it is reported in every network's place, and comes when the browser is online again", async () => {
    held = { part: /samples[^/]*\/chelsea\.png/, waiting: [] };
    const asked = new Promise((resolve) => { held.onRequest = resolve; });
    await open("models=tiny-a,tiny-d");
    await asked;
    await lose(/samples[^/]*\//);
    held.waiting.splice(0).forEach(({ cut }) => cut());
    held = null;
    await problem().waitFor();
    assert.match(await problem().textContent(), /^The picture chelsea\.png did not load\. Check the connection/);
    await becomes(() => page.locator(".answer .problem").count(), 2);
    await becomes(waits, 0);
    await regain();
    await answered(page, 2);
    await page.locator(".notice").waitFor({ state: "detached" });
  });

  test("refused by its host: it is requested again at the press of a button", async () => {
    dead = [/samples[^/]*\/chelsea\.png/];
    await open("models=tiny-a");
    await problem().waitFor();
    dead = [];
    await page.locator(".answer").getByRole("button", { name: "Try again" }).click();
    await answered(page, 1);
    await page.locator(".notice").waitFor({ state: "detached" });
  });

  test("another that is chosen without a connection comes later, and the first stays until then", async () => {
    await open("models=tiny-a");
    await answered(page, 1);
    await lose(/samples[^/]*\//);
    await page.getByRole("button", { name: "A cup of coffee" }).click();
    await page.locator(".notice", { hasText: "The picture coffee.png did not load" }).waitFor();
    assert.equal(await page.locator(".answer .row").count(), 5);
    assert.match(await page.locator(".picture figcaption").textContent(), /^Chelsea/);
    await regain();
    await page.waitForFunction(() => document.querySelector(".picture figcaption b").textContent === "A cup of coffee");
    await answered(page, 1);
    await page.locator(".notice").waitFor({ state: "detached" });
  });

  test("what was chosen meanwhile is not taken away again", async () => {
    await open("models=tiny-a");
    await answered(page, 1);
    await lose(/samples[^/]*\/coffee\.png/);
    await page.getByRole("button", { name: "A cup of coffee" }).click();
    await page.locator(".notice").waitFor();
    await browser.context.setOffline(false);
    await page.getByRole("button", { name: "A rocket on its pad" }).click();
    await page.waitForFunction(() => document.querySelector(".picture figcaption b").textContent === "A rocket on its pad");
    await lose();
    await regain();
    await page.waitForTimeout(500);
    assert.match(await page.locator(".picture figcaption").textContent(), /^A rocket/);
  });

  test("a file that is no picture, chosen before it has come, does not keep it away", async () => {
    held = { part: /samples[^/]*\/chelsea\.png/, waiting: [] };
    const asked = new Promise((resolve) => { held.onRequest = resolve; });
    await open("models=tiny-a");
    await asked;
    await page.setInputFiles(".thumbs input[type=file]", { name: "none.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await page.locator(".notice p", { hasText: "none.png" }).waitFor();
    held.waiting.splice(0).forEach(({ letGo }) => letGo());
    held = null;
    await answered(page, 1);
    assert.match(await page.locator(".notice p").textContent(), /^none\.png: This is no picture/);
    assert.match(await page.locator(".picture figcaption").textContent(), /^Chelsea/);
  });
});

describe("the engine", () => {
  for (const [name, part] of [["its loader", /worker_loader/], ["its script", /engine-[0-9a-f]+\/worker\.js$/], ["its code", /engine-[0-9a-f]+\/worker_bg\.wasm$/]]) {
    test(`${name} cut off: it is reported, and computed when the browser is online again`, async () => {
      dead = [part];
      await open("models=tiny-a");
      await problem().waitFor();
      assert.match(await problem().textContent(), /The engine could not be loaded\. Check the connection/);
      await becomes(waits, 0);
      await lose(part);
      await regain();
      await answered(page, 1);
      await page.locator(".notice").waitFor({ state: "detached" });
    });
  }
});

describe("later on", () => {
  test("weights that broke off come when the browser is online again", async () => {
    await open("models=tiny-a");
    await answered(page, 1);
    await lose(/tiny-b\.safetensors/);
    await page.getByRole("button", { name: "B", exact: true }).click();
    await problem().waitFor();
    assert.match(await problem().textContent(), /did not answer for tiny-b\.safetensors|broke off/);
    await regain();
    await answered(page, 2);
  });

  test("a site that does not answer is not taken for one without weights", async () => {
    await open("models=tiny-a");
    await answered(page, 1);
    await lose(/resnet50-a\.safetensors/);
    await page.getByLabel("Depth", { exact: true }).selectOption("resnet50");
    await problem().waitFor();
    assert.match(await problem().textContent(), /did not answer for resnet50-a\.safetensors/);
  });

  test("the code of a figure", async () => {
    dead = [/split_computed[^/]*\.wasm/];
    await open("models=tiny-a");
    const strides = page.locator("#strides");
    await strides.getByText("The code of this figure could not be fetched").waitFor();
    await answered(page, 1);
    await lose(...dead);
    await regain();
    await strides.getByRole("button", { name: "Play", exact: true }).waitFor();
  });

  test("the texts of another language, and the article", async () => {
    dead = [/ko\.json/];
    await open("models=tiny-a&lang=ko");
    await page.locator(".notice", { hasText: "The Korean texts could not be fetched" }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    // Nothing else is on its way when the connection is lost.
    await answered(page, 1);
    await lose(/ko\.json/);
    await regain();
    // The notice is in the old language, and is gone with it.
    await page.waitForFunction(() => document.documentElement.lang === "ko" && document.querySelector(".notice") === null);
    await page.close();

    page = await browser.context.newPage();
    dead = [/learn\/en\.html/];
    await open("models=tiny-a");
    await page.locator("#learn").scrollIntoViewIfNeeded();
    await page.locator("#learn .problem").waitFor();
    await answered(page, 1);
    await lose(/learn\/en\.html/);
    await regain();
    await page.locator("#learn .article h3, #learn .article p").first().waitFor();
  });
});
