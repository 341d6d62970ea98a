// What comes from outside with ill intent: pictures, links, messages, and what lies in the browser's stores. The page stands, and reports what is wrong.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { send } from "../support/bad_messages.mjs";
import { EITHER, READ, SAYS, cases, random } from "../support/bad_pictures.mjs";
import { isNightly } from "../support/extent.mjs";
import { EMBEDDABLE } from "../support/figures.mjs";
import { answered, dist, launch, serveHosts, serveStrictly, watch } from "../support/harness.mjs";
import { patient } from "../support/soon.mjs";

let site, hosts, browser, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stridescope-hostile-"));
  site = await serveStrictly((path, _request, response) => {
    // Whether the site answers is not to hang on how busy this machine is.
    if (path !== "/some/path/sw.js") return false;
    response.writeHead(200, { "content-type": "text/javascript" }).end(patient(readFileSync(join(dist, "sw.js"), "utf8")));
    return true;
  });
  hosts = await serveHosts();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hosts?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(query, { context } = browser) {
  const page = await context.newPage();
  const seen = watch(page, site.url, hosts.url);
  await page.goto(site.url + query);
  return { page, seen };
}

/// Nothing went wrong, and nothing that came from outside ran or was taken for markup.
async function clean({ page, seen }) {
  await harmless(page);
  assert.deepEqual(seen, { errors: [], strangers: [] });
  await page.close();
}

async function harmless(page) {
  const found = await page.evaluate(() => ({
    // The page's own first script stands in it; all others are files of the site.
    hit: globalThis.hit,
    scripts: [...document.scripts].slice(1).filter(({ text, src }) => text !== "" || !src.startsWith(document.baseURI.split("?")[0])).map(({ outerHTML }) => outerHTML),
    elements: [...document.querySelectorAll("iframe, object, embed, base, form:not(.another), [onerror], [onload], [onclick], [href^='javascript:']")]
      .map(({ outerHTML }) => outerHTML),
    images: [...document.images].map(({ src }) => src).filter((src) => !/^(data|blob):/.test(src) && !src.startsWith(`${location.origin}/some/path/samples-`)),
  }));
  assert.deepEqual(found, { hit: undefined, scripts: [], elements: [], images: [] });
}

/// What is on show: the link, the picture, and what each network predicts for it.
const shown = (page) => page.evaluate(() => ({
  query: location.search,
  picture: document.querySelector(".picture figcaption").textContent,
  address: document.querySelector(".picture img").src,
  answers: [...document.querySelectorAll(".answer")].map((card) => [card.dataset.net, ...[...card.querySelectorAll(".row")].map((row) => row.textContent)]),
}));

/// Ways in which a picture comes.
const WAYS = {
  choose: async (page, name, bytes) => {
    // A large one goes by a file, whose bytes are not copied.
    if (bytes.length < 1_000_000) return page.setInputFiles(".thumbs input[type=file]", { name, mimeType: "image/png", buffer: bytes });
    writeFileSync(join(folder, name), bytes);
    return page.setInputFiles(".thumbs input[type=file]", join(folder, name));
  },
  drop: (page, name, bytes) => hand(page, name, bytes, "drop"),
  paste: (page, name, bytes) => hand(page, name, bytes, "paste"),
};
const hand = (page, name, bytes, type) => page.evaluate(([name, bytes, type]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
  const how = { bubbles: true, cancelable: true };
  document.body.dispatchEvent(type === "drop" ? new DragEvent(type, { ...how, dataTransfer: data }) : new ClipboardEvent(type, { ...how, clipboardData: data }));
}, [name, bytes.toString("base64"), type]);

/// Hands a picture over and waits for what comes of it: the sentences that are shown, none where every network has answered.
async function outcome(page, name, bytes, way = "choose") {
  await WAYS[way](page, name, bytes);
  await page.waitForFunction((name) => document.querySelector(".notice")
    || (document.querySelector(".picture figcaption b").textContent === name && document.querySelectorAll(".answer .row").length === 10), name);
  return page.$$eval(".notice p", (all) => all.map((words) => words.textContent));
}

describe("pictures", () => {
  let visit, all, reference;
  /// Pictures by name that were read, and what the networks predicted for them.
  const read = new Map();
  const good = readFileSync(join(dist, "assets/samples/rocket.jpg"));
  let goods = 0;

  /// A good picture is read and answered as at first; where it now stands, that is what must stay.
  async function works(page) {
    assert.deepEqual(await outcome(page, `good-${++goods}.jpg`, good), []);
    const now = await shown(page);
    reference ??= now.answers;
    assert.deepEqual(now.answers, reference);
    return now;
  }

  before(async () => {
    visit = await open("?models=tiny-a,tiny-d&backend=cpu&image=rocket");
    await answered(visit.page, 2);
    // Chromium writes the WebPs; one with its stripes moved along.
    const webps = await visit.page.evaluate(() => Promise.all([0, 1].map(async (turn) => {
      const canvas = new OffscreenCanvas(64, 64);
      const context = canvas.getContext("2d", { alpha: false });
      ["#c8281e", "#f0dc5a", "#145ab4", "#0aa046"].forEach((colour, i, all) => { context.fillStyle = all[(i + turn) % 4]; context.fillRect(16 * i, 0, 16, 64); });
      return [...new Uint8Array(await (await canvas.convertToBlob({ type: "image/webp", quality: 0.8 })).arrayBuffer())];
    })));
    const [webp, webpTurned] = webps.map((bytes) => Buffer.from(bytes));
    all = cases({ jpeg: good, webp, webpTurned });
  });
  after(async () => { await visit?.page.close(); });

  const groups = {
    size: "that claim too many pixels or are of too many bytes",
    most: "of as many pixels as may be",
    many: "of thousands of frames",
    metadata: "with metadata that grow a thousandfold, or stand in the way",
    polyglots: "that are something else as well, or instead",
    nothing: "that are none, under any name",
    cut: "of every format, cut off anywhere",
  };
  for (const [group, words] of Object.entries(groups)) {
    test(`${words}: read, or refused in one sentence, and all else stays`, async () => {
      const { page } = visit;
      const outcomes = [];
      // The largest of one format every day, of the others nightly.
      for (const [name, bytes, wanted] of group === "most" && !isNightly ? all.most.slice(0, 1) : all[group]) {
        const before = await works(page);
        const sentences = await outcome(page, name, bytes);
        if (sentences.length === 0) {
          assert.ok(wanted === READ || wanted === EITHER, `${name} was taken for a picture`);
          read.set(name, (await shown(page)).answers);
        } else {
          assert.equal(sentences.length, 1, `${name}: ${sentences}`);
          assert.ok(sentences[0].startsWith(`${name}: `), sentences[0]);
          const known = wanted instanceof RegExp ? [wanted] : wanted === READ ? [] : Object.values(SAYS);
          assert.ok(known.some((words) => words.test(sentences[0])), sentences[0]);
          assert.deepEqual(await shown(page), before, name);
          await page.getByRole("button", { name: "Close", exact: true }).click();
        }
        outcomes.push(`${name.slice(0, 24)} ${sentences.length ? "refused" : "read"}`);
        await harmless(page);
      }
      await works(page);
      assert.deepEqual(visit.seen, { errors: [], strangers: [] });
      console.log(`# ${outcomes.length} pictures: ${outcomes.join(", ")}`);
    });
  }

  test("of an animation the first frame counts", () => {
    for (const format of ["gif", "png", "webp"]) assert.deepEqual(read.get(`frames.${format}`), read.get(`still.${format}`), format);
  });

  test("that are dropped or pasted are met in the same way, and so is a drop of no file", async () => {
    const { page } = visit;
    const odd = [...all.nothing, ...all.polyglots.slice(0, 10), all.size[0]];
    for (const way of ["drop", "paste"]) {
      for (const [name, bytes, wanted] of odd) {
        const before = await works(page);
        const sentences = await outcome(page, name, bytes, way);
        assert.equal(sentences.length, wanted === READ ? 0 : 1, `${way} ${name}: ${sentences}`);
        if (wanted !== READ) {
          assert.match(sentences[0], wanted, `${way} ${name}`);
          assert.deepEqual(await shown(page), before, name);
        }
        await harmless(page);
      }
    }
    const before = await works(page);
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.setData("text/html", "<img src=x onerror='globalThis.hit = 1'>");
      data.setData("text/uri-list", "https://stranger.example/a.png");
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await page.locator(".notice", { hasText: "This page asks stranger.example for nothing by itself: save the picture on your device, and drop or paste its file." }).waitFor();
    assert.deepEqual(await shown(page), before);
    await works(page);
    await harmless(page);
    assert.deepEqual(visit.seen, { errors: [], strangers: [] });
  });
});

describe("links", () => {
  /// Strings to a page that shows its first lines alone, to one that shows all figures, and to start with.
  const [FIRST, ALL, LOADS] = isNightly ? [240, 80, 16] : [80, 24, 16];
  const SEED = 20261126;
  /// Values that make sense, by parameter; every other value of these is answered with a sentence.
  const GOOD = {
    models: ["tiny-a", "tiny-a,tiny-d", "resnet50-a,resnet50-d", "resnet152-d", "tiny-d@hf:someone/tiny", "tiny-a@file:mine.pth", "resnet50-d.os8"],
    node: ["layer1", "layer2.0", "layer3.0.conv1"],
    image: ["chelsea", "rocket", "clock_motion"],
    size: ["32", "64", "512"],
    shift: ["0", "32"],
    probe: ["input,0,0,8,zero", "layer1,4294967295,4294967295,8,noise"],
    at: ["0,0", "1000,1000"],
    channel: ["0", "4294967295"],
    sort: ["index", "mean", "difference"],
    colours: ["viridis", "diverging"],
    scale: ["each", "one"],
    count: ["macs", "flops", "macs-bn-relu-pool-add", "fvcore"],
    level: ["stages", "layers"],
    backend: ["auto", "cpu"],
    theme: ["light", "dark"],
    lang: ["en", "ko"],
    embed: EMBEDDABLE,
    controls: ["0", "1"],
    autorun: ["0", "1"],
  };
  const MARKUP = ["<script>globalThis.hit = 1</script>", "\"><img src=x onerror=globalThis.hit=1>", "javascript:globalThis.hit=1", "</style><svg onload=globalThis.hit=1>"];
  const JUNK = [
    ...MARKUP, "", "-1", "1e309", "NaN", "99999999999999999999", "０", "\0", "a\0b", "\u202e\u2066\u200f", "\ud800", "\ufeff", "'; DROP TABLE nets; --", "../../etc/passwd",
    "__proto__", "constructor", "toString", "%", "%00", "%zz", "%F0%9F", "%C0%AF", "null", "undefined", "[object Object]", ",".repeat(2_000), "layer2.".repeat(300),
    "resnet50-a.blocks1-1-1-4294967297", "tiny-a@", "tiny-a@https://", "tiny-a@data:text/html,x", "tiny-a@javascript:hit=1", "tiny-e", "🦊".repeat(500), "a".repeat(6_000),
  ];
  const LONG = ["x".repeat(100_000), "<b>".repeat(33_000), "%F0".repeat(33_000), "layer2.0,".repeat(11_000)];
  const KEYS = ["__proto__", "constructor", "hasOwnProperty", "models[]", "MODELS", "node\0", "\u202enode", "<script>", "a".repeat(3_000), "", "toString"];

  /// A query string of one to five parameters, half of them junk, written properly or as it comes.
  function query(draw, number) {
    const one = (list) => list[Math.floor(draw() * list.length)];
    const pair = () => {
      const kind = draw();
      if (kind < 0.2) return [one(KEYS), one(JUNK)];
      const key = one(Object.keys(GOOD));
      return [key, kind < 0.5 ? one(GOOD[key]) : one(number % 8 === 0 ? LONG : JUNK)];
    };
    const written = (text) => (draw() < 0.6 ? encodeURIComponent(text.toWellFormed()) : text.replaceAll(/[#&]/g, ""));
    const pairs = Array.from({ length: 1 + Math.floor(5 * draw()) }, () => pair().map(written).join("="));
    return `?visit=${number}&${pairs.join("&")}`;
  }

  /// How many parameters make no sense, by the same reading of the string.
  function bad(url) {
    const pairs = [...new URL(url).searchParams];
    const node = pairs.filter(([key]) => key === "node").at(-1);
    return pairs.filter(([key, value]) => key !== "node" && Object.hasOwn(GOOD, key) && !GOOD[key].includes(value)).length + (node && !GOOD.node.includes(node[1]) ? 1 : 0);
  }

  /// Goes to another address as the history does, and returns the notices that are then in sight, of which there is one if the address is `isBad`.
  async function step([address, isBad]) {
    document.querySelector(".notice button")?.click();
    while (document.querySelector(".notice")) await new Promise((done) => setTimeout(done));
    history.replaceState(null, "", address);
    dispatchEvent(new PopStateEvent("popstate"));
    await new Promise((done) => setTimeout(done));
    for (const end = performance.now() + 180_000; isBad && !document.querySelector(".notice p") && performance.now() < end;) await new Promise((done) => setTimeout(done, 5));
    return [...document.querySelectorAll(".notice p")].map((words) => words.textContent);
  }

  /// What a string has brought about: one notice where a parameter makes no sense, no markup, no error.
  function judge(where, address, notices, seen) {
    const problems = bad(address);
    if (problems > 0) {
      assert.equal(notices.length, 1, where);
      assert.match(notices[0], /\S.*[.)"…다]$/su, where);
      assert.ok(notices[0].length < 400 * problems, `${where}: ${notices[0].length} characters`);
    }
    assert.deepEqual(seen, { errors: [], strangers: [] }, where);
    return problems > 0;
  }

  for (const [count, still] of [[FIRST, true], [ALL, false]]) {
    test(`${count} strings drawn by chance, steps of the history of a page of ${still ? "its first lines" : "all figures"}: it stands, and reports what makes no sense`, async () => {
      // Else Chromium drops steps that come faster than a person goes.
      const fast = await launch({ still, args: ["--disable-ipc-flooding-protection"] });
      try {
        const visit = await open("?models=tiny-a&backend=cpu", fast);
        await answered(visit.page, 1);
        if (!still) await visit.page.waitForSelector("#cost table");
        const draw = random(SEED + count);
        let noticed = 0;
        for (let number = 1; number <= count; number += 1) {
          const address = site.url + query(draw, number);
          noticed += judge(`string ${number}: ${address.slice(site.url.length, site.url.length + 300)}`, address, await visit.page.evaluate(step, [address, bad(address) > 0]), visit.seen);
          await harmless(visit.page);
        }
        console.log(`# ${count} strings, ${noticed} of them answered with a notice`);
        assert.ok(noticed > count / 3, `only ${noticed} made no sense`);
        await visit.page.evaluate(step, ["?models=tiny-a,tiny-d&backend=cpu", false]);
        await answered(visit.page, 2);
        await clean(visit);
      } finally {
        await fast.close();
      }
    });
  }

  test(`${LOADS} more that a page starts with, some longer than a host would take`, async () => {
    const draw = random(SEED);
    const page = await browser.context.newPage();
    const seen = watch(page, site.url);
    const headers = Object.fromEntries((await fetch(site.url)).headers);
    const body = readFileSync(join(dist, "index.html"), "utf8");
    await page.route((url) => url.search.length > 8_000, (route) => route.fulfill({ body, headers: { ...headers, "content-length": `${Buffer.byteLength(body)}` } }));
    for (let number = 1; number <= LOADS; number += 1) {
      const address = site.url + query(draw, number);
      await page.goto(address, { waitUntil: "commit" });
      await page.waitForFunction(() => !document.getElementById("shell") && document.querySelector("main .bar, main .from"));
      if (bad(address) > 0) await page.locator(".notice p").first().waitFor();
      const notices = await page.$$eval(".notice p", (all) => all.map((words) => words.textContent));
      judge(`start ${number}: ${address.slice(site.url.length, site.url.length + 300)}`, address, notices, seen);
      await harmless(page);
    }
    await page.goto(`${site.url}?models=tiny-a&backend=cpu`);
    await answered(page, 1);
    await clean({ page, seen });
  });
});

describe("messages", () => {
  const SEED = 20261127;

  /// A page of another origin with a figure and another site's frame beside it, which records what the figure sends.
  async function around(query) {
    const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>around</title><iframe src="${site.url}${query}" title="a figure" width="900" height="700"
      sandbox="allow-scripts allow-popups"></iframe><iframe srcdoc="<p>a stranger</p>" title="a stranger"></iframe>`;
    const page = await browser.context.newPage();
    const seen = watch(page, site.url, hosts.url);
    await page.addInitScript({ content: `globalThis.random = ${random}; globalThis.send = ${send};` });
    await page.addInitScript(() => {
      globalThis.received = [];
      addEventListener("message", ({ data }) => { if (data?.stridescope === 1) received.push(data); });
      globalThis.ask = (message) => new Promise((resolve) => {
        const id = `asked ${Math.random()}`;
        addEventListener("message", ({ data }) => { if (data?.id === id) resolve(data); });
        frames[0].postMessage({ stridescope: 1, id, ...message }, "*");
      });
    });
    await page.goto(hosts.put("around", body));
    await page.waitForFunction(() => received.some(({ type }) => type === "ready"));
    return { page, seen, figure: page.locator("iframe").first().contentFrame(), stranger: await (await page.$("iframe[srcdoc]")).contentFrame() };
  }
  const state = (page) => page.evaluate(async () => (await ask({ type: "state" })).state);
  /// What the figure sent since the last call, but for its height and for the answers to what was asked here.
  const received = (page) => page.evaluate(() => received.splice(0).filter(({ type, id }) => type !== "height" && !String(id).startsWith("asked")));
  /// A right message is received and obeyed.
  async function works(page) {
    assert.deepEqual((await page.evaluate(() => ask({ type: "set", state: { models: ["tiny-d"], node: "layer3.0" } }))).state.models, ["tiny-d"]);
    const { results: [{ net, top }] } = await page.evaluate(() => ask({ type: "classify", image: "assets/samples/rocket.jpg" }));
    assert.deepEqual([net, top.length], ["tiny-d", 5]);
  }

  test("drawn by chance, to a figure: none changes it, those for it are answered with a sentence, and a right one still works", async () => {
    const { page, seen, figure } = await around("?embed=strides&models=tiny-a,tiny-b&node=layer2.0&backend=cpu");
    await figure.locator(".path").first().waitFor();
    const before = await state(page);
    const looks = () => figure.locator("main").evaluate((main) => main.textContent);
    const looked = await looks();
    await received(page);
    const ignored = await page.evaluate((seed) => send(frames[0], ["others", "versions"], seed, 300), SEED);
    assert.deepEqual(await state(page), before);
    assert.deepEqual(await received(page), [], "what is not meant for it gets no answer");
    const expected = await page.evaluate((seed) => send(frames[0], ["ours"], seed, 300), SEED);
    await page.waitForFunction((expected) => received.filter(({ id }) => id !== undefined).length >= expected, expected);
    const answers = await received(page);
    for (const { type, message, state } of answers) {
      if (type === "state") assert.deepEqual(state, before);
      else assert.match(`${type}: ${message}`, /^error: \S.{5,}[.]$/s);
    }
    assert.equal(answers.length, expected, "an answer each");
    assert.deepEqual(await state(page), before);
    assert.equal(await looks(), looked);
    console.log(`# ${ignored} messages were ignored, ${expected} answered`);
    await works(page);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("from a frame beside it: right or wrong, they are ignored", async () => {
    const { page, seen, stranger } = await around("?embed=strides&models=tiny-a,tiny-b&node=layer2.0&backend=cpu");
    const before = await state(page);
    await received(page);
    const sent = await stranger.evaluate((seed) => send(parent.frames[0], ["others", "versions", "ours", "right"], seed, 300), SEED);
    assert.ok(sent > 200, `${sent}`);
    assert.deepEqual(await state(page), before);
    assert.deepEqual(await received(page), []);
    await works(page);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("to the whole page, from itself, from a page that opened it and from one that holds it in a frame: all are ignored", async () => {
    const opener = await browser.context.newPage();
    const seen = watch(opener, site.url, hosts.url);
    await opener.addInitScript({ content: `globalThis.random = ${random}; globalThis.send = ${send};` });
    await opener.goto(hosts.put("opener", `<!doctype html><title>opener</title><iframe src="${site.url}?models=tiny-a&backend=cpu" title="the whole page"></iframe>`));
    const [page] = await Promise.all([
      opener.waitForEvent("popup"), opener.evaluate((url) => { globalThis.opened = open(url); }, `${site.url}?models=tiny-a&backend=cpu`),
    ]);
    const seenThere = watch(page, site.url, hosts.url);
    await answered(page, 1);
    const framed = opener.frames().find((frame) => frame.url().startsWith(site.url));
    await framed.waitForSelector(".answer .row");
    const before = await shown(page);
    const kinds = ["others", "versions", "ours", "right"];
    const sent = await opener.evaluate(([seed, kinds]) => send(opened, kinds, seed, 200) + send(frames[0], kinds, seed, 200), [SEED, kinds]);
    await page.evaluate(`globalThis.random = ${random}; (${send})(window, ${JSON.stringify(kinds)}, ${SEED}, 200)`);
    assert.ok(sent > 300, `${sent}`);
    // What was sent is handled in turn, before this.
    await page.evaluate(() => new Promise((done) => { addEventListener("message", ({ data }) => { if (data === "last") done(); }); postMessage("last", "*"); }));
    assert.deepEqual(await shown(page), before);
    assert.equal(await framed.evaluate(() => location.search), "?models=tiny-a&backend=cpu");
    assert.deepEqual(await page.evaluate(() => stridescope.state().models), ["tiny-a"]);
    await page.evaluate(() => stridescope.set({ models: ["tiny-d"] }));
    await page.waitForFunction(() => document.querySelector('.answer[data-net="tiny-d"] .row'));
    assert.deepEqual([seen, seenThere], Array(2).fill({ errors: [], strangers: [] }));
    await page.close();
    await opener.close();
  });

  test("scripts of the page itself that hand over what throws when it is read: thrown back, and nothing is broken", async () => {
    const visit = await open("?models=tiny-a&backend=cpu");
    await answered(visit.page, 1);
    await visit.page.waitForFunction(() => globalThis.stridescope);
    const thrown = await visit.page.evaluate(async () => {
      const fail = () => { throw new TypeError("not to be read"); };
      const tries = [
        () => stridescope.set(new Proxy({}, { ownKeys: fail })), () => stridescope.set(null), () => stridescope.set({ models: Symbol("x") }),
        () => stridescope.on("nothing", () => {}), () => stridescope.classify({ get type() { return fail(); } }),
        () => stridescope.classify(new Blob(["x"]), { get models() { return fail(); } }), () => stridescope.classify(new Proxy(new Blob(["x"]), {})),
      ];
      const thrown = [];
      for (const go of tries) thrown.push(await Promise.resolve().then(go).then(() => "nothing", (error) => error.name));
      return [thrown, stridescope.state().models];
    });
    assert.deepEqual(thrown[1], ["tiny-a"]);
    const refused = await visit.page.evaluate(() => [undefined, null, "print", {}, 1].map((listener) => {
      try { return typeof stridescope.on("state", listener); } catch ({ name }) { return name; }
    }));
    assert.deepEqual(refused, Array(5).fill("TypeError"), "a listener is a function");
    assert.ok(thrown[0].every((name) => ["RangeError", "TypeError"].includes(name)), `${thrown[0]}`);
    await visit.page.evaluate(() => stridescope.set({ models: ["tiny-d"] }));
    await visit.page.waitForFunction(() => document.querySelector('.answer[data-net="tiny-d"] .row'));
    await clean(visit);
  });

  test("ending a listener twice ends no other, and one that was ended meanwhile receives nothing", async () => {
    const visit = await open("?models=tiny-a&backend=cpu");
    await visit.page.waitForFunction(() => globalThis.stridescope);
    const received = await visit.page.evaluate(async () => {
      const received = [];
      const on = (name, act = () => {}) => stridescope.on("state", () => { received.push(name); act(); });
      const endFirst = on("first");
      endFirst();
      const endSecond = on("second");
      // Of the last listener: its place in the list is given to the next.
      endFirst();
      let endFourth;
      on("third", () => endFourth());
      endFourth = on("fourth");
      const next = async (node) => {
        stridescope.set({ node });
        while (received.length === 0) await new Promise((resolve) => setTimeout(resolve));
        // All of them in one task, of which this is another.
        await new Promise((resolve) => setTimeout(resolve));
        return received.splice(0);
      };
      const all = [await next("layer3.0")];
      endSecond();
      endSecond();
      on("fifth");
      endSecond();
      endFourth();
      return [...all, await next("layer2.0")];
    });
    assert.deepEqual(received, [["second", "third"], ["third", "fifth"]]);
    await clean(visit);
  });
});

describe("what lies in the browser's stores", () => {
  const KEY = "hf:someone/tiny-d";
  const NET = `tiny-d@${KEY}`;
  const stem = createHash("sha256").update(KEY).digest("hex").slice(0, 32);
  const junk = "not weights ".repeat(1_000);
  const described = (change) => JSON.stringify({ key: KEY, title: "tiny-d", url: "https://huggingface.co/x", bytes: junk.length, sha256: "0".repeat(64), beside: null, ...change });

  /// Writes files into the site's folder of weights, in place of what is there; `folders` are made, and nothing else where there is no folder.
  async function write(page, files, folders = []) {
    await page.evaluate(async ([files, folders]) => {
      const root = await navigator.storage.getDirectory();
      for await (const name of root.keys()) await root.removeEntry(name, { recursive: true });
      const put = async (folder, name, text) => {
        const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
        await file.write(text);
        await file.close();
      };
      if (files === null) return put(root, "weights", "a file where the folder belongs");
      const folder = await root.getDirectoryHandle("weights", { create: true });
      for (const [name, text] of files) await put(folder, name, text);
      for (const name of folders) await folder.getDirectoryHandle(name, { create: true });
    }, [files, folders]);
  }
  const files = (page) => page.evaluate(async () => {
    const names = [];
    for await (const name of (await (await navigator.storage.getDirectory()).getDirectoryHandle("weights")).keys()) names.push(name);
    return names.sort();
  });
  const card = (page) => page.locator(`.answer[data-net="${NET}"]`);
  async function visits(files, folders) {
    const visit = await open("?models=tiny-d&backend=cpu");
    await write(visit.page, files, folders);
    await visit.page.goto(`${site.url}?models=tiny-d,${NET}&backend=cpu`);
    await visit.page.waitForFunction(() => document.querySelectorAll('.answer[data-net="tiny-d"] .row').length === 5);
    return visit;
  }
  after(async () => {
    const { page } = await open("?models=tiny-d&embed=cost");
    await write(page, []);
    await page.close();
  });

  test("files of weights that are no such files are passed over, and what is listed is text", async () => {
    const visit = await visits([
      ["junk.json", "{"], ["list.json", "[1, 2]"], ["null.json", "null"], ["deep.json", "[".repeat(100_000)], ["less.json", described({ bytes: -1 })],
      ["wrong.json", described({ key: 1 })], ["alone.bin", junk], ["<b>.txt", junk],
      [`${stem}.bin`, junk], [`${stem}.json`, described({ key: "hf:someone/else", title: "<img src=x onerror=globalThis.hit=1>" })],
    ], ["folder.json", "folder.bin"]);
    await card(visit.page).getByRole("button", { name: /^Download/ }).waitFor();
    await visit.page.locator(".kept li").waitFor();
    assert.match(await visit.page.locator(".kept li").textContent(), /^<img src=x onerror=globalThis\.hit=1>/);
    await clean(visit);
  });

  test("cached weights that were changed are not used, and are requested anew", async () => {
    const visit = await visits([[`${stem}.bin`, junk], [`${stem}.json`, described({})]]);
    await card(visit.page).getByRole("button", { name: /^Download/ }).waitFor();
    assert.deepEqual(await files(visit.page), [], "they are gone");
    await clean(visit);
  });

  test("cached bytes that are no weights are answered with a sentence and can be deleted", async () => {
    const visit = await visits([[`${stem}.bin`, junk], [`${stem}.json`, described({ sha256: createHash("sha256").update(junk).digest("hex") })]]);
    await card(visit.page).locator(".problem", { hasText: "This is no usable safetensors file" }).waitFor();
    await visit.page.getByRole("button", { name: "Delete tiny-d" }).click();
    await visit.page.getByText("Nothing is kept on this device.").waitFor();
    await clean(visit);
  });

  test("a file where the folder belongs, and folders where files belong, do no harm", async () => {
    for (const [name, lies, folders] of [["file", null], ["folders", [], [`${stem}.bin`, `${stem}.json`]]]) {
      const visit = await visits(lies, folders);
      await card(visit.page).getByRole("button", { name: /^Download/ }).waitFor();
      await visit.page.getByText("Nothing is kept on this device.").waitFor().catch(() => { throw new Error(`with a ${name} there`); });
      await clean(visit);
    }
  });

  test("what other sites of the origin left in its stores is neither read nor touched", async () => {
    const visit = await open("?models=tiny-d&backend=cpu");
    const fill = () => {
      for (const name of ["theme", "lang", "state", "stridescope"]) for (const store of [localStorage, sessionStorage]) store.setItem(name, "<script>globalThis.hit = 1</script>");
      localStorage.setItem("much", "x".repeat(4_000_000));
      document.cookie = "lang=ko; theme=dark";
      return new Promise((done) => { indexedDB.open("stridescope", 99).onsuccess = ({ target }) => { target.result.close(); done(); }; });
    };
    await visit.page.evaluate(fill);
    const kept = () => visit.page.evaluate(async () => {
      const databases = (await indexedDB.databases()).map(({ name, version }) => [name, version]);
      return [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, databases];
    });
    const before = await kept();
    await visit.page.reload();
    await answered(visit.page, 1);
    assert.deepEqual(await kept(), before);
    assert.equal(await visit.page.getAttribute("html", "lang"), "en");
    await visit.page.evaluate(() => { localStorage.clear(); sessionStorage.clear(); indexedDB.deleteDatabase("stridescope"); });
    await browser.context.clearCookies();
    await clean(visit);
  });

  test("a cached site with files that are gone or are others: while the site answers, they are the site's", async () => {
    const fresh = await launch({ offline: true });
    try {
      const visit = await open("?models=tiny-d&backend=cpu", fresh);
      await visit.page.waitForFunction(() => navigator.serviceWorker.controller);
      await answered(visit.page, 1);
      const spoilt = await visit.page.evaluate(async () => {
        await (await caches.open("somebody else's")).put("/some/path/worker.js", new Response("globalThis.hit = 1"));
        const [name] = (await caches.keys()).filter((name) => name.startsWith("stridescope "));
        const cache = await caches.open(name);
        const all = await cache.keys();
        for (const request of all) {
          if (/\/[a-z]+-[0-9a-f]{16}\//.test(request.url)) await cache.delete(request);
          else await cache.put(request, new Response("globalThis.hit = 1"));
        }
        return all.length;
      });
      assert.ok(spoilt > 20, `${spoilt}`);
      await visit.page.goto(`${site.url}?models=tiny-a,tiny-d&backend=cpu&image=coffee`);
      await answered(visit.page, 2);
      await visit.page.waitForSelector("#cost table");
      assert.ok((await visit.page.evaluate(() => caches.keys())).includes("somebody else's"));
      await clean(visit);
    } finally {
      await fresh.close();
    }
  });
});
