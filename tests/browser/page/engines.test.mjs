// The page as a visitor uses it, in every engine, on a telephone's screen and in a window: Chromium on the CPU and on WebGPU, Firefox and WebKitGTK.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium, firefox, webkit, webkitConsole } from "../support/engines.mjs";
import { isNightly } from "../support/extent.mjs";
import { dist, serve } from "../support/harness.mjs";
import { soon } from "../support/soon.mjs";
import { ON_THE_DEVICE, SCENARIOS } from "./scenarios.mjs";

const LIMIT = { timeout: 600_000 };

/// A page whose every error must be reported: of the console, of a script, of a promise, of a worker, and of a frame with an opaque origin. They come at
/// a call of `fail`, since a driver may listen only a while after a page has come; with `?alone`, where nobody calls it, by themselves.
const FAULTY = `<!doctype html><title>faulty</title><div></div><script type="module">
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.src = "frame.html" + location.search;
  document.querySelector("div").attachShadow({ mode: "open" }).append(frame);
  globalThis.fail = () => setTimeout(() => {
    console.error("a word in the console");
    Promise.reject(new Error("a promise"));
    new Worker(URL.createObjectURL(new Blob(["throw new Error('a worker')"])));
    setTimeout(() => { throw new Error("a script"); });
  });
  if (location.search === "?alone") fail();
</script>`;
const FRAME = `<!doctype html><title>frame</title><script>
  globalThis.fail = () => setTimeout(() => console.error("a frame of origin " + origin));
  if (location.search === "?alone") fail();
</script>`;
const FAULTS = ["a word in the console", "a promise", "a worker", "a script", "a frame of origin null"];

/// The page with a script beside it that requests `answered` once four networks have.
const WATCHED = () => readFileSync(join(dist, "index.html"), "utf8").replace("</body>", `<script>
  const timer = setInterval(() => {
    if (document.querySelectorAll(".answer .top .row").length !== 20) return;
    clearInterval(timer);
    fetch("answered");
  }, 100);
</script></body>`);

/// The page's server. It notes which paths were requested.
async function site() {
  const asked = new Set();
  const own = new Map([["/some/path/faulty.html", FAULTY], ["/some/path/frame.html", FRAME], ["/some/path/watched.html", WATCHED()], ["/some/path/answered", ""]]);
  const server = await serve((path, _request, response) => {
    asked.add(path);
    if (own.has(path)) response.writeHead(200, { "content-type": "text/html" }).end(own.get(path));
    return own.has(path);
  });
  return { ...server, asked };
}

/// Engines, what starts each, the device that the page names, what links have besides, and how wide its windows are every day: the widths are those of
/// state_scenarios.mjs, too, and on WebGPU only what is computed there differs.
const NO_GPU = /CPU · this browser (has no WebGPU|found no GPU)/;
const ENGINES = [
  ["chromium", () => chromium(), NO_GPU, "", [360, 1280]],
  ["chromium on WebGPU", () => chromium({ webgpu: true }), /WebGPU \(google swiftshader\) · checked against the CPU/, "backend=webgpu", [1280]],
  ["firefox", firefox, NO_GPU, "", [1280]],
  ["webkit", webkit, NO_GPU, "", [360]],
];
/// A telephone, and a window.
const SIZES = [[360, 800], [1280, 900]];

for (const [name, start, device, extra, daily] of ENGINES) {
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
        if (!isNightly && (!daily.includes(width) || (extra !== "" && !ON_THE_DEVICE.includes(scenario)))) continue;
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
      await frame.evaluate(() => { fail(); });
      await browser.evaluate(() => { fail(); });
      await soon(async () => assertReported(await browser.errors()));
    });
  });
}

describe("WebKit's own console", () => {
  let server;
  before(async () => { server = await site(); });
  after(() => server?.close());

  test("shows no error from the first byte to the last prediction", LIMIT, async () => {
    assert.deepEqual(await webkitConsole(`${server.url}watched.html`, () => server.asked.has("/some/path/answered")), []);
  });

  test("shows every error of a page, its workers and its frames", LIMIT, async () => {
    const isReported = (lines) => FAULTS.every((fault) => lines.some((line) => line.includes(fault)));
    assertReported(await webkitConsole(`${server.url}faulty.html?alone`, isReported));
  });
});

function assertReported(errors) {
  FAULTS.forEach((fault) => assert.ok(errors.some((error) => error.includes(fault)), `${fault} is not among ${JSON.stringify(errors)}`));
}

async function picture(browser, name) {
  if (process.env.STRIDESCOPE_SCREENSHOTS) await browser.screenshot(join(process.env.STRIDESCOPE_SCREENSHOTS, `${name}.png`));
}
