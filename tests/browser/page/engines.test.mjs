// The page as a visitor uses it, in every engine, on a telephone's screen and in a window: Chromium on the CPU and on WebGPU, Firefox and WebKitGTK.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium, firefox, webkit, webkitConsole } from "../support/engines.mjs";
import { built, serve } from "../support/harness.mjs";
import { SCENARIOS, samples } from "./scenarios.mjs";

const LIMIT = { timeout: 600_000 };

/// A page whose every error must be reported: of the console, of a script, of a promise, of a worker, and of a frame with an opaque origin.
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

/// The page's server. It notes when each path was last requested.
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

/// Engines, what starts each, and the device that the page names.
const NO_GPU = /CPU · this browser (has no WebGPU|found no GPU)/;
const ENGINES = [
  ["chromium", () => chromium(), NO_GPU, ""],
  ["chromium on WebGPU", () => chromium({ webgpu: true }), /WebGPU \(google swiftshader\) · checked against the CPU/, "backend=webgpu"],
  ["firefox", firefox, NO_GPU, ""],
  ["webkit", webkit, NO_GPU, ""],
];
/// A telephone, and a window.
const SIZES = [[360, 800], [1280, 900]];

for (const [name, start, device, extra] of ENGINES) {
  describe(`the page in ${name}`, () => {
    let server, started;
    /// Starts it once: where it is not installed, every test fails with that.
    const launched = () => (started ??= start());
    before(async () => { server = await site(); });
    after(async () => {
      await (await started?.catch(() => null))?.close();
      await server?.close();
    }, LIMIT);

    for (const [width, height] of SIZES) {
      for (const [scenario, take] of Object.entries(SCENARIOS)) {
        test(`${width} px wide: ${scenario}`, LIMIT, async () => {
          const browser = await launched();
          await browser.resize(width, height);
          await take(browser, { url: server.url, extra, device });
          await picture(browser, `${name.replaceAll(" ", "-")}-${width}-${scenario.slice(0, 20).replaceAll(" ", "-")}`);
          const overflow = await browser.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.equal(overflow, 0, "no horizontal scrolling");
          assert.deepEqual(await browser.errors(), []);
        });
      }
    }

    test("errors in a page, its workers and its frames are reported", LIMIT, async () => {
      const browser = await launched();
      await browser.goto(`${server.url}faulty.html`);
      const frame = await browser.frame("div >>> iframe");
      assert.deepEqual(await frame.evaluate(() => [document.title, origin]), ["frame", "null"]);
      let errors = [];
      const isMissing = (fault) => !errors.some((error) => error.includes(fault));
      for (let wait = 0; wait < 400 && FAULTS.some(isMissing); wait++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        errors = await browser.errors();
      }
      assertReported(errors);
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
      const weights = Object.keys(samples).map((net) => server.asked.get(`/some/path/${built("weights", `${net}.safetensors`)}`));
      return weights.every(Boolean) && Date.now() - Math.max(...server.asked.values()) > quiet_ms;
    });
    assert.deepEqual(errors, []);
  });

  test("shows every error of a page, its workers and its frames", LIMIT, async () => {
    assertReported(await webkitConsole(`${server.url}faulty.html`, () => server.asked.get("/some/path/frame.html") < Date.now() - 3_000));
  });
});

function assertReported(errors) {
  FAULTS.forEach((fault) => assert.ok(errors.some((error) => error.includes(fault)), `${fault} is not among ${JSON.stringify(errors)}`));
}

async function picture(browser, name) {
  if (process.env.STRIDESCOPE_SCREENSHOTS) await browser.screenshot(join(process.env.STRIDESCOPE_SCREENSHOTS, `${name}.png`));
}
