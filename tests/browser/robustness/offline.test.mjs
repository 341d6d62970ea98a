// The site on the visitor's own device: it opens and computes with no network, and a newer version of it is offered, not forced.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { built, dist, launch, serve, watch } from "../support/harness.mjs";
import { becomes, patient, soon } from "../support/soon.mjs";

const text = (name) => readFileSync(join(dist, name), "utf8");
const version = (page) => page.evaluate(() => document.querySelector("script[data-version]").dataset.version);
const stores = (page) => page.evaluate(async () => (await caches.keys()).map((name) => name.split(" ").at(-1)));
const kept = (page) => page.evaluate(async () => {
  const requests = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
  return requests.flat().map(({ url }) => url.slice(new URL("./", document.baseURI).href.length));
});

/// How the site is: down, silent, of a newer version; and whether its service worker waits for its pages as long as it takes.
let isDown, isSilent, newer, isPatient;
let browser, site;
before(async () => {
  browser = await launch({ offline: true });
  site = await serve((path, request, response) => {
    const name = path.replace("/some/path/", "");
    if (isSilent) return true;
    if (isDown) {
      response.writeHead(503).end();
      return true;
    }
    // A newer version differs in its number alone, and in what follows from it: the checksum of the page.
    const number = /const VERSION = "(\w+)"/.exec(text("sw.js"))[1];
    if (name === "sw.js") {
      const worker = isPatient ? patient(text(name)) : text(name);
      response.writeHead(200, { "content-type": "text/javascript" }).end(newer ? renumbered(worker, number).replace(/"\.\/": "sha256-[^"]*"/, '"./": ""') : worker);
      return true;
    }
    if (!newer || name !== "") return false;
    response.writeHead(200, { "content-type": "text/html" }).end(renumbered(text("index.html"), number));
    return true;
  });
});
beforeEach(async () => {
  [isDown, isSilent, newer, isPatient] = [false, false, false, false];
  await browser.context.setOffline(false);
});
after(async () => {
  await browser.close();
  await site.close();
});
const renumbered = (file, number) => file.replaceAll(number, "f".repeat(16));

async function opened(query = "", { context } = browser) {
  const page = await context.newPage();
  const seen = watch(page, site.url);
  await page.goto(site.url + query);
  await page.waitForSelector("main");
  return { page, ...seen };
}

test("after one visit the page opens, computes and keeps its address with no network", async () => {
  const { page, errors } = await opened();
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  const files = await soon(async () => {
    const files = await kept(page);
    for (const file of [built("weights", "tiny-d.safetensors"), built("engine", "worker_bg.wasm")]) assert.ok(files.includes(file), `${file}: ${files}`);
    return files;
  });
  for (const file of ["", built("samples", "chelsea.png"), "manifest.webmanifest"]) assert.ok(files.includes(file), `${file}: ${files}`);
  assert.ok(!files.some((file) => file.includes("resnet50")), "large weights are the page's own business");
  assert.deepEqual(errors, []);

  isDown = true;
  await browser.context.setOffline(true);
  for (const query of ["?models=tiny-a,tiny-d", "index.html"]) {
    await page.goto(site.url + query);
    await page.getByText("%").first().waitFor();
    assert.equal(page.url().includes("models=tiny-a,tiny-d"), query.includes("models"), page.url());
  }
  await browser.context.setOffline(false);
  await page.goto(site.url);
  await page.waitForSelector("main"); // A host that is down says 503.
  await page.close();
});

test("a site that keeps a visitor waiting is taken from the device", async () => {
  const { page } = await opened();
  // Else there would be no worker to take it from there.
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  // It never answers again.
  isSilent = true;
  await page.reload({ waitUntil: "commit" });
  await page.waitForSelector("main");
  await page.close();
});

test("a newer version waits until it is chosen, and then the old one goes", async () => {
  isPatient = true;
  const fresh = await launch({ offline: true });
  try {
    await changesOver(fresh);
  } finally {
    await fresh.close();
  }
});

/// From one version to the next, in a browser that never saw the site.
async function changesOver(fresh) {
  const { page } = await opened("", fresh);
  // Until then the site is not cached, and no newer version could be told from it.
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  const old = await version(page);
  await page.evaluate(() => addEventListener("stridescope-update", ({ detail }) => { window.change = detail; }));
  newer = true;
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  await page.waitForFunction(() => window.change);
  assert.equal(await version(page), old);
  await becomes(async () => (await stores(page)).sort(), [old, "f".repeat(16)].sort());

  const other = await opened("", fresh);
  assert.equal(await version(other.page), "f".repeat(16), "a page from the network is of the newer version at once");
  await other.page.evaluate(() => addEventListener("stridescope-update", () => { window.wasTold = true; }));
  // Nothing is on its way any more, which the change would wait for.
  for (const each of [page, other.page]) await each.waitForFunction(() => document.querySelectorAll(".answer .top .row").length === 20);
  await page.locator(".notice", { hasText: "A new version of this page is ready." }).waitFor();
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Reload" }).click()]);
  await page.waitForSelector("main");
  assert.equal(await version(page), "f".repeat(16));
  await becomes(() => stores(page), ["f".repeat(16)]);
  assert.equal(await other.page.evaluate(() => window.wasTold), undefined, "it is of that version");
}

test("a figure in another page leaves nothing on the device", async () => {
  const fresh = await launch({ offline: true });
  const page = await fresh.context.newPage();
  await page.goto(`${site.url}?embed=strides`);
  await page.waitForSelector("main, figure, section");
  await page.waitForTimeout(1000);
  assert.deepEqual(await page.evaluate(async () => [(await navigator.serviceWorker.getRegistrations()).length, await caches.keys()]), [0, []]);
  await fresh.close();
});
