// A new version of the site takes the old one's place, on hosts as they are: ones that have browsers cache everything for a while, that answer with the
// page whatever is requested, that do not know what wasm is; over a slow line; with the site cached on the device and without. Old and new never
// meet: what is there works, or the page explains what to do.
import assert from "node:assert/strict";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { before, describe, test } from "node:test";
import { NIGHTLY } from "../support/extent.mjs";
import { SECTIONS } from "../support/figures.mjs";
import { launch, project, TYPES } from "../support/harness.mjs";
import { patient } from "../support/soon.mjs";

/// The folder with the versions `1` and `2`, as `cargo xtask releases` makes them.
const RELEASES = process.env.STRIDESCOPE_RELEASES ?? join(project, "target/xtask/releases");
const BASE = "/some/path/";
const text = (release, name) => readFileSync(join(RELEASES, `${release}`, name), "utf8");
const versionIn = (html) => /data-version="(\w+)"/.exec(html)[1];
const VERSIONS = { 1: versionIn(text(1, "index.html")), 2: versionIn(text(2, "index.html")) };

const HOSTS = {
  "has everything cached for ten minutes": { headers: { "cache-control": "max-age=600" } },
  "answers with the page whatever is requested": { headers: { "cache-control": "max-age=600" }, fallsBack: true },
  "does not know what wasm is": { headers: { "cache-control": "max-age=600" }, types: { ".wasm": "application/octet-stream" } },
};

/// A host of one version of the site. What it does can be changed as it goes: `release` is the version that it has, `releaseOf(name, request)` that of a
/// file where it is another one, `delay(name)` how many milliseconds a file takes to begin, `spoilt(name)` whether something else stands in a file.
async function host({ headers = {}, types = {}, fallsBack = false } = {}) {
  const state = { release: 1, releaseOf: () => undefined, delay: () => 0, spoilt: () => false, asked: [] };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const name = path.startsWith(BASE) ? normalize(path.slice(BASE.length)).replace(/^\.$/, "") || "index.html" : "..";
    state.asked.push({ name, as: request.headers["sec-fetch-dest"] });
    const release = state.releaseOf(name, request) ?? state.release;
    const send = () => {
      let file = join(RELEASES, `${release}`, name);
      const isThere = !name.startsWith("..") && existsSync(file) && statSync(file).isFile();
      if (!isThere && !fallsBack) return response.writeHead(404).end();
      if (!isThere) file = join(RELEASES, `${release}`, "index.html");
      const type = { ...TYPES, ...types }[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "access-control-allow-origin": "*", ...headers });
      if (state.spoilt(name)) return response.end("globalThis.hit = 1;");
      // Which version a page is of is not to hang on how busy this machine is.
      if (isThere && name === "sw.js") return response.end(patient(readFileSync(file, "utf8")));
      return createReadStream(file).pipe(response);
    };
    setTimeout(send, state.delay(name));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}${BASE}`;
  return Object.assign(state, { url, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) });
}

/// Opens the site of a host in a browser that never saw it.
async function visit(options, { offline = false, still = false, query = "?models=tiny-a&backend=cpu" } = {}, act) {
  const site = await host(options);
  const browser = await launch({ offline, still });
  try {
    const page = await browser.context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    if (query !== null) await page.goto(site.url + query);
    await act({ site, page, errors, context: browser.context });
  } finally {
    await browser.close();
    await site.close();
  }
}

const version = (page) => page.evaluate(() => document.querySelector("script[data-version]").dataset.version);
const predicted = (page) => page.waitForFunction(() => document.querySelectorAll(".answer .top .row").length === 5);
/// The figures whose code comes after the start.
const LATER = SECTIONS.filter((section) => section !== "prediction");

/// The page is whole: it predicts, and every figure's code has come.
async function works(page) {
  await predicted(page);
  await page.waitForFunction((figures) => figures.every((id) => document.getElementById(id)?.getAttribute("aria-busy") === "false"), LATER);
  await page.waitForSelector("#cost table");
  await page.locator("#learn").scrollIntoViewIfNeeded();
  await page.waitForSelector("#learn .article h3, #learn .article h2, #learn .article p");
  const problems = await page.locator(".problem").allTextContents();
  assert.deepEqual(problems.filter((sentence) => /new version|could not/.test(sentence)), []);
}

/// The site is on the device, and what was used of it.
async function kept(page) {
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await page.waitForFunction(async () => {
    const names = (await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()))).flat().map(({ url }) => url);
    return ["/app_bg.wasm", "/worker_bg.wasm", "/tiny-a.safetensors"].every((end) => names.some((name) => name.endsWith(end)));
  });
}

before(() => {
  assert.notEqual(VERSIONS[1], VERSIONS[2]);
  const folders = (release) => [...text(release, "index.html").matchAll(/data-(?:app|texts|samples|engine)="([^"]+)"/g)].map(([, folder]) => folder);
  const [first, second] = [folders(1), folders(2)];
  assert.equal(first.length, 4);
  first.forEach((folder) => assert.ok(!second.includes(folder), `${folder} is of both versions`));
});

for (const [name, options] of Object.entries(HOSTS)) {
  describe(`a host that ${name}`, () => {
    // The first host has everything every day, the others what they do in a way of their own: what they answer for files that are gone.
    const often = options.fallsBack || options === Object.values(HOSTS)[0] ? {} : NIGHTLY;
    const most = options === Object.values(HOSTS)[0] ? {} : NIGHTLY;
    for (const offline of [false, true]) {
      const where = offline ? "with the site cached on the device" : "with nothing cached";

      test(`${where}: after one reload everything is of the new version`, most, () => visit(options, { offline }, async ({ site, page, errors }) => {
        await works(page);
        if (offline) await kept(page);
        assert.equal(await version(page), VERSIONS[1]);
        site.release = 2;
        await page.reload();
        await works(page);
        assert.equal(await version(page), VERSIONS[2]);
        assert.deepEqual(errors, []);
      }));

      test(`${where}: a returning visitor finds a page that works, of one version`, most, () => visit(options, { offline }, async ({ site, page, errors, context }) => {
        await works(page);
        if (offline) await kept(page);
        await page.close();
        site.release = 2;
        const again = await context.newPage();
        await again.goto(`${site.url}?models=tiny-a&backend=cpu`);
        await works(again);
        assert.ok(Object.values(VERSIONS).includes(await version(again)));
        assert.deepEqual(errors, []);
      }));

      test(`${where}: over a slow line, everything is of the new version`, most, () => visit(options, { offline }, async ({ site, page, errors }) => {
        await works(page);
        if (offline) await kept(page);
        site.release = 2;
        // The page's code takes longer than sw.js would wait for the page.
        site.delay = (file) => (file === "index.html" ? 500 : file.endsWith("/app_bg.wasm") ? 4_000 : /\/(start\.js|app\.js|styles\.css|worker_loader\.js)$/.test(file) ? 500 : 0);
        await page.reload();
        await works(page);
        assert.equal(await version(page), VERSIONS[2]);
        assert.deepEqual(errors, []);
      }));
    }

    test("figures of a page that was open all the time: it reports a new version, and has it after a click", often, () => visit(options, { still: true }, async ({ site, page }) => {
      await predicted(page);
      site.release = 2;
      await page.mouse.move(50, 50);
      await page.waitForFunction((figures) => figures.every((id) => document.getElementById(id)?.getAttribute("aria-busy") === "false"), LATER);
      const problems = await page.locator("section .problem").allTextContents();
      assert.deepEqual([...new Set(problems)], ["A new version of this page is there, and the code of this figure is gone. Load the page again."]);
      assert.equal(problems.length, LATER.length);
      await page.locator(".notice", { hasText: "A new version of this page is ready." }).waitFor();
      assert.equal(await version(page), VERSIONS[1], "nothing that the reader did is lost unasked");
      await Promise.all([page.waitForEvent("load"), page.locator("#cost").getByRole("button", { name: "Reload" }).click()]);
      await predicted(page);
      assert.equal(await version(page), VERSIONS[2]);
      await page.mouse.move(60, 60);
      await works(page);
    }));

    test("the picture of a figure that was open all the time: it reports a new version", often, () => visit(options, { query: "?embed=predict&models=tiny-a" }, async ({ site, page }) => {
      const run = page.getByRole("button", { name: "Run on this device" });
      await run.waitFor();
      site.release = 2;
      await run.click();
      const notice = page.locator(".notice", { hasText: "A new version of this page is ready." });
      await Promise.all([page.waitForEvent("load"), notice.getByRole("button", { name: "Reload" }).click()]);
      await run.click();
      await predicted(page);
      assert.equal(await version(page), VERSIONS[2]);
    }));

    test("the engine of a figure that was open all the time: it reports that, in the reader's language, and has the new one after a click", often, () => visit(options, { query: "?embed=predict&models=tiny-a&lang=ko" }, async ({ site, page }) => {
      const run = page.getByRole("button", { name: "이 기기에서 실행" });
      await run.waitFor();
      site.release = 2;
      // The picture is read before the engine is asked; it is not what this is about.
      site.releaseOf = (name) => (name.startsWith("samples-") && existsSync(join(RELEASES, "1", name)) ? 1 : undefined);
      await run.click();
      await page.locator(".problem, .notice", { hasText: "이 페이지의 새 판이 나왔고, 지금 판의 계산 엔진은 사라졌다" }).first().waitFor();
      await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "다시 불러오기" }).click()]);
      await run.click();
      await predicted(page);
      assert.equal(await version(page), VERSIONS[2]);
    }));
  });
}

describe("an old page whose files are gone", () => {
  const REPLACED = /^A new version of this page is there, and files of this one are gone\. Load the page again\./;
  const pages = (site, kind = "document") => site.asked.filter(({ name, as }) => as === kind && name === "index.html").length;
  // What a cache between the site and the browser does to those who open the page, and not to a script that bypasses it.
  const stale = (name, { headers }) => (name === "index.html" && ["document", "iframe"].includes(headers["sec-fetch-dest"]) ? 1 : undefined);

  for (const fallsBack of [false, true]) {
    const how = fallsBack ? "are answered with the page" : "are missing";

    test(`they ${how}: it is loaded again by itself, once`, () => visit({ fallsBack }, { query: null }, async ({ site, page }) => {
      site.release = 2;
      let first = true;
      site.releaseOf = (...asked) => {
        const release = first ? stale(...asked) : undefined;
        first &&= release === undefined;
        return release;
      };
      await page.goto(`${site.url}?models=tiny-a&backend=cpu`);
      await works(page);
      assert.equal(await version(page), VERSIONS[2]);
      assert.equal(pages(site), 2);
    }));

    test(`they ${how}, and a cache goes on sending the old page: a sentence and a button, no circle`, () => visit({ fallsBack }, { query: null }, async ({ site, page }) => {
      site.release = 2;
      site.releaseOf = stale;
      await page.goto(site.url);
      await page.getByRole("alert").waitFor();
      assert.match(await page.getByRole("alert").textContent(), REPLACED);
      assert.equal(pages(site), 2, "loaded again once");
      site.releaseOf = () => undefined;
      await page.getByRole("button", { name: "Reload" }).click();
      await works(page);
      assert.equal(await version(page), VERSIONS[2]);
      assert.equal(pages(site), 3, "and once by its reader");
    }));
  }

  test("in a frame that may remember nothing: a sentence and a button", () => visit({}, { query: null }, async ({ site, page }) => {
    site.release = 2;
    site.releaseOf = stale;
    await page.setContent(`<iframe src="${site.url}?embed=predict&lang=ko&models=tiny-a" sandbox="allow-scripts" width="700" height="700"></iframe>`);
    const inside = page.frameLocator("iframe");
    await inside.getByRole("alert").waitFor();
    assert.match(await inside.getByRole("alert").textContent(), /^이 페이지의 새 판이 나왔고/);
    assert.equal(pages(site, "iframe"), 1);
    site.releaseOf = () => undefined;
    await inside.getByRole("button", { name: "다시 불러오기" }).click();
    await inside.getByRole("button", { name: "이 기기에서 실행" }).waitFor();
  }));

  test("no new version is known: the page reports that it could not be started", () => visit({}, { query: null }, async ({ site, page }) => {
    site.release = 2;
    site.releaseOf = (name) => (name === "index.html" ? 1 : undefined);
    for (const [query, sentence] of [["", /^The code of this page could not be started\. Check the connection/], ["?lang=ko", /^이 페이지의 코드를 시작하지 못했다/], ["?embed=cost", /^The code of this page could not/]]) {
      await page.goto(site.url + query);
      await page.getByRole("alert").waitFor();
      assert.match(await page.getByRole("alert").textContent(), sentence);
    }
    assert.equal(pages(site), 3);
  }));

  for (const file of ["start.js", "app.js", "app_bg.wasm"]) {
    test(`${file} holds something else: the page reports it`, () => visit({}, { query: null }, async ({ site, page }) => {
      site.spoilt = (name) => name.endsWith(`/${file}`);
      await page.goto(site.url);
      await page.getByRole("alert").waitFor();
      assert.match(await page.getByRole("alert").textContent(), /^The code of this page could not be started/);
      // Browsers check no script that another one imports.
      if (file !== "app.js") assert.equal(await page.evaluate(() => globalThis.hit), undefined);
    }));
  }
});

describe("a host that sends no type for wasm", () => {
  for (const type of ["application/octet-stream", "text/plain", "application/wasm; charset=utf-8"]) {
    test(`but ${type}: page, engine and every figure are there`, type.startsWith("text/") ? {} : NIGHTLY, () => visit({ types: { ".wasm": type } }, {}, async ({ page, errors }) => {
      await works(page);
      assert.deepEqual(errors, []);
    }));
  }
});
