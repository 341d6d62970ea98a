// The page as a visitor uses it, in Chromium.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { dist, launch, project, serve, watch } from "./harness.mjs";

const axe = readFileSync(join(project, "tests/node_modules/axe-core/axe.min.js"), "utf8");
const sample = (file) => join(dist, "assets/samples", file);

let server, browser, folder;
/// Paths whose answer is to be cut in the middle, and those to be refused.
const cut = new Set();
const refuse = new Set();

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stridescope-pictures-"));
  server = await serve((path, _request, response) => {
    if ([...refuse].some((end) => path.endsWith(end))) {
      response.writeHead(503).end();
      return true;
    }
    if ([...cut].some((end) => path.endsWith(end))) {
      const bytes = readFileSync(join(dist, path.replace("/some/path/", "")));
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
      return true;
    }
    return false;
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(query = "", { width = 1200, height = 900, init } = {}) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width, height });
  if (init) await page.addInitScript(init);
  const seen = watch(page, server.url);
  await page.goto(server.url + query);
  return { page, seen };
}

/// Waits until every chosen network has answered, and returns each one's top class.
async function answers(page, count) {
  await page.waitForFunction((count) => document.querySelectorAll(".answer .top .row").length === 5 * count, count);
  return page.$$eval(".answer", (cards) => cards.map((card) => ({
    net: card.dataset.net,
    top: card.querySelector(".row span").textContent,
    time: card.querySelector("h3 span").textContent,
    origin: card.querySelector(".origin").textContent,
  })));
}

async function clean({ page, seen }) {
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(seen.strangers, []);
  await page.close();
}

const TINY = ["tiny-a", "tiny-b", "tiny-c", "tiny-d"];

describe("the main job", () => {
  test("open, choose a sample, see four predictions and four diagrams", async () => {
    const visit = await open();
    await visit.page.getByRole("button", { name: "A cup of coffee" }).click();
    await visit.page.waitForFunction(() => document.querySelector(".picture figcaption b")?.textContent === "A cup of coffee");
    const four = await answers(visit.page, 4);
    assert.deepEqual(four.map(({ net }) => net), TINY);
    four.forEach(({ time, origin }) => { assert.match(time, /^[\d.]+ ms$/); assert.match(origin, /Weights: Stridescope.*Top-1 8\d\.\d % on Imagenette/); });
    assert.equal(await visit.page.locator(".answer .none").count(), 4, "coffee is none of the ten classes");
    assert.equal(await visit.page.locator("svg.diagram").count(), 4);
    assert.match(visit.page.url(), /\?image=coffee$/);
    assert.match(await visit.page.locator(".why").textContent(), /CPU · /);
    await clean(visit);
  });

  test("the thousand-class network is offered and names the cat", async () => {
    const visit = await open();
    await answers(visit.page, 4);
    await visit.page.getByRole("button", { name: "Ask ResNet-50-A" }).click();
    await visit.page.waitForSelector('.answer[data-net="resnet50-a"] .row');
    const [{ top }] = await answers(visit.page, 1);
    assert.equal(top, "Egyptian cat");
    await visit.page.goBack();
    assert.deepEqual((await answers(visit.page, 4)).map(({ net }) => net), TINY);
    await clean(visit);
  });

  test("a file can be chosen and dropped, and stays out of the link", async () => {
    const visit = await open("?models=tiny-d");
    await answers(visit.page, 1);
    await visit.page.setInputFiles('input[type="file"]', sample("rocket.jpg"));
    await visit.page.waitForFunction(() => document.querySelector(".picture figcaption")?.textContent.startsWith("rocket.jpg · 640 × 427"));
    await answers(visit.page, 1);
    assert.match(visit.page.url(), /image=own/);
    const bytes = readFileSync(sample("grace_hopper.jpg")).toString("base64");
    await visit.page.evaluate(async (bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "hopper.jpg", { type: "image/jpeg" }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }, bytes);
    await visit.page.waitForFunction(() => document.querySelector(".picture figcaption")?.textContent.startsWith("hopper.jpg"));
    await answers(visit.page, 1);
    await clean(visit);
  });

  test("a link is the state: reloading shows the same", async () => {
    const visit = await open("?models=tiny-b,tiny-d&node=layer3.0&image=rocket&size=96&backend=cpu&theme=dark");
    const first = await answers(visit.page, 2);
    const url = visit.page.url();
    await visit.page.reload();
    const second = await answers(visit.page, 2);
    assert.equal(visit.page.url(), url);
    assert.deepEqual(second.map(({ net, top }) => [net, top]), first.map(({ net, top }) => [net, top]));
    assert.equal(await visit.page.getAttribute("html", "data-theme"), "dark");
    assert.equal(await visit.page.locator('[data-node="layer3.0.conv2"]').count(), 2, "stage 3 is open in both");
    await clean(visit);
  });

  test("with WebGPU refused it computes on the CPU and says why", async () => {
    const visit = await open("?models=tiny-a&backend=webgpu", {
      init: () => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }),
    });
    await answers(visit.page, 1);
    assert.match(await visit.page.locator(".why").textContent(), /CPU · this browser/);
    await clean(visit);
  });

  test("networks are chosen by depth and letter", async () => {
    const visit = await open("?models=tiny-a,tiny-d");
    await answers(visit.page, 2);
    await visit.page.getByRole("button", { name: "B", exact: true }).click();
    assert.deepEqual((await answers(visit.page, 3)).map(({ net }) => net), ["tiny-a", "tiny-b", "tiny-d"]);
    await visit.page.getByLabel("Depth", { exact: true }).selectOption("resnet18");
    await visit.page.waitForFunction(() => document.querySelectorAll(".answer .problem").length === 3);
    assert.match(await visit.page.locator(".answer .problem").first().textContent(), /no weights for this network yet/);
    assert.equal(await visit.page.locator("svg.diagram").count(), 3);
    await clean(visit);
  });

  test("all of it by keyboard", async () => {
    const visit = await open("?models=tiny-a");
    await answers(visit.page, 1);
    await visit.page.getByRole("button", { name: "D", exact: true }).focus();
    await visit.page.keyboard.press("Enter");
    assert.equal((await answers(visit.page, 2)).length, 2);
    await visit.page.getByRole("button", { name: "A photographer" }).focus();
    await visit.page.keyboard.press("Space");
    await visit.page.waitForFunction(() => document.querySelector(".picture figcaption b")?.textContent === "A photographer");
    await visit.page.locator('[data-node="layer4.0"]').first().focus();
    await visit.page.keyboard.press("Enter");
    await visit.page.waitForSelector('[data-node="layer4.0.conv2"]');
    assert.equal(await visit.page.locator('[data-node="layer4.0.conv2"]').count(), 2);
    assert.match(visit.page.url(), /node=layer4\.0/);
    await clean(visit);
  });
});

describe("architecture and cost", () => {
  const fifty = "?models=resnet50-a,resnet50-b,resnet50-c,resnet50-d";
  const text = (page, selector) => page.$$eval(selector, (found) => found.map((element) => element.textContent));

  test("what differs is said, and a selected layer is told in every network", async () => {
    const visit = await open(`${fifty}&node=layer2.0.conv2`);
    await visit.page.waitForSelector(".inspector dl");
    assert.deepEqual(await text(visit.page, ".differences summary"), [
      "2 differences from ResNet-50-A",
      "6 differences from ResNet-50-A",
      "8 differences from ResNet-50-A",
    ]);
    const told = await text(visit.page, ".inspector dl");
    assert.match(told[0], /stride 1.*28 × 28 × 128 × 3 × 3 × 128 = 115,605,504/);
    assert.match(told[3], /stride 2.*layer2\.0\.conv2\.weight \[128, 128, 3, 3\]/);
    await visit.page.locator('[data-node="conv1.3"]').first().focus();
    await visit.page.keyboard.press("Enter");
    await visit.page.waitForFunction(() => document.querySelector(".inspector h3").textContent.endsWith("conv1.3"));
    assert.match((await text(visit.page, ".inspector .cols > div"))[0], /has no such layer/);
    const saved = visit.page.waitForEvent("download");
    await visit.page.getByRole("button", { name: "Save SVG of ResNet-50-D" }).click();
    const file = await saved;
    assert.equal(file.suggestedFilename(), "resnet50-d.svg");
    assert.match(readFileSync(await file.path(), "utf8"), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg".*avgpool 2×2, \/2.*<\/svg>\n$/s);
    await clean(visit);
  });

  test("tables follow what is counted, how finely, and against what; and are copied", async () => {
    const visit = await open(fifty);
    await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const row = (name) => visit.page.locator("#cost tr", { has: visit.page.getByRole("rowheader", { name, exact: true }) }).first();
    await row("MACs").waitFor();
    assert.match(await row("MACs").textContent(), /3\.86 G.*4\.33 G\+12\.2 %$/);
    await visit.page.getByLabel("Count").selectOption("fvcore");
    assert.match(await row("fvcore's flops").textContent(), /3\.88 G/);
    await visit.page.getByLabel("Parts").selectOption("layers");
    assert.match(await row("layer2.0.downsample.0").textContent(), /103 M/);
    await visit.page.getByLabel("Compared with").selectOption("resnet50-d");
    assert.match(visit.page.url(), /count=fvcore&level=layers&base=resnet50-d/);
    await visit.page.getByRole("button", { name: "Markdown" }).click();
    await visit.page.getByText("Copied as Markdown.").waitFor();
    const copied = await visit.page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^\| layers, fvcore's flops \| ResNet-50-A \| ResNet-50-A − ResNet-50-D \|.*\| total \| 3879247872 \| −473510912 \|.*\n$/s);
    await visit.page.getByText("All figures of ResNet-50-A").click();
    await visit.page.getByLabel("Only names with").fill("conv2");
    await visit.page.getByRole("button", { name: "Operations" }).click();
    assert.equal(await visit.page.locator(".layers tbody tr").count(), 16);
    assert.match(await visit.page.locator(".layers tbody tr").first().textContent(), /116 M/);
    assert.equal(await visit.page.locator("#cost svg.chart").count(), 4);
    await clean(visit);
  });

  test("any network of the family can be asked for, and what cannot be is refused with the reason", async () => {
    const visit = await open("?models=resnext50_32x4d-b,resnet50-d.os8,resnetblur50-b,resnet152-a.shortcut-avgpool");
    await visit.page.waitForSelector("svg.diagram");
    assert.deepEqual(await text(visit.page, "#architecture h3 span"), [
      "stride on the 3×3",
      "dilated",
      "stride on the 3×3",
      "a mixture of your own",
    ]);
    assert.match(await visit.page.locator("#architecture").textContent(), /4\.23 G MACs · 25\.0 M parameters/);
    await clean(visit);
    const refused = await open("?models=resnet50-d.blocks1000000000");
    assert.match(await refused.page.getByRole("alert").textContent(), /blocks in a stage is 1000000000, but must be between 1 and 200/);
    await clean(refused);
  });

  test("152 layers open and fold without a stall", async () => {
    const visit = await open("?models=resnet152-a,resnet152-d");
    await visit.page.waitForSelector("svg.diagram");
    const longest = await visit.page.evaluate(async () => {
      const times = [];
      for (const id of ["layer3.0", "layer4.0", "layer2.0", "layer3.0"]) {
        const start = performance.now();
        document.querySelector(`[data-node="${id}"]`).dispatchEvent(new MouseEvent("click", { bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        if (!document.querySelector(`[data-node="${id}.conv1"]`)) throw new Error(`${id} did not open`);
        times.push(performance.now() - start);
      }
      return Math.max(...times);
    });
    console.log(`    a fold of ResNet-152 takes ${longest.toFixed(0)} ms at most`);
    assert.ok(longest < 100, `${longest} ms`);
    await clean(visit);
  });
});

describe("bad input", () => {
  /// A PNG's header with the size that it claims, and nothing behind it.
  const pngClaiming = (width, height) => {
    const chunk = Buffer.alloc(25);
    chunk.writeUInt32BE(13, 0);
    chunk.write("IHDR", 4);
    chunk.writeUInt32BE(width, 8);
    chunk.writeUInt32BE(height, 12);
    chunk.set([8, 2, 0, 0, 0], 16);
    return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk]);
  };
  const files = {
    "zero.png": [Buffer.alloc(0), /This file is empty/],
    "notes.jpg": [Buffer.from("Not a picture at all."), /no picture that can be read here/],
    "drawing.svg": [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), /an SVG drawing.*Export it as PNG/],
    "huge.png": [pngClaiming(20000, 20000), /20000 × 20000 pixels; at most 50 million/],
    "cut.png": [() => readFileSync(sample("coffee.png")).subarray(0, 200), /damaged or cut off/],
    "heavy.png": [Buffer.alloc(20_000_001, 1), /20 MB large; at most 20 MB/],
  };

  test("pictures that cannot be used are answered with a sentence, and the page stays as it was", async () => {
    const visit = await open("?models=tiny-a&image=rocket");
    const before = await answers(visit.page, 1);
    for (const [name, [content, words]] of Object.entries(files)) {
      const file = join(folder, name);
      writeFileSync(file, typeof content === "function" ? content() : content);
      await visit.page.setInputFiles('input[type="file"]', file);
      await visit.page.waitForFunction((name) => document.querySelector(".notice p")?.textContent.startsWith(name), name);
      assert.match(await visit.page.locator(".notice p").textContent(), words, name);
      assert.equal(await visit.page.locator(".picture figcaption b").textContent(), "A rocket on its pad");
      assert.deepEqual((await answers(visit.page, 1))[0].top, before[0].top);
      await visit.page.getByRole("button", { name: "Close" }).click();
    }
    await clean(visit);
  });

  test("odd pictures work: one pixel, an animated GIF, transparency, grey", async () => {
    const visit = await open("?models=tiny-a");
    await answers(visit.page, 1);
    const odd = {
      "one.gif": Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64"),
      "one.png": Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64"),
    };
    for (const [name, bytes] of Object.entries(odd)) {
      writeFileSync(join(folder, name), bytes);
      await visit.page.setInputFiles('input[type="file"]', join(folder, name));
      await visit.page.waitForFunction((name) => document.querySelector(".picture figcaption")?.textContent.startsWith(`${name} · 1 × 1`), name);
      await answers(visit.page, 1);
    }
    await clean(visit);
  });

  test("links that make no sense are said, and the rest is kept", async () => {
    const visit = await open("?models=resnet50-x&size=9999&backend=tpu&image=dog&node=layer9&theme=dark");
    const notice = await visit.page.locator(".notice p").textContent();
    for (const words of ['no network "resnet50-x"', 'size "9999"', 'no backend "tpu"', 'no sample picture "dog"', 'layer "layer9"']) {
      assert.ok(notice.includes(words), notice);
    }
    assert.equal(await visit.page.getAttribute("html", "data-theme"), "dark");
    await answers(visit.page, 4);
    await clean(visit);
  });

  test("a download that breaks off fails alone, and works when tried again", async () => {
    cut.add("tiny-b.safetensors");
    const visit = await open("?models=tiny-a,tiny-b");
    await visit.page.waitForSelector('.answer[data-net="tiny-b"] .problem');
    assert.match(await visit.page.locator('.answer[data-net="tiny-b"] .problem').textContent(), /tiny-b\.safetensors from this site broke off/);
    assert.equal(await visit.page.locator('.answer[data-net="tiny-a"] .row').count(), 5);
    cut.clear();
    await visit.page.getByRole("button", { name: "Try again" }).click();
    await answers(visit.page, 2);
    await visit.page.close();
  });

  test("weights that are damaged, of another network or not there are refused by name", async () => {
    const good = readFileSync(join(dist, "assets/weights/tiny-a.safetensors"));
    const header = Number(good.readBigUInt64LE(0));
    const nan = Buffer.from(good);
    nan.writeUInt16LE(0x7e00, good.length - 2);
    const lying = Buffer.from(good);
    lying.writeBigUInt64LE(BigInt(good.length), 0);
    const { page } = await open("?models=tiny-d");
    await answers(page, 1);
    const cases = [
      [good.subarray(0, 8 + header + 1000), /safetensors file.*cut off/],
      [readFileSync(join(dist, "assets/weights/tiny-c.safetensors")), /another network/],
      [nan, /not finite/],
      [lying, /longer than the file/],
    ];
    for (const [body, words] of cases) {
      await page.route("**/tiny-a.safetensors", (route) => route.fulfill({ body, contentType: "application/octet-stream" }));
      await page.getByRole("button", { name: "A", exact: true }).click();
      await page.waitForSelector('.answer[data-net="tiny-a"] .problem');
      assert.match(await page.locator('.answer[data-net="tiny-a"] .problem').textContent(), words);
      assert.equal(await page.locator('.answer[data-net="tiny-d"] .row').count(), 5);
      await page.getByRole("button", { name: "A", exact: true }).click();
      await page.unroute("**/tiny-a.safetensors");
    }
    await page.close();
  });

  test("an engine that cannot be loaded, or dies, is said and replaced", async () => {
    refuse.add("worker_bg.wasm");
    const { page } = await open("?models=tiny-a");
    await page.waitForSelector(".notice");
    assert.match(await page.locator(".notice p").textContent(), /engine could not be loaded/);
    refuse.clear();
    await page.getByRole("button", { name: "A cup of coffee" }).click();
    await answers(page, 1);
    await page.close();

    const visit = await open("?models=tiny-a", {
      init: () => {
        const Original = Worker;
        globalThis.Worker = class extends Original {
          constructor(...parts) { super(...parts); globalThis.engines = (globalThis.engines ?? []).concat(this); }
        };
      },
    });
    await answers(visit.page, 1);
    await visit.page.evaluate(() => engines.at(-1).dispatchEvent(new ErrorEvent("error", { message: "unreachable" })));
    assert.match(await visit.page.locator(".notice p").textContent(), /engine stopped.*Try again/);
    assert.equal(await visit.page.locator(".answer .row").count(), 5, "the answer stays");
    await visit.page.getByRole("button", { name: "B", exact: true }).click();
    await answers(visit.page, 2);
    assert.equal(await visit.page.evaluate(() => engines.length), 2);
    await visit.page.close();
  });
});

describe("the look", () => {
  for (const theme of ["light", "dark"]) {
    test(`architecture and cost, ${theme}, everything unfolded: axe finds nothing`, async () => {
      const visit = await open(`?models=resnet50-a,resnet50-d&theme=${theme}&node=conv1`);
      await visit.page.waitForSelector("#cost svg.chart");
      await visit.page.$$eval("details", (all) => all.forEach((details) => { details.open = true; }));
      await visit.page.waitForSelector(".layers tbody tr");
      await visit.page.evaluate(axe);
      const violations = await visit.page.evaluate(async () => (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`));
      assert.deepEqual(violations, []);
      await clean(visit);
    });
  }
  for (const width of [360, 1600]) {
    for (const theme of ["light", "dark"]) {
      test(`${width} px, ${theme}: nothing overflows and axe finds nothing`, async () => {
        const visit = await open(`?theme=${theme}`, { width, height: 900 });
        await answers(visit.page, 4);
        const overflow = await visit.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(overflow, 0, "no horizontal scrolling");
        await visit.page.evaluate(axe);
        const violations = await visit.page.evaluate(async () => (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`));
        assert.deepEqual(violations, []);
        if (process.env.STRIDESCOPE_SCREENSHOTS) {
          await visit.page.screenshot({ path: join(process.env.STRIDESCOPE_SCREENSHOTS, `${width}-${theme}.png`), fullPage: true });
        }
        await clean(visit);
      });
    }
  }
});
