// The page in the other engines: Firefox and WebKitGTK, both without WebGPU, so all of it is computed on the CPU.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { firefox, webkit, webkitConsole } from "./engines.mjs";
import { golden, serve } from "./harness.mjs";

/// Imagenette's classes, in the order of the networks' outputs.
const CLASSES = [
  "tench", "English springer", "cassette player", "chain saw", "church", "French horn", "garbage truck", "gas pump", "golf ball", "parachute",
];
const samples = golden("tiny-samples.json");
const LIMIT = { timeout: 90_000 };

/// A page whose every error ought to be heard: of the console, of a script, of a promise, of a worker, and of a frame with an opaque origin.
const FAULTY = `<!doctype html><title>faulty</title><div></div><script type="module">
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.src = "frame.html";
  document.querySelector("div").attachShadow({ mode: "open" }).append(frame);
  setTimeout(() => {
    console.error("a word in the console");
    Promise.reject(new Error("a promise"));
    new Worker(URL.createObjectURL(new Blob(["throw new Error('a worker')"])));
    setTimeout(() => { throw new Error("a script"); });
  }, 500);
</script>`;
const FRAME = `<!doctype html><title>frame</title><script>setTimeout(() => console.error("a frame of origin " + origin), 2000);</script>`;
const FAULTS = ["a word in the console", "a promise", "a worker", "a script", "a frame of origin null"];

/// The page's server. It notes when each path was last asked for.
async function site() {
  const asked = new Map();
  const own = new Map([["/some/path/faulty.html", FAULTY], ["/some/path/frame.html", FRAME]]);
  const server = await serve((path, _request, response) => {
    asked.set(path, Date.now());
    if (own.has(path)) response.writeHead(200, { "content-type": "text/html" }).end(own.get(path));
    return own.has(path);
  });
  return { ...server, asked };
}

for (const [name, start] of [["firefox", firefox], ["webkit", webkit]]) {
  describe(`the page in ${name}`, () => {
    let server, started;
    /// Starts it once: where it is not installed, every test says so.
    const launched = () => (started ??= start());
    before(async () => { server = await site(); });
    after(async () => {
      await (await started?.catch(() => null))?.close();
      await server?.close();
    }, LIMIT);

    test("four diagrams, four predictions as the goldens have them, no errors", LIMIT, async () => {
      const browser = await launched();
      await browser.resize(1200, 900);
      await browser.goto(server.url);
      await browser.until("four networks answer", () => document.querySelectorAll(".answer .top .row").length === 20);
      const cards = await browser.evaluate(() => [...document.querySelectorAll(".answer")].map((card) => {
        const row = card.querySelector(".row");
        return { net: card.dataset.net, top: row.querySelector("span").textContent, percent: parseFloat(/[\d.]+ %/.exec(row.textContent)?.[0]) };
      }));
      const expected = Object.entries(samples).map(([net, pictures]) => ({ net, top: CLASSES[pictures["chelsea.png"].top] }));
      assert.deepEqual(cards.map(({ net, top }) => ({ net, top })), expected);
      cards.forEach(({ net, percent }) => {
        const p = 100 * samples[net]["chelsea.png"].p;
        assert.ok(Math.abs(percent - p) < 2, `${net} gives its first class ${percent} %, PyTorch ${p} %`);
      });
      await browser.evaluate(() => { dispatchEvent(new Event("pointermove")); });
      await browser.until("four diagrams", () => document.querySelectorAll("svg.diagram").length === 4);
      assert.match(await browser.evaluate(() => document.querySelector(".why").textContent), /CPU · this browser has no WebGPU/);
      await picture(browser, `${name}-1200`);
      assert.deepEqual(await browser.errors(), []);
    });

    test("at 360 px nothing overflows", LIMIT, async () => {
      const browser = await launched();
      await browser.resize(360, 800);
      const overflow = await browser.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await picture(browser, `${name}-360`);
      assert.equal(overflow, 0, "no horizontal scrolling");
    });

    test("what goes wrong in a page, its workers and its frames is heard", LIMIT, async () => {
      const browser = await launched();
      await browser.goto(`${server.url}faulty.html`);
      const frame = await browser.frame("div >>> iframe");
      assert.deepEqual(await frame.evaluate(() => [document.title, origin]), ["frame", "null"]);
      let errors = [];
      for (let wait = 0; wait < 100 && errors.length < FAULTS.length; wait++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        errors = await browser.errors();
      }
      assertHeard(errors);
    });
  });
}

describe("WebKit's own console", () => {
  let server;
  before(async () => { server = await site(); });
  after(() => server?.close());

  test("shows no error from the first byte to the last prediction", LIMIT, async () => {
    const quiet_ms = 4_000;
    const errors = await webkitConsole(server.url, () => {
      const weights = Object.keys(samples).map((net) => server.asked.get(`/some/path/assets/weights/${net}.safetensors`));
      return weights.every(Boolean) && Date.now() - Math.max(...server.asked.values()) > quiet_ms;
    });
    assert.deepEqual(errors, []);
  });

  test("shows every error of a page, its workers and its frames", LIMIT, async () => {
    assertHeard(await webkitConsole(`${server.url}faulty.html`, () => server.asked.get("/some/path/frame.html") < Date.now() - 3_000));
  });
});

function assertHeard(errors) {
  FAULTS.forEach((fault) => assert.ok(errors.some((error) => error.includes(fault)), `${fault} is not among ${JSON.stringify(errors)}`));
}

async function picture(browser, name) {
  if (process.env.STRIDESCOPE_SCREENSHOTS) await browser.screenshot(join(process.env.STRIDESCOPE_SCREENSHOTS, `${name}.png`));
}
