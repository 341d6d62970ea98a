// What is promised of privacy: the policy that every host sends, which hosts a visit requests anything from, what it sends them, and what it leaves behind.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { png } from "../support/bad_pictures.mjs";
import { answered, dist, launch, project, serve, serveHosts, watch } from "../support/harness.mjs";
import { hub } from "../support/hub.mjs";
import { becomes } from "../support/soon.mjs";

/// The site with every header that nginx is configured to send.
async function deployed() {
  const headers = {};
  const site = await serve(undefined, headers);
  for (const [, name, value] of readFileSync(join(project, "deploy/nginx.conf"), "utf8").matchAll(/^ *add_header ([\w-]+) "(.*)" always;$/gm)) {
    headers[name.toLowerCase()] = value.replaceAll("https://stridescope.example", new URL(site.url).origin);
  }
  return site;
}

let site, hosts;
before(async () => {
  site = await deployed();
  hosts = await serveHosts();
});
after(async () => {
  await hosts?.close();
  await site?.close();
});

const button = (page, name) => page.getByRole("button", { name, exact: true });

/// All that an origin stores on the device, read inside a page or a frame of it.
const left = (frame) => frame.evaluate(async () => {
  const files = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) files.push(name);
  const kept = await Promise.all((await caches.keys()).map(async (name) => [name, (await (await caches.open(name)).keys()).map(({ url }) => url)]));
  return {
    local: localStorage.length, session: sessionStorage.length, cookie: document.cookie, databases: (await indexedDB.databases()).length, files,
    workers: (await navigator.serviceWorker.getRegistrations()).length, caches: kept,
  };
});
const NOTHING = { local: 0, session: 0, cookie: "", databases: 0, files: [], workers: 0, caches: [] };

describe("the policy", () => {
  /// The headers that each host is configured to send for every file.
  const headers = {
    "deploy/nginx.conf": [...readFileSync(join(project, "deploy/nginx.conf"), "utf8").matchAll(/^ *add_header ([\w-]+) "(.*)" always;$/gm)],
    "deploy/Caddyfile": [...readFileSync(join(project, "deploy/Caddyfile"), "utf8").matchAll(/^\t\t([\w-]+) "(.*)"$/gm)],
    // What `dist` writes for Netlify and Cloudflare Pages.
    ...(existsSync(join(dist, "_headers")) ? { _headers: [...readFileSync(join(dist, "_headers"), "utf8").matchAll(/^ {2}([\w-]+): (.*)$/gm)] } : {}),
  };
  const directives = (policy) => new Map(policy.split("; ").map((directive) => directive.split(" ")).map(([name, ...sources]) => [name, sources]));

  const boot = `'sha256-${createHash("sha256").update(readFileSync(join(project, "assets/boot.js"))).digest("base64")}'`;
  for (const [file, lines] of Object.entries(headers)) {
    test(`of ${file} lets in what is needed and nothing else`, () => {
      const sent = new Map(lines.map(([, name, value]) => [name, value]));
      const policy = directives(sent.get("Content-Security-Policy"));
      const own = ["'self'", "https://stridescope.example"];
      const only = (name, ...more) => policy.get(name).filter((source) => ![...own, ...more].includes(source) && !(file === "_headers" && source.startsWith("https://")));
      for (const name of ["default-src", "base-uri", "form-action"]) assert.deepEqual(policy.get(name), ["'none'"], name);
      assert.deepEqual(only("script-src", "'wasm-unsafe-eval'", boot), []);
      assert.deepEqual(only("worker-src", "blob:"), []);
      assert.deepEqual(only("img-src", "data:", "blob:"), []);
      assert.deepEqual(only("media-src", "blob:"), []);
      for (const name of ["style-src", "manifest-src", "frame-src"]) assert.deepEqual(only(name), [], name);
      assert.ok(!/http:|ws|\*(?!\.)/.test(policy.get("connect-src")), "weights come encrypted");
      assert.deepEqual([...policy.keys()].filter((name) => ["object-src", "frame-ancestors", "sandbox"].includes(name)), []);
      assert.equal(sent.get("Permissions-Policy"), "camera=(self), microphone=(), geolocation=()");
      assert.equal(sent.get("Referrer-Policy"), "no-referrer");
      assert.equal(sent.get("X-Content-Type-Options"), "nosniff");
      assert.ok(![...sent.keys()].some((name) => /cookie|x-frame/i.test(name)));
    });
  }

  test("the page has one script in its text, which the policy knows, and no style, loads its own alone, and checks what it loads where that is written", () => {
    const html = readFileSync(join(dist, "index.html"), "utf8").replaceAll(/<!--.*?-->/gs, "");
    const tags = (pattern) => [...html.matchAll(pattern)].map(([tag]) => tag);
    const attribute = (tag, name) => new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
    const scripts = [...html.matchAll(/<script[^>]*>([^]*?)<\/script>/g)].map(([, script]) => script).filter((script) => script.trim());
    assert.deepEqual(scripts.map((script) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`), [boot]);
    assert.deepEqual(tags(/<style|<base|<[^>]+\son\w+\s*=|"javascript:|<(iframe|object|embed|form)\b/gi), []);
    const loaded = tags(/<(script|link)\b[^>]*>/g).filter((tag) => /^<script\b.*\bsrc=|rel="(stylesheet|modulepreload|preload)"/.test(tag));
    assert.ok(loaded.length >= 3, `${loaded}`);
    const sum = (file) => `sha384-${createHash("sha384").update(readFileSync(join(dist, file))).digest("base64")}`;
    const checks = loaded.filter((tag) => attribute(tag, "integrity"));
    // A site that is to be served has all of them; a build on the way there has none.
    assert.ok([0, loaded.length].includes(checks.length), `${checks.length} of ${loaded.length} are checked`);
    for (const tag of loaded) {
      const file = attribute(tag, "src") ?? attribute(tag, "href");
      assert.match(file, /^(?!\w+:|\/\/)/, tag);
      const wanted = attribute(tag, "integrity");
      if (!wanted) continue;
      const [kind] = wanted.split("-");
      assert.equal(wanted, kind === "sha384" ? sum(file) : `${kind}-${createHash(kind).update(readFileSync(join(dist, file))).digest("base64")}`, file);
    }
  });

  test("as the browser takes it: what is slipped into the page does nothing", async () => {
    const browser = await launch();
    try {
      const page = await browser.context.newPage();
      await page.goto(`${site.url}?models=tiny-a&embed=cost`);
      await page.waitForSelector("table");
      const stranger = hosts.put("stranger", "globalThis.hit = 1", { "content-type": "text/javascript", "access-control-allow-origin": "*" });
      const all = ["base-uri", "connect-src", "form-action", "frame-src", "img-src", "object-src", "script-src", "script-src-attr", "script-src-elem", "style-src-elem"];
      const barred = await page.evaluate(async ([stranger, count]) => {
        const barred = [];
        addEventListener("securitypolicyviolation", ({ effectiveDirective }) => barred.push(effectiveDirective));
        const put = (tag, attributes) => document.body.append(Object.assign(document.createElement(tag), attributes));
        put("script", { textContent: "globalThis.hit = 1" });
        put("script", { src: stranger });
        put("script", { src: "data:text/javascript,globalThis.hit = 1" });
        put("style", { textContent: "body { display: none }" });
        put("link", { rel: "stylesheet", href: stranger });
        put("img", { src: stranger });
        put("iframe", { src: stranger });
        put("object", { data: stranger });
        put("base", { href: stranger });
        put("div", { innerHTML: "<i onclick='globalThis.hit = 1'></i>" });
        document.querySelector("i[onclick]").click();
        const refused = await Promise.all([
          fetch(stranger).then(() => "fetched", () => "refused"),
          fetch(stranger, { method: "POST", body: "picture", mode: "no-cors" }).then(() => "sent", () => "refused"),
          Promise.resolve().then(() => navigator.sendBeacon(stranger, "picture")).then(() => "queued", () => "refused"),
          import(stranger).then(() => "run", () => "refused"),
        ]);
        // While the debugger's own call runs, it may do this.
        await new Promise((done) => setTimeout(done));
        refused.push(await Promise.resolve().then(() => new Function("globalThis.hit = 1")()).then(() => "run", () => "refused"));
        await new Promise((done) => { new WebSocket(stranger.replace("http", "ws")).onerror = done; });
        const form = Object.assign(document.createElement("form"), { action: stranger, method: "post" });
        document.body.append(form);
        await new Promise((done) => {
          addEventListener("securitypolicyviolation", ({ effectiveDirective }) => { if (effectiveDirective === "form-action") done(); });
          form.submit();
        });
        // What other processes bar is reported when they come to it.
        for (const end = performance.now() + 180_000; new Set(barred).size < count && performance.now() < end;) await new Promise((done) => setTimeout(done, 20));
        return { hit: globalThis.hit, refused, barred: [...new Set(barred)].sort(), shown: getComputedStyle(document.body).display };
      }, [stranger, all.length]);
      assert.equal(barred.hit, undefined);
      assert.equal(barred.shown, "block");
      assert.deepEqual(barred.refused, ["refused", "refused", "queued", "refused", "refused"]);
      assert.deepEqual(barred.barred, all);
      assert.equal(page.url().split("?")[0], site.url);
      const allowed = await page.evaluate(() => ["camera", "microphone", "geolocation"].map((feature) => document.featurePolicy.allowsFeature(feature)));
      assert.deepEqual(allowed, [true, false, false]);
    } finally {
      await browser.close();
    }
  });
});

describe("a whole visit", () => {
  /// A proxy between the browser and everything else, so that no request goes unseen, whichever of its threads makes it.
  async function proxy() {
    const seen = [];
    const server = createServer((request, response) => {
      let bytes = 0;
      request.on("data", (part) => { bytes += part.length; });
      request.on("end", () => { seen.push({ url: request.url, method: request.method, bytes, headers: request.headers }); });
      if (!request.url.startsWith(site.url)) return response.writeHead(403).end();
      const forward = ask(request.url, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      forward.on("error", () => response.destroy());
      response.on("close", () => forward.destroy());
      return forward.end();
    });
    server.on("connect", (request, socket) => {
      seen.push({ url: `https://${request.url}`, method: "CONNECT", bytes: 0, headers: request.headers });
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { seen, port: server.address().port, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
  }

  const PARAMETERS = [
    "models", "node", "open", "image", "size", "shift", "probe", "at", "channel", "sort", "colours", "scale", "count", "level", "base", "backend", "theme", "lang", "embed",
    "controls", "autorun",
  ];
  const NAME = "holiday-of-the-visitor.png";
  const maps = (page, count) => page.waitForFunction((count) => document.querySelectorAll("#features .enlarged img:not(.behind)").length === count, count);

  /// Everything that the page offers, once.
  async function through(page) {
    await answered(page, 4);
    for (const sample of await page.locator(".thumbs button").evaluateAll((all) => all.map((thumb) => thumb.title))) {
      await button(page, sample).click();
      await page.waitForFunction((sample) => document.querySelector(".picture figcaption b").textContent === sample, sample);
      await answered(page, 4);
    }
    await page.getByText("Change the networks").click();
    await page.locator("fieldset").first().getByRole("combobox", { name: "Stem", exact: true }).selectOption("stem-tiered");
    await page.waitForFunction(() => location.search.includes("models=tiny-"));
    await page.goBack();
    await page.waitForFunction(() => !location.search.includes("models=tiny-"));
    await answered(page, 4);
    await page.setInputFiles(".thumbs input[type=file]", { name: NAME, mimeType: "image/png", buffer: png(96) });
    await page.waitForFunction((name) => document.querySelector(".picture figcaption b").textContent === name, NAME);
    await answered(page, 4);
    await button(page, "Open all").click();
    await button(page, "Close all").click();
    await button(page, "Set them to zero").click();
    await page.waitForFunction(() => [...document.querySelectorAll("#strides .checked")].every((line) => line.textContent));
    for (const what of ["Channels", "Class activation", "Grad-CAM"]) {
      await button(page, what).click();
      await maps(page, 4);
    }
    await page.locator("#field").getByRole("button", { name: "Compute" }).click();
    await page.waitForFunction(() => document.querySelectorAll("#field .enlarged img:not(.behind)").length === 4);
    await page.getByRole("button", { name: "Look inside" }).first().click();
    await page.locator(".tensors tbody tr").first().waitFor();
    await page.$$eval("details", (all) => all.forEach((details) => { details.open = true; }));
    for (const theme of ["dark", "light", "auto"]) {
      await page.getByRole("button", { name: /^Theme/ }).click();
      await page.waitForFunction((theme) => (document.documentElement.dataset.theme ?? "auto") === theme, theme);
    }
    for (const lang of ["ko", "en"]) {
      await page.locator("select.language").selectOption(lang);
      await page.waitForFunction((lang) => document.querySelector("h1").textContent.startsWith(lang === "ko" ? "보폭" : "A stride"), lang);
    }
    await button(page, "Share").click();
    const dialog = page.locator("dialog.share");
    for (const figure of ["predict", "cost"]) {
      await dialog.getByLabel("Figure").selectOption(figure);
      await dialog.locator("iframe").contentFrame().locator("main section, main .answer").first().waitFor();
    }
    assert.ok(!(await dialog.locator("textarea").evaluateAll((all) => all.map(({ value }) => value))).some((text) => text.includes("holiday")), "no link holds it");
    await dialog.getByRole("button", { name: "Close", exact: true }).click();
    await page.locator("#learn").scrollIntoViewIfNeeded();
    await page.locator("#learn p").first().waitFor();
  }

  test("sends requests to its own site alone, with nothing of the picture, and stores its own files and nothing else", async () => {
    const between = await proxy();
    const browser = await launch({ offline: true, args: [`--proxy-server=127.0.0.1:${between.port}`, "--proxy-bypass-list=<-loopback>"] });
    try {
      const asked = [];
      browser.context.on("request", (request) => asked.push(request.url()));
      const page = await browser.context.newPage();
      await page.setViewportSize({ width: 1200, height: 900 });
      const seen = watch(page, site.url);
      await page.goto(site.url);
      await page.waitForFunction(() => navigator.serviceWorker.controller);
      await through(page);
      assert.deepEqual(seen, { errors: [], strangers: [] });

      // What Chromium requests for its own ends is not the page's doing, and not among the requests that the page reports.
      const all = between.seen.filter(({ url }) => !/(^|\.)(google|googleapis|gvt1|gstatic)\.com$/.test(new URL(url).hostname));
      assert.ok(all.length > 60 && asked.length > 60, `${all.length} requests, of which the page reported ${asked.length}`);
      assert.deepEqual(all.filter(({ url }) => !url.startsWith(site.url)).map(({ method, url }) => `${method} ${url}`), []);
      assert.deepEqual(asked.filter((url) => !/^(data|blob):/.test(url) && !url.startsWith(site.url)), []);
      assert.deepEqual(all.filter(({ method, bytes }) => !["GET", "HEAD"].includes(method) || bytes > 0), [], "nothing is sent");
      for (const { url, headers } of all) {
        const { pathname, searchParams } = new URL(url);
        // Only a page's own address has anything behind it, which is what is on show.
        const file = pathname.slice(new URL(site.url).pathname.length);
        if (file !== "") assert.ok(searchParams.size === 0 && existsSync(join(dist, file)), url);
        assert.deepEqual([...searchParams.keys()].filter((key) => !PARAMETERS.includes(key)), [], url);
        assert.ok(url.length < 500 && !/holiday/.test(url + JSON.stringify(headers)), url);
        // The browser looks for a newer sw.js in the name of the one that it has.
        const isUpdate = file === "sw.js" && headers.referer === url;
        assert.deepEqual([headers.cookie, isUpdate ? undefined : headers.referer], [undefined, undefined], url);
      }

      const { caches, ...others } = await left(page);
      assert.deepEqual({ ...others, caches: [] }, { ...NOTHING, workers: 1 });
      assert.equal(caches.length, 1);
      const strange = caches[0][1].map((url) => url.slice(site.url.length)).filter((file) => file !== "" && !existsSync(join(dist, file)));
      assert.deepEqual(strange, [], "the site's own files");
      assert.deepEqual(await browser.context.cookies(), []);
      console.log(`# ${all.length} requests, ${new Set(all.map(({ url }) => url)).size} different ones; ${caches[0][1].length} files are kept`);

      // A visit later knows nothing of the picture.
      await page.goto(site.url);
      await answered(page, 4);
      assert.equal(await page.locator(".picture figcaption b").textContent(), "Chelsea the cat");
      await page.close();
    } finally {
      await browser.close();
      await between.close();
    }
  });
});

describe("weights from another host", () => {
  const NET = "tiny-d@hf:someone/tiny-d";
  let hubs, browser, plain;
  before(async () => {
    plain = await serve();
    hubs = await hub({ repositories: { "someone/tiny-d": { "model.safetensors": readFileSync(join(project, "assets/weights/tiny-d.safetensors")) } } });
    browser = await launch({ args: hubs.args });
  });
  after(async () => { await browser?.close(); await hubs?.close(); await plain?.close(); });

  test("are requested after a click and not before, and the host learns nothing but which", async () => {
    const page = await browser.context.newPage();
    const seen = watch(page, plain.url);
    await page.goto(`${plain.url}?models=tiny-a,${NET},resnet18-d,tiny-b@https://files.example.org/weights.safetensors&backend=cpu`);
    await answered(page, 1);
    for (let i = 0; i < 3; i += 1) await page.locator(".answer").getByRole("button", { name: /^Download/ }).nth(i).waitFor();
    await page.setInputFiles(".thumbs input[type=file]", { name: "holiday.png", mimeType: "image/png", buffer: png(96) });
    await page.locator(".picture figcaption", { hasText: "holiday.png" }).waitFor();
    await answered(page, 1);
    await button(page, "Channels").click();
    await page.waitForFunction(() => document.querySelectorAll("#features .enlarged img").length === 1);
    await page.reload();
    await answered(page, 1);
    assert.deepEqual(hubs.seen, [], "no host is asked before the visitor agrees");
    assert.deepEqual(seen, { errors: [], strangers: [] });

    await page.locator(`.answer[data-net="${NET}"]`).getByRole("button", { name: /^Download/ }).click();
    await page.waitForFunction((net) => document.querySelectorAll(`.answer[data-net="${net}"] .row`).length === 5, NET);
    assert.ok(hubs.seen.length >= 2);
    assert.deepEqual([...new Set(hubs.seen.map(({ host, referer }) => `${host} ${referer}`))], ["huggingface.co undefined"]);
    assert.ok(hubs.seen.every(({ method, path }) => ["GET", "OPTIONS"].includes(method) && path.includes("someone/tiny-d")), JSON.stringify(hubs.seen));
    assert.deepEqual(seen.strangers.filter((url) => new URL(url).hostname !== "huggingface.co"), []);
    // Cached, as the box beside the button announced.
    await becomes(async () => (await left(page)).files, ["weights"]);
    await page.close();
  });
});

describe("a figure in another page", () => {
  for (const [how, sandbox] of [["of no origin", "allow-scripts"], ["of the site's own origin", "allow-scripts allow-same-origin"], ["in no sandbox", undefined]]) {
    test(`${how} leaves nothing on the device`, async () => {
      const browser = await launch({ offline: true });
      try {
        const page = await browser.context.newPage();
        const seen = watch(page, site.url, hosts.url.replace("localhost", "127.0.0.1"));
        const held = sandbox === undefined ? "" : `sandbox="${sandbox}"`;
        const address = `${site.url}?embed=predict&amp;models=tiny-a&amp;autorun=1`;
        // A page of the same site, though of another origin: frames of another site are given no storage anyway.
        const body = `<!doctype html><title>around</title><iframe src="${address}" ${held} width="900" height="700"></iframe>`;
        await page.goto(hosts.put("around", body).replace("localhost", "127.0.0.1"));
        const figure = page.locator("iframe").contentFrame();
        await figure.locator(".top .row").nth(4).waitFor();
        await figure.locator("input[type=file]").setInputFiles({ name: "holiday.png", mimeType: "image/png", buffer: png(96) });
        await figure.locator("figcaption", { hasText: "holiday.png" }).waitFor();
        await figure.locator(".top .row").nth(4).waitFor();
        const frame = await (await page.$("iframe")).contentFrame();
        if (sandbox === "allow-scripts") {
          const barred = await frame.evaluate(() => ["localStorage", "sessionStorage", "caches", "indexedDB"].map((store) => {
            try { return store === "indexedDB" ? indexedDB.open("x") : window[store].length; } catch (error) { return error.name; }
          }));
          assert.deepEqual(barred.map(String), ["SecurityError", "SecurityError", "SecurityError", "SecurityError"], "it could not");
        } else {
          assert.deepEqual(await left(frame), NOTHING);
        }
        assert.deepEqual(seen, { errors: [], strangers: [] });
        await page.goto(`${site.url}assets/icon.svg`);
        assert.deepEqual(await left(page), NOTHING, "nor does the site");
        assert.deepEqual(await browser.context.cookies(), []);
      } finally {
        await browser.close();
      }
    });
  }
});
