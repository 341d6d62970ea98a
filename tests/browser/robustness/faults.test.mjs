// What goes wrong with the GPU and the engine: it is found, reported and repaired, and nothing that was on show is lost.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { NIGHTLY } from "../support/extent.mjs";
import { disguised, launch, loaderText, serve, watch } from "../support/harness.mjs";
import { becomes } from "../support/soon.mjs";

/// What each worker that is started from now on suffers, one after another: a script that runs in it before the engine.
let faults = [];
/// Workers that were started since.
let started = 0;
/// Whether the loader is refused, and how often yet.
let refusals = 0;
let site;

before(async () => {
  site = await serve((path, _request, response) => {
    if (!path.endsWith("worker_loader.js")) return false;
    if (refusals > 0) {
      refusals -= 1;
      response.writeHead(503).end();
      return true;
    }
    const fault = faults[started] ?? "";
    started += 1;
    response.writeHead(200, { "content-type": "text/javascript", "cache-control": "no-store" })
      .end(`${SCRIPT}\n${fault}\n${loaderText()}`);
    return true;
  });
});
after(() => site?.close());

/// What faults are written with: `onFirst(test, act)` acts when the first request arrives of which the test holds, `over(net, act)` when the
/// engine begins with the first run of a network.
const SCRIPT = `
const once = (act) => { let isDone = false; return () => { if (!isDone) { isDone = true; act(); } }; };
const onRequest = (act) => addEventListener("message", ({ data }) => act(JSON.parse(data.json)));
const onFirst = (test, act) => {
  const first = once(act);
  onRequest((message) => { if (test(message)) first(); });
};
const over = (net, act) => {
  const first = once(act);
  const ids = new Set();
  onRequest(({ run }) => { if (run?.net === net) ids.add(run.id); });
  const post = self.postMessage.bind(self);
  self.postMessage = (message, ...rest) => {
    post(message, ...rest);
    if (ids.has(JSON.parse(message.json).progress?.id)) first();
  };
};
`;
/// Devices, as they are made.
const DEVICES = `
const devices = [];
const request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...parts) {
  const device = await request.apply(this, parts);
  devices.push(device);
  return device;
};
const lose = () => devices.at(-1).destroy();
`;
/// The device is lost with the first submission of all.
const LOST_AT_ONCE = `${DEVICES}
const submit = GPUQueue.prototype.submit;
GPUQueue.prototype.submit = function (...parts) { lose(); return submit.apply(this, parts); };`;
/// It is lost with the first submission for a network.
const lostOver = (net) => `${DEVICES}
over("${net}", () => {
  const submit = GPUQueue.prototype.submit;
  GPUQueue.prototype.submit = function (...parts) {
    submit.apply(this, parts);
    lose();
  };
});`;
/// The clock traps, as WebAssembly does where code panics: `unreachable` is all that this module's function does.
const traps = (net) => `over("${net}", () => {
  const module = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11);
  Performance.prototype.now = new WebAssembly.Instance(new WebAssembly.Module(module)).exports.f;
});`;

const card = (page, net) => page.locator(`.answer[data-net="${net}"]`);
const classes = (page, net) => card(page, net).locator(".top .row").count();
const notice = (page) => page.locator(".notice p").first();
const device = (page) => page.locator(".device .why").textContent();

async function answered(page, ...nets) {
  await page.waitForFunction((nets) => nets.every((net) => document.querySelectorAll(`.answer[data-net="${net}"] .top .row`).length === 5), nets);
}

describe("the GPU", () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: true, still: true });
  });
  after(() => browser?.close());

  /// The page with two networks on WebGPU, its workers suffering these faults one after another.
  async function open(...suffered) {
    faults = suffered;
    started = 0;
    const page = await browser.context.newPage();
    const seen = watch(page, site.url);
    await page.goto(`${site.url}?backend=webgpu&models=tiny-a,tiny-b&node=layer3.0`);
    return { page, seen };
  }

  /// What was chosen is still chosen.
  async function stays(page) {
    const chosen = new URL(page.url()).searchParams;
    assert.deepEqual([chosen.get("backend"), chosen.get("models"), chosen.get("node")], ["webgpu", "tiny-a,tiny-b", "layer3.0"]);
  }

  for (const [name, fault, why] of [
    ["a browser without WebGPU", 'Object.defineProperty(navigator, "gpu", { value: undefined });', /this browser has no WebGPU/],
    ["no adapter", "GPU.prototype.requestAdapter = async () => null;", /this browser found no GPU for WebGPU/],
    ["an adapter that is refused", 'GPU.prototype.requestAdapter = () => Promise.reject(new Error("no"));', /this browser refused a GPU/],
    ["a device that does not start", 'GPUAdapter.prototype.requestDevice = () => Promise.reject(new Error("none left"));', /./],
    [
      "a kernel that answers wrongly",
      `const make = GPUDevice.prototype.createShaderModule;
       GPUDevice.prototype.createShaderModule = function (module) { return make.call(this, { ...module, code: module.code.replaceAll(/ \\* /g, " + ") }); };`,
      /computes something else than the CPU/,
    ],
  ]) {
    test(`${name}: the CPU computes, and the reason is given`, async () => {
      const { page, seen } = await open(fault, fault);
      await answered(page, "tiny-a", "tiny-b");
      assert.match(await device(page), why);
      assert.match(await device(page), /^CPU/);
      await stays(page);
      assert.deepEqual(seen.strangers, []);
      await page.close();
    });
  }

  test("an adapter without features, timestamp queries among them: WebGPU computes", async () => {
    const bare = `
Object.defineProperty(GPUAdapter.prototype, "features", { get: () => new Set() });
const request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (wanted) {
  if ([...(wanted?.requiredFeatures ?? [])].length) throw new TypeError("unsupported feature");
  return request.call(this, wanted);
};
GPUDevice.prototype.createQuerySet = () => { throw new TypeError("no timestamp queries"); };`;
    const { page, seen } = await open(bare);
    await answered(page, "tiny-a", "tiny-b");
    assert.match(await device(page), /^WebGPU.*checked against the CPU/);
    assert.equal(started, 1);
    await stays(page);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("lost in use: both networks answer on a new device", async () => {
    const { page, seen } = await open(lostOver("tiny-b"));
    await answered(page, "tiny-a");
    assert.match(await notice(page).textContent(), /^The GPU failed\. It was started anew/);
    assert.equal(await classes(page, "tiny-a"), 5, "what was there stays");
    await answered(page, "tiny-a", "tiny-b");
    assert.match(await device(page), /^WebGPU/);
    assert.equal(started, 2);
    await stays(page);
    assert.deepEqual(seen, { errors: [], strangers: [] });
    await page.close();
  });

  test("lost while nothing computes, and lost while it is checked: the next picture is answered as usual", async () => {
    for (const fault of [`${DEVICES} onFirst((message) => message["cached-files"], lose);`, LOST_AT_ONCE]) {
      const { page } = await open(fault);
      if (fault.includes("cached-files")) {
        await answered(page, "tiny-a", "tiny-b");
        // The list of what is cached on this device is requested when the weights come into sight.
        await page.locator("#weights").scrollIntoViewIfNeeded();
        await page.locator("#weights .kept").waitFor();
        await page.getByRole("button", { name: "A cup of coffee" }).click();
        await page.locator('.picture img[src*="coffee"]').waitFor();
        await page.locator(".notice p").waitFor();
      }
      await answered(page, "tiny-a", "tiny-b");
      assert.equal(started, 2);
      assert.match(await device(page), /^WebGPU/);
      await stays(page);
      await page.close();
    }
  });

  test("lost twice: the CPU answers, and the GPU is tried again only on request", async () => {
    const { page } = await open(lostOver("tiny-a"), lostOver("tiny-a"));
    await answered(page, "tiny-a", "tiny-b");
    assert.match(await notice(page).textContent(), /^The GPU failed twice, so the CPU computes from here on/);
    assert.match(await device(page), /^CPU.*the GPU failed here/);
    assert.equal(started, 3);
    await page.getByRole("button", { name: "A cup of coffee" }).click();
    await answered(page, "tiny-a", "tiny-b");
    assert.match(await device(page), /^CPU/);
    await page.getByRole("button", { name: "Try the GPU again" }).click();
    await page.waitForFunction(() => document.querySelector(".device .why").textContent.startsWith("WebGPU"));
    await answered(page, "tiny-a", "tiny-b");
    assert.equal(started, 3);
    await stays(page);
    await page.close();
  });

  /// The page left to choose, where the adapter reports a card. It records what it shows of the device, one sentence after another, and
  /// the fewest of the networks' answers that it shows after it has shown them all.
  async function openUndecided(...suffered) {
    faults = suffered.map((fault) => `(${disguised})();\n${fault}`);
    started = 0;
    const page = await browser.context.newPage();
    await page.addInitScript(() => {
      Object.assign(globalThis, { statuses: [], fewest: Infinity });
      new MutationObserver(() => {
        const device = document.querySelector(".device .why")?.textContent;
        if (device && device !== statuses.at(-1)) statuses.push(device);
        const rows = document.querySelectorAll(".answer .top .row").length;
        if (rows === 10 || fewest < Infinity) fewest = Math.min(fewest, rows);
      }).observe(document, { childList: true, subtree: true, characterData: true });
    });
    await page.goto(`${site.url}?models=tiny-a,tiny-b`);
    return page;
  }
  const onTheCard = (page) => page.waitForFunction(() => statuses.at(-1)?.startsWith("WebGPU (acme a card) · checked against the CPU"));

  test("a card is started after the CPU has answered, then answers in its place, and nothing on show goes meanwhile", async () => {
    const page = await openUndecided("");
    await onTheCard(page);
    await page.waitForFunction(() => document.querySelectorAll(".answer .waiting").length === 0);
    const [statuses, fewest] = await page.evaluate(() => [statuses, fewest]);
    assert.match(statuses.at(-2), /^CPU · the GPU \(acme a card\) starts after this answer$/);
    assert.equal(fewest, 10);
    assert.equal(await notice(page).count(), 0);
    assert.equal(started, 1);
    await page.close();
  });

  test("a card that is lost while it is started: what the CPU answered stays, and the next worker has it", async () => {
    const page = await openUndecided(LOST_AT_ONCE, "");
    await onTheCard(page);
    assert.match(await notice(page).textContent(), /^The GPU failed\. It was started anew/);
    assert.equal(await page.evaluate(() => fewest), 10);
    assert.equal(started, 2);
    await page.close();
  });

  for (const [name, fault] of [
    ["out of memory", `const make = GPUDevice.prototype.createBuffer;
      let count = 0;
      GPUDevice.prototype.createBuffer = function (buffer) { return make.call(this, ++count === 30 ? { ...buffer, size: 2 ** 40 } : buffer); };`],
    ["a shader that does not compile", `const make = GPUDevice.prototype.createShaderModule;
      let count = 0;
      GPUDevice.prototype.createShaderModule = function (module) { return make.call(this, ++count === 10 ? { ...module, code: "fn main( {" } : module); };`],
  ]) {
    test(`${name}, once`, async () => {
      const once = await open(fault);
      await answered(once.page, "tiny-a", "tiny-b");
      assert.match(await notice(once.page).textContent(), /^The GPU failed\. It was started anew/);
      assert.match(await device(once.page), /^WebGPU/);
      await once.page.close();
    });

    // What is lost twice is met above.
    test(`${name}, always`, NIGHTLY, async () => {
      const always = await open(fault, fault);
      await answered(always.page, "tiny-a", "tiny-b");
      assert.match(await notice(always.page).textContent(), /^The GPU failed twice/);
      assert.match(await device(always.page), /^CPU/);
      await stays(always.page);
      await always.page.close();
    });
  }
});

describe("the engine", () => {
  let browser;
  before(async () => {
    browser = await launch({ still: true });
  });
  after(() => browser?.close());

  async function open(suffered, query = "?models=tiny-a,tiny-b&node=layer3.0", init) {
    faults = suffered;
    started = 0;
    const page = await browser.context.newPage();
    if (init) await init(page);
    await page.goto(site.url + query);
    return page;
  }

  test("it stops while computing: another one computes it, and the other answers stay", async () => {
    const page = await open([traps("tiny-b")]);
    await answered(page, "tiny-a");
    const before = await card(page, "tiny-a").locator(".top").textContent();
    await answered(page, "tiny-a", "tiny-b");
    assert.match(await notice(page).textContent(), /^The engine stopped\. Another one took its place/);
    assert.equal(await card(page, "tiny-a").locator(".top").textContent(), before);
    assert.equal(started, 2);
    assert.equal(new URL(page.url()).searchParams.get("node"), "layer3.0");
    await page.close();
  });

  test("it stops over one network whatever is done: that network reports it, and the others answer", async () => {
    const page = await open(Array(6).fill(traps("tiny-b")), "?models=tiny-a,tiny-b,tiny-c");
    await answered(page, "tiny-a", "tiny-c");
    assert.match(await card(page, "tiny-b").locator(".problem").textContent(), /^The engine stopped twice over this\. Choose a smaller network/);
    assert.equal(started, 3);
    faults = [];
    await card(page, "tiny-b").getByRole("button", { name: "Try again" }).click();
    // The third one suffers it as well: the fourth does not.
    await answered(page, "tiny-a", "tiny-b", "tiny-c");
    assert.equal(started, 4);
    await page.close();
  });

  test("the second one stops, where two share large networks: another one takes its place, and all answer", async () => {
    const page = await open(["", traps("tiny-b")], "?models=tiny-a,tiny-b,tiny-c&size=512&backend=cpu");
    await answered(page, "tiny-a", "tiny-b", "tiny-c");
    assert.match(await notice(page).textContent(), /^The engine stopped\. Another one took its place/);
    assert.equal(started, 3);
    await becomes(() => page.workers().length, 2);
    await page.close();
  });

  test("it stops while nothing is requested of it: the next picture is answered", async () => {
    const page = await open(['onFirst((message) => message["cached-files"], () => setTimeout(() => { throw new Error("stopped"); }));']);
    await answered(page, "tiny-a", "tiny-b");
    await page.locator("#weights").scrollIntoViewIfNeeded();
    await page.locator(".notice p").waitFor();
    await page.getByRole("button", { name: "A cup of coffee" }).click();
    await page.locator('.picture img[src*="coffee"]').waitFor();
    await answered(page, "tiny-a", "tiny-b");
    assert.equal(started, 2);
    await page.close();
  });

  /// The page's intervals of a second pass when the test says so, by `pass(page, count)`: the page counts them to find a worker that is silent.
  const bySeconds = (page) => page.addInitScript(() => {
    const { setInterval, clearInterval, Worker } = globalThis;
    globalThis.eachSecond = new Map();
    globalThis.setInterval = (act, ms, ...parts) => {
      const handle = setInterval(ms === 1_000 ? () => {} : act, ms, ...parts);
      if (ms === 1_000) eachSecond.set(handle, act);
      return handle;
    };
    globalThis.clearInterval = (handle) => {
      eachSecond.delete(handle);
      clearInterval(handle);
    };
    // Networks whose pass has begun.
    globalThis.begun = new Set();
    globalThis.Worker = class extends Worker {
      #nets = new Map();
      constructor(...parts) {
        super(...parts);
        this.addEventListener("message", ({ data }) => {
          const net = this.#nets.get(JSON.parse(data.json).progress?.id);
          if (net) begun.add(net);
        });
      }
      postMessage(message, ...rest) {
        const { run } = JSON.parse(message.json);
        if (run) this.#nets.set(run.id, run.net);
        super.postMessage(message, ...rest);
      }
    };
  });
  const pass = (page, seconds) => page.evaluate((seconds) => {
    for (let i = 0; i < seconds; i += 1) [...eachSecond.values()].forEach((act) => act());
  }, seconds);

  test("it has nothing to do since all was cancelled: its silence is not taken for a fault", async () => {
    const page = await open([], undefined, async (page) => {
      await bySeconds(page);
      await page.route("**/tiny-b.safetensors", () => {});
    });
    await answered(page, "tiny-a");
    await card(page, "tiny-b").getByRole("button", { name: "Cancel" }).click();
    await card(page, "tiny-b").getByText("Given up.").waitFor();
    // Nobody counts seconds any more, and it is the same one that answers what comes next.
    await page.waitForFunction(() => eachSecond.size === 0);
    await page.getByRole("button", { name: "A cup of coffee" }).click();
    await page.locator('.picture img[src*="coffee"]').waitFor();
    await answered(page, "tiny-a");
    assert.equal(await page.locator(".notice").count(), 0);
    assert.equal(started, 1);
    await page.close();
  });

  test("it hangs: it is ended after a minute, and another one answers", async () => {
    const page = await open([`over("tiny-b", () => { for (;;); });`], undefined, bySeconds);
    await answered(page, "tiny-a");
    await page.waitForFunction(() => begun.has("tiny-b"));
    await pass(page, 59);
    assert.equal(await page.locator(".notice").count(), 0, "59 seconds are not a minute");
    assert.equal(started, 1);
    await pass(page, 1);
    await answered(page, "tiny-a", "tiny-b");
    assert.match(await notice(page).textContent(), /^The engine said nothing for a minute and was ended/);
    assert.equal(started, 2);
    await page.close();
  });

  test("it cannot be loaded: a second try goes unnoticed, after that it is reported, and trying again helps", async () => {
    refusals = 1;
    const lucky = await open([]);
    await answered(lucky, "tiny-a", "tiny-b");
    assert.equal(await lucky.locator(".notice").count(), 0);
    await lucky.close();

    refusals = Infinity;
    const page = await open([]);
    await page.locator(".notice, .answer .problem").first().waitFor();
    refusals = 0;
    assert.match(await page.locator("main").textContent(), /The engine could not be loaded\. Check the connection, then try again\./);
    await page.getByRole("button", { name: "A cup of coffee" }).click();
    await answered(page, "tiny-a", "tiny-b");
    await page.close();
  });

  test("no worker may start: that is reported", async () => {
    const page = await open([], "?models=tiny-a", (page) => page.addInitScript(() => {
      globalThis.Worker = class { constructor() { throw new DOMException("no workers here", "SecurityError"); } };
    }));
    await page.locator(".notice p, .answer .problem").first().waitFor();
    assert.match(await page.locator("main").textContent(), /This browser lets no worker start, so nothing can be computed here\./);
    await page.close();
  });
});
