// Figures in other people's pages: from another origin, sandboxed, under strict policies, many at once.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { NIGHTLY } from "../support/extent.mjs";
import { EMBEDDABLE } from "../support/figures.mjs";
import { alone, dist, keeping, launch, project, serveHosts, serveStrictly, watch } from "../support/harness.mjs";
import { becomes, soon } from "../support/soon.mjs";

const axe = readFileSync(join(project, "tests/node_modules/axe-core/axe.min.js"), "utf8");
const SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
/// What is there once a figure is drawn, and once it was computed.
const FIGURES = {
  architecture: [".diagram .node", ".diagram .node"],
  strides: [".path .whole img", ".path .whole img"],
  features: ["#features-title", ".wall [data-channel]"],
  field: ["#field-title", "#field .lit img"],
  cost: ["table", ".chart"],
  predict: [".answer", ".answer .top .row"],
};

let site, hosts, browser;
/// Whether a page that reads itself has come to its end.
let isRead = false;

/// A page of another origin. Returns its address.
const host = (name, body, headers) => hosts.put(name, `<!doctype html><html lang="en"><meta charset="utf-8"><title>${name}</title><h1>${name}</h1>${body}</html>`, headers);

const frame = (query, attributes = "") => `<iframe src="${site.url}?${query.replaceAll("&", "&amp;")}" title="a figure" sandbox="${SANDBOX}" width="100%" height="600" ${attributes}></iframe>`;
const element = (attributes) => `<script src="${site.url}stride-scope.js" async></script><stride-scope ${attributes}></stride-scope>`;

before(async () => {
  site = await serveStrictly((path, _request, response) => {
    if (path !== "/some/path/read") return false;
    isRead = true;
    response.writeHead(204).end();
    return true;
  });
  hosts = await serveHosts();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hosts?.close();
  await site?.close();
});

async function open(url, init) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1000, height: 900 });
  const { errors } = watch(page, hosts.url, site.url);
  if (init) await page.addInitScript(init);
  await page.goto(url);
  return { page, errors };
}

const inside = (page, index = 0) => page.locator("iframe").nth(index).contentFrame();

/// Asks an element something, and waits for its answer: whatever its figure sent before has come by then.
const roundTrip = (page) => page.evaluate(() => document.querySelector("stride-scope").set({}).then(() => {}));

/// Every event of an element, as it comes.
const listening = () => {
  window.events = [];
  for (const type of ["ready", "state", "prediction", "error"]) {
    document.addEventListener(`stridescope-${type}`, ({ detail }) => window.events.push({ type, detail }));
  }
};

describe("a figure in a sandboxed frame of another origin", () => {
  for (const figure of EMBEDDABLE) {
    const [drawn, computed] = FIGURES[figure];
    test(`${figure} draws without the engine, and computes on request`, async () => {
      const requests = [];
      const url = host(`frame-${figure}`, frame(`embed=${figure}`));
      const { page, errors } = await open(url);
      page.on("request", (request) => requests.push(request.url()));
      const there = inside(page);
      await there.locator(drawn).first().waitFor();
      assert.equal(await page.evaluate(() => window.frames.length), 1);
      assert.ok(!requests.some((url) => /worker|\.safetensors/.test(url)), `nothing of the engine yet: ${requests}`);
      const run = there.getByRole("button", { name: "Run on this device" });
      if (["architecture", "cost"].includes(figure)) assert.equal(await run.count(), 0);
      else {
        await run.click();
        await there.locator(computed).first().waitFor();
        if (figure === "predict") await there.locator(".answer .top .row").nth(19).waitFor();
      }
      assert.deepEqual(errors, []);
      await page.close();
    });
  }

  test("runs by itself in sight with autorun=1, and shows no controls with controls=0", async () => {
    const { page } = await open(host("autorun", `<div style="height:3000px"></div>${frame("embed=predict&autorun=1&controls=0&models=tiny-a")}`));
    await inside(page).locator(".answer").waitFor({ state: "attached" });
    await page.waitForTimeout(700);
    assert.equal(await inside(page).locator(".top .row").count(), 0, "out of sight it waits");
    await page.locator("iframe").scrollIntoViewIfNeeded();
    await inside(page).locator(".top .row").nth(4).waitFor();
    assert.equal(await inside(page).locator(".bar").count(), 0);
    assert.equal(await inside(page).getByRole("button", { name: "Camera" }).isVisible(), false);
    await page.close();
  });

  test("has no violation of accessibility, in both languages, light and dark", async () => {
    for (const query of ["embed=architecture&theme=dark", "embed=strides&lang=ko", "embed=cost&lang=ko&theme=dark", "embed=predict&lang=ko", "embed=features"]) {
      const page = await browser.context.newPage();
      await page.goto(`${site.url}?${query}`);
      await page.locator(".from").waitFor();
      await page.waitForFunction(() => document.querySelector("section")?.getAttribute("aria-busy") !== "true");
      // The site's policy lets no script in but its own; the test's comes by the debugger.
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${query}: ${id}: ${nodes.map(({ html }) => html.slice(0, 120))}`), []);
      await page.close();
    }
  });
});

describe("the element", () => {
  test("follows its attributes, emits events, and is as high as its figure", async () => {
    const { page, errors } = await open(host("element", element('figure="predict" models="tiny-a,tiny-d" autorun="1"')), listening);
    await page.waitForFunction(() => window.events.some(({ type }) => type === "prediction"));
    const events = await page.evaluate(() => window.events);
    assert.equal(events[0].type, "ready");
    const results = events.find(({ type }) => type === "prediction").detail;
    assert.deepEqual(results.map(({ net }) => net), ["tiny-a", "tiny-d"]);
    for (const { top, ms, backend } of results) {
      assert.equal(top.length, 5);
      assert.ok(top[0].p >= top[4].p && ms > 0 && backend === "cpu" && Number.isInteger(top[0].index) && top[0].label.length > 2);
    }
    const height = () => page.evaluate(() => document.querySelector("stride-scope").getBoundingClientRect().height);
    await soon(async () => {
      const body = await inside(page).locator("body").evaluate((body) => body.getBoundingClientRect().height);
      assert.ok(Math.abs(await height() - body) < 2, `${await height()} around ${body}`);
    });
    const before = await height();

    await page.evaluate(() => { window.events.length = 0; document.querySelector("stride-scope").setAttribute("models", "tiny-b"); });
    await page.waitForFunction(() => window.events.some(({ type, detail }) => type === "prediction" && detail[0].net === "tiny-b"));
    await page.setViewportSize({ width: 400, height: 900 });
    await page.waitForFunction((before) => document.querySelector("stride-scope").getBoundingClientRect().height !== before, before);

    // What the visitor does in the figure shows in the attributes.
    await inside(page).getByRole("button", { name: "A cup of coffee" }).click();
    await page.waitForFunction(() => document.querySelector("stride-scope").getAttribute("image") === "coffee");
    await becomes(() => page.evaluate(() => document.querySelector("stride-scope").state.models), ["tiny-b"]);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test("is driven by the page around: state, pictures, and what makes no sense", async () => {
    const { page } = await open(host("driven", element('figure="strides" models="resnet50-a,resnet50-b"')), listening);
    await page.waitForFunction(() => window.events.some(({ type }) => type === "ready"));
    const answer = await page.evaluate(async (site) => {
      const element = document.querySelector("stride-scope");
      const refused = (promise) => promise.then(() => "taken", (error) => `${error.name}: ${error.message}`);
      const state = await element.set({ node: "layer3.0", models: ["tiny-a", "tiny-d"], size: 64, one: undefined }).catch((error) => error.message);
      const set = await element.set({ node: "layer3.0", models: ["tiny-a", "tiny-d"], size: 64 });
      const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 30 });
      canvas.getContext("2d").fillRect(0, 0, 20, 30);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve));
      return {
        state, set: [set.node, set.models, set.size, set.image],
        results: (await element.classify(blob, { models: ["tiny-c"] })).map(({ net, top }) => [net, top.length]),
        own: (await element.classify("assets/samples/chelsea.png")).map(({ net, top }) => [net, top.length]),
        wrong: await refused(element.set({ models: ["vgg"] })),
        figure: await refused(element.set({ embed: "cost" })),
        stranger: await refused(element.classify("https://example.org/cat.png")),
        text: await refused(element.classify(new Blob(["no picture"]))),
        after: (await element.set({})).models,
      };
    }, site.url);
    assert.equal(answer.state, 'There is no parameter "one".');
    assert.deepEqual(answer.set, ["layer3.0", ["tiny-a", "tiny-d"], 64, "chelsea"]);
    assert.deepEqual(answer.results, [["tiny-c", 5]]);
    assert.deepEqual(answer.own, [["tiny-a", 5], ["tiny-d", 5]]);
    assert.match(answer.wrong, /^RangeError: Nothing was changed\..+There is no network "vgg"/);
    assert.match(answer.figure, /chosen by the link/);
    assert.match(answer.stranger, /asks no other site for pictures/);
    assert.match(answer.text, /^RangeError: .+\.$/);
    assert.deepEqual(answer.after, ["tiny-a", "tiny-d"], "what was refused changed nothing");
    await page.close();
  });

  test("receives no predictions for the visitor's own picture", async () => {
    const { page } = await open(host("private", element('figure="predict" models="tiny-a" autorun="1"')), listening);
    await page.waitForFunction(() => window.events.some(({ type }) => type === "prediction"));
    await page.evaluate(() => { window.events.length = 0; });
    await inside(page).locator("input[type=file]").setInputFiles(join(dist, "assets/samples/coffee.png"));
    await inside(page).getByText("stays on this device").first().waitFor();
    await inside(page).locator("figcaption", { hasText: "coffee.png" }).waitFor();
    await inside(page).locator(".top .row").nth(4).waitFor();
    await roundTrip(page);
    const events = await page.evaluate(() => window.events);
    assert.deepEqual(events.filter(({ type }) => type === "prediction"), []);
    assert.ok(!JSON.stringify(events).includes("coffee"), "not even its name");

    // Nor when the page around names another picture, which is long in coming, and another network, which answers for the one on show.
    let arrive;
    const arrival = new Promise((resolve) => { arrive = resolve; });
    await page.route("**/rocket.jpg", async (route) => { await arrival; await route.continue(); });
    await page.evaluate(() => { window.events.length = 0; });
    await page.evaluate(() => document.querySelector("stride-scope").set({ image: "rocket", models: ["tiny-b"] }));
    await inside(page).locator("[data-net=tiny-b] .top .row").nth(4).waitFor();
    await roundTrip(page);
    const predicted = () => page.evaluate(() => window.events.filter(({ type }) => type === "prediction").length);
    assert.equal(await predicted(), 0, "tiny-b's prediction was for the visitor's picture");
    arrive();
    await page.waitForFunction(() => window.events.some(({ type }) => type === "prediction"));
    await page.close();
  });

  test("refuses what cannot be sent, and goes on", async () => {
    const { page } = await open(host("unsendable", element('figure="architecture" models="tiny-a,tiny-d" base="tiny-d"')), listening);
    await page.waitForFunction(() => window.events.some(({ type }) => type === "ready"));
    const found = await page.evaluate(async () => {
      const figure = document.querySelector("stride-scope");
      const refused = await figure.set({ node: () => {} }).then(() => "", (error) => error.name);
      // The baseline that was left behind does not block later changes.
      const { models, base } = await figure.set({ models: ["tiny-b"] });
      return [refused, models, base, figure.getAttribute("models"), (await figure.set({ node: "layer3.0" })).node];
    });
    assert.deepEqual(found, ["DataCloneError", ["tiny-b"], null, "tiny-b", "layer3.0"]);
    await page.close();
  });

  test("accepts messages from its host page alone", async () => {
    const { page } = await open(host("strangers", `${element('figure="strides" models="tiny-a"')}<iframe title="a stranger" srcdoc="<p>a stranger</p>"></iframe>`), listening);
    await page.waitForFunction(() => window.events.some(({ type }) => type === "ready"));
    // A frame beside it, which reaches the figure's window through the page around.
    await page.evaluate(() => {
      const figure = document.querySelector("stride-scope").shadowRoot.querySelector("iframe").contentWindow;
      const stranger = document.querySelector("iframe[srcdoc]").contentWindow;
      stranger.Function("figure", 'figure.postMessage({ stridescope: 1, type: "set", state: { models: ["tiny-d"] } }, "*")').call(stranger, figure);
    });
    // What was sent before is handled before.
    const state = await page.evaluate(() => document.querySelector("stride-scope").set({}));
    assert.deepEqual(state.models, ["tiny-a"]);
    await page.close();
  });
});

describe("hosts that let little in", () => {
  test("a policy of frames alone", async () => {
    const origin = new URL(site.url).origin;
    const csp = `default-src 'none'; frame-src ${origin}`;
    const { page, errors } = await open(host("policy", frame("embed=predict&models=tiny-a&autorun=1"), { "content-security-policy": csp }));
    await inside(page).locator(".top .row").nth(4).waitFor();
    assert.deepEqual(errors, []);
    await page.close();
  });

  test("a policy that names the site's script, for the element, and forbids inline styles", async () => {
    const origin = new URL(site.url).origin;
    const csp = `default-src 'none'; script-src ${origin}; frame-src ${origin}; style-src 'none'; require-trusted-types-for 'script'`;
    const { page, errors } = await open(host("element-policy", element('figure="architecture" models="tiny-a"'), { "content-security-policy": csp }));
    await inside(page).locator(".diagram .node").first().waitFor();
    await page.waitForFunction(() => document.querySelector("stride-scope").getBoundingClientRect().height > 200);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test("a host that is itself in a sandbox, and lets the figure do nothing but run", async () => {
    const url = host("sandboxed-inner", frame("embed=predict&models=tiny-a&autorun=1").replace(SANDBOX, "allow-scripts"));
    const { page } = await open(host("sandboxed", `<iframe src="${url}" sandbox="allow-scripts" title="host" width="100%" height="800"></iframe>`));
    await inside(page).locator("iframe").contentFrame().locator(".top .row").nth(4).waitFor();
    await page.close();
  });
});

describe("twenty figures in one page, each as the dialog for sharing gives it", () => {
  const figures = ["architecture", "strides", "features", "cost", "predict"];
  const many = () => Array.from({ length: 20 }, (_, i) => frame(`embed=${figures[i % 5]}&models=tiny-${"abcd"[i % 4]}`, 'loading="lazy"')).join("");
  /// Most that a figure's own memory of wasm may be, in bytes.
  const MOST_BYTES = 40 * 65_536;
  /// Scrolls through the page once, as a reader does, so that every figure was in sight, and was drawn there. Then it asks the site for `read`.
  const reading = () => `<script>
    const drawn = new Set();
    addEventListener("message", ({ source, data }) => { if (data?.type === "height" && data.height > 150) drawn.add(source); });
    const isInSight = (frame) => frame.getBoundingClientRect().top < innerHeight && frame.getBoundingClientRect().bottom > 0;
    const read = setInterval(() => {
      const frames = [...document.querySelectorAll("iframe")];
      if (frames.length > 1 && !frames.filter(isInSight).every(({ contentWindow }) => drawn.has(contentWindow))) return;
      const isEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
      if (isEnd) {
        clearInterval(read);
        fetch("${site.url}read", { mode: "no-cors" });
      }
      scrollBy(0, 300);
    }, 100);
  </script>`;

  test("those in sight are drawn, those far away wait, and each of them takes little when the reader comes to it", async () => {
    const page = await browser.context.newPage();
    await page.setViewportSize({ width: 1000, height: 900 });
    await page.addInitScript(keeping);
    await page.addInitScript(() => {
      window.drawn = new Set();
      window.addEventListener("message", ({ source, data }) => { if (data?.type === "height" && data.height > 150) window.drawn.add(source); });
    });
    await page.goto(host("many", many()), { waitUntil: "commit" });
    const inSight = () => [...document.querySelectorAll("iframe")].filter((frame) => frame.getBoundingClientRect().top < innerHeight).every((frame) => window.drawn.has(frame.contentWindow));
    await page.waitForFunction(inSight);
    const count = await page.locator("iframe").count();
    assert.equal(count, 20);
    assert.ok(await page.evaluate(() => window.drawn.size) < count, "all of them came at once");
    for (let i = 0; i < count; i++) {
      await page.locator("iframe").nth(i).evaluate((frame) => frame.scrollIntoView());
      await page.waitForFunction((i) => window.drawn.has(document.querySelectorAll("iframe")[i].contentWindow), i);
    }
    const bytes = await Promise.all(page.frames().slice(1).map((frame) => frame.evaluate(() => wasmBytes())));
    console.log(`# each of twenty figures has ${Math.min(...bytes)} to ${Math.max(...bytes)} bytes of wasm's memory`);
    assert.equal(bytes.length, count);
    assert.ok(Math.max(...bytes) <= MOST_BYTES, `${bytes}`);
    await page.close();
  });

  test("all of them hold less than 150 MB", NIGHTLY, async () => {
    /// Bytes that the page's process holds once it was read to its end, and they are as few as `isRight` wants.
    const held = async (url, check) => {
      isRead = false;
      const browser = await alone(url, ["--window-size=1000,900"]);
      try {
        await soon(() => assert.ok(isRead, "the page was not read to its end"));
        return await soon(() => {
          const bytes = browser.memory({ isShared: true, isLargest: true });
          check(bytes);
          return bytes;
        });
      } finally {
        await browser.close();
      }
    };
    // The browser puts all of them into one process of their own, which an empty frame has too.
    const empty = await held(host("empty", frame("").replace(/src="[^"]*"/, `src="${site.url}assets/icon.svg"`) + reading()), () => {});
    const mb = (bytes) => (bytes - empty) / 1e6;
    const bytes = await held(host("many", many() + reading()), (bytes) => assert.ok(mb(bytes) < 150, `${mb(bytes).toFixed(0)} MB`));
    console.log(`# twenty figures hold ${mb(bytes).toFixed(0)} MB; their process ${(bytes / 1e6).toFixed(0)} MB, that of an empty frame ${(empty / 1e6).toFixed(0)} MB`);
  });
});
