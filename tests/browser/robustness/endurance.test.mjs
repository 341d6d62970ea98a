// Hours of use in minutes: what the page holds after many predictions, networks and pictures, and whether it still answers for the last of them.
// STRIDESCOPE_SOAK=1 makes them many; STRIDESCOPE_SOAK_OUT names a file for the curves.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { NIGHTLY, isNightly } from "../support/extent.mjs";
import { answered, answers, keeping, launch, loaderText, serve, watch } from "../support/harness.mjs";
import { becomes, leadsTo } from "../support/soon.mjs";

const soak = process.env.STRIDESCOPE_SOAK === "1";
/// How often each thing is done, and how many pictures of the camera are classified.
const PREDICTIONS = soak ? 1_000 : isNightly ? 120 : 60;
const CHANGES = soak ? 54 : 18;
const CAMERA_PICTURES = soak ? 15_000 : isNightly ? 480 : 120;
/// On a GPU that a processor pretends to be each takes a hundred times as long.
const [GPU_PREDICTIONS, GPU_CHANGES] = soak ? [PREDICTIONS, CHANGES] : [isNightly ? 12 : 6, 6];
/// Parts in which each is done; after each of them is measured, and the first is the warm-up.
const PARTS = 6;
/// Lets the worker's garbage be collected on request.
const COLLECTS = ["--js-flags=--expose-gc"];
/// Most that may be gained after the warm-up.
const GROWTH = 0.05;

let site;
const curves = {};
before(async () => {
  // The engine's memory of wasm is asked of the worker, whose loader keeps hold of it here.
  site = await serve((path, _request, response) => {
    if (!path.endsWith("/worker_loader.js")) return false;
    response.writeHead(200, { "content-type": "text/javascript" }).end(`(${keeping})();\n${loaderText()}`);
    return true;
  });
});
after(async () => {
  await site?.close();
  if (process.env.STRIDESCOPE_SOAK_OUT) writeFileSync(process.env.STRIDESCOPE_SOAK_OUT, `${JSON.stringify({ soak, curves }, null, 2)}\n`);
});

/// Opens the page and waits until all its figures stand.
async function open(browser, query) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1200, height: 900 });
  const seen = watch(page, site.url);
  await page.addInitScript(keeping);
  await page.goto(site.url + query);
  await page.waitForFunction(() => document.querySelectorAll("section").length === 8 && !document.querySelector('section[aria-busy="true"]'));
  return { page, seen, debug: await browser.context.newCDPSession(page) };
}

async function clean({ page, seen }) {
  assert.deepEqual(seen, { errors: [], strangers: [] });
  await page.close();
}

const button = (page, name) => page.getByRole("button", { name, exact: true });

/// Bytes of the page's JavaScript heap, of its own and of the engine's memory of wasm, of the engine's buffers on the GPU, and of all that the
/// browser holds for it, after garbage collection.
async function held(browser, { page, debug }) {
  const [worker] = page.workers();
  for (let i = 0; i < 2; i += 1) {
    await debug.send("HeapProfiler.collectGarbage");
    await worker.evaluate(() => gc());
    await debug.send("Memory.simulatePressureNotification", { level: "critical" });
  }
  return {
    heap: (await debug.send("Runtime.getHeapUsage")).usedSize,
    page: await page.evaluate(() => wasmBytes()),
    engine: await worker.evaluate(() => wasmBytes()),
    gpu: await worker.evaluate(() => gpuBytes()),
    all: browser.memory(),
  };
}

/// Does something in parts and measures after each. After the first, nothing may grow by more than its share, and the page's memory of wasm by
/// more than four of the steps in which it grows. What the browser holds in all is only printed: its caches, and those of the tool that
/// drives it, count there.
async function steady(name, browser, visit, part) {
  const curve = [];
  for (let i = 0; i < PARTS; i += 1) {
    await part(i);
    curve.push(await held(browser, visit));
  }
  curves[name] = curve;
  const of = (what) => curve.map((point) => point[what]);
  for (const what of ["heap", "page", "engine", "gpu", "all"]) console.log(`# ${name}, ${what}: ${of(what).map((bytes) => (bytes / 1e6).toFixed(1)).join(", ")} MB`);
  for (const what of ["heap", "engine", "gpu"]) {
    const [first, last] = [of(what)[0], of(what).at(-1)];
    assert.ok(last - first <= GROWTH * first, `${what} grew from ${first} to ${last} bytes in ${name}`);
  }
  const steps = (of("page").at(-1) - of("page")[0]) / 65_536;
  assert.ok(steps <= 4, `the page's memory of wasm grew by ${steps} steps in ${name}`);
}

/// Chooses a sample picture and waits until every network has predicted something for it.
async function choose(page, title, count) {
  await button(page, title).click();
  await page.waitForFunction((title) => document.querySelector(".picture figcaption b")?.textContent === title, title);
  await answered(page, count);
}

/// One after another of the sample pictures. It is driven from within, so that no tool leaves anything in the page.
async function predictions(name, browser, visit, count) {
  const some = ([part, count]) => visit.page.evaluate(async ([part, count]) => {
    const thumbs = [...document.querySelectorAll(".thumbs button")];
    const isThere = (title) => document.querySelector(".picture figcaption b").textContent === title && document.querySelectorAll(".answer .top .row").length === 5;
    for (let i = 0; i < count; i += 1) {
      const thumb = thumbs[(part * count + i) % thumbs.length];
      thumb.click();
      // Not by frames, which a GPU that is at work may not get to.
      while (!isThere(thumb.title)) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }, [part, count]);
  // Each once: the largest decides how much the engine takes.
  await some([0, (await visit.page.$$(".thumbs button")).length]);
  await steady(name, browser, visit, (part) => some([part, Math.ceil(count / PARTS)]));
}

/// One pair of networks after another.
async function changes(name, browser, visit, count) {
  const sets = [["tiny-a", "tiny-b"], ["tiny-c", "tiny-d"], ["tiny-a", "tiny-d"]];
  let turn = 0;
  const some = async (count) => {
    for (const end = turn + count; turn < end; turn += 1) {
      const models = sets[turn % sets.length];
      await visit.page.evaluate((models) => stridescope.set({ models }), models);
      await visit.page.waitForFunction((models) => [...document.querySelectorAll(".answer")].map((card) => card.dataset.net).join() === models, models.join());
      await answered(visit.page, 2);
    }
  };
  // Each once, so that the engine has taken what they need together.
  await some(sets.length);
  await steady(name, browser, visit, () => some(count / PARTS));
}

describe("on the processor", () => {
  let browser;
  before(async () => { browser = await launch({ args: COLLECTS }); });
  after(async () => { await browser?.close(); });

  test(`${PREDICTIONS} predictions: the page and the engine hold what they held after the first of them`, async () => {
    const visit = await open(browser, "?models=tiny-d&backend=cpu");
    await answered(visit.page, 1);
    await predictions("predictions", browser, visit, PREDICTIONS);
    await clean(visit);
  });

  test(`${CHANGES} changes of networks: likewise`, async () => {
    const visit = await open(browser, "?models=tiny-a&backend=cpu");
    await answered(visit.page, 1);
    await changes("changes of networks", browser, visit, CHANGES);
    await clean(visit);
  });

  test("200 clicks that overtake one another: what was chosen last is what stands", async () => {
    const visit = await open(browser, "?models=tiny-a,tiny-d&backend=cpu");
    const { page } = visit;
    await answered(page, 2);
    await choose(page, "A cup of coffee", 2);
    const wanted = await answers(page);
    await choose(page, "Chelsea the cat", 2);
    // Each click is an event of its own, as a visitor's are; none waits for an answer.
    await page.evaluate(async () => {
      const thumbs = [...document.querySelectorAll(".thumbs button")];
      const chips = () => ["B", "C"].map((letter) => [...document.querySelectorAll(".bar button")].find((button) => button.textContent === letter));
      for (let i = 0; i < 199; i += 1) {
        (i % 3 === 2 ? chips()[i % 2] : thumbs[i % thumbs.length]).click();
        await new Promise((done) => setTimeout(done));
      }
    });
    // The networks that are then on show go, until the first two are left.
    for (const letter of ["B", "C"]) if (await button(page, letter).getAttribute("aria-pressed") === "true") await button(page, letter).click();
    await choose(page, "A cup of coffee", 2);
    await page.waitForFunction(() => document.querySelectorAll(".answer .waiting").length === 0);
    assert.deepEqual(await answers(page), wanted);
    await leadsTo(page, /\?models=tiny-a,tiny-d&image=coffee&backend=cpu$/);
    // Nothing that was cancelled comes after all.
    await choose(page, "A rocket on its pad", 2);
    await choose(page, "A cup of coffee", 2);
    assert.deepEqual(await answers(page), wanted);
    await clean(visit);
  });

  test("a picture that comes when another has been chosen since is not shown", async () => {
    const visit = await open(browser, "?models=tiny-d&backend=cpu");
    const { page } = visit;
    await answered(page, 1);
    let letGo;
    const held = new Promise((resolve) => { letGo = resolve; });
    await page.route("**/samples-*/coffee.png", async (route) => {
      await held;
      await route.continue();
    });
    const late = page.waitForResponse(/samples[^/]*\/coffee\.png/);
    await button(page, "A cup of coffee").click();
    await choose(page, "A rocket on its pad", 1);
    letGo();
    await (await late).finished();
    await page.waitForTimeout(1_000);
    assert.equal(await page.locator(".picture figcaption b").textContent(), "A rocket on its pad");
    await becomes(() => new URL(page.url()).searchParams.get("image"), "rocket");
    await clean(visit);
  });

  for (const how of ["frozen by the browser", "behind another tab"]) {
    test(`a tab that is ${how} and comes back goes on`, async () => {
      const visit = await open(browser, "?models=tiny-a,tiny-d&backend=cpu");
      const { page, debug } = visit;
      await answered(page, 2);
      await choose(page, "A cup of coffee", 2);
      const wanted = await answers(page);
      await choose(page, "Chelsea the cat", 2);
      const click = page.evaluate(() => { setTimeout(() => document.querySelector('.thumbs [title="A cup of coffee"]').click()); });
      if (how === "behind another tab") {
        await click;
        const other = await browser.context.newPage();
        await other.bringToFront();
        await other.waitForTimeout(1_500);
        await page.bringToFront();
        await other.close();
      } else {
        await click;
        await debug.send("Page.setWebLifecycleState", { state: "frozen" });
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        await debug.send("Page.setWebLifecycleState", { state: "active" });
      }
      await page.waitForFunction(() => document.querySelector(".picture figcaption b").textContent === "A cup of coffee");
      await answered(page, 2);
      assert.deepEqual(await answers(page), wanted);
      await choose(page, "A rocket on its pad", 2);
      await clean(visit);
    });
  }
});

describe("with a camera", () => {
  test(`${CAMERA_PICTURES} pictures: the page and the engine hold what they held after the first of them`, async () => {
    const browser = await launch({ camera: true, args: COLLECTS });
    try {
      const visit = await open(browser, "?models=tiny-d&backend=cpu");
      const { page } = visit;
      await answered(page, 1);
      await page.evaluate(() => { globalThis.count = 0; stridescope.on("prediction", () => { count += 1; }); });
      await button(page, "Camera").click();
      await page.getByText(/pictures a second/).waitFor();
      await steady("camera", browser, visit, async (part) => {
        const wanted = ((part + 1) * CAMERA_PICTURES) / PARTS;
        // A soak's part takes minutes.
        await page.waitForFunction((wanted) => count >= wanted, wanted, { timeout: 0, polling: 100 });
      });
      await button(page, "Stop").click();
      await page.getByText(/^Camera · /).waitFor();
      await choose(page, "A cup of coffee", 1);
      await clean(visit);
    } finally {
      await browser.close();
    }
  });
});

describe("on WebGPU", () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: true, args: COLLECTS }); });
  after(async () => { await browser?.close(); });

  for (const [count, what, name, run] of [
    [GPU_PREDICTIONS, "predictions", "predictions on WebGPU", predictions],
    [GPU_CHANGES, "changes of networks", "changes of networks on WebGPU", changes],
  ]) {
    test(`${count} ${what}: likewise, and no buffer is left on the GPU`, run === changes && !soak ? NIGHTLY : {}, async () => {
      const visit = await open(browser, "?models=tiny-d&backend=webgpu");
      await answered(visit.page, 1);
      assert.match(await visit.page.locator(".why").textContent(), /WebGPU/);
      await run(name, browser, visit, count);
      await clean(visit);
    });
  }
});
