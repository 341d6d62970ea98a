// A loopback server for the built page, and Chromium to look at it with. Both are stopped by whoever started them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const project = fileURLToPath(new URL("../../..", import.meta.url));
export const dist = process.env.STRIDESCOPE_DIST ?? join(project, "dist");
/// The path in the page's folder of a file that is loaded together with others, by what these are called before the hash.
export const built = (group, name) => {
  const folder = readdirSync(dist).find((folder) => new RegExp(`^${group}-[0-9a-f]{16}$`).test(folder) && existsSync(join(dist, folder, name)));
  if (folder === undefined) throw new Error(`${dist} holds no ${group}-*/${name}: build the page first`);
  return `${folder}/${name}`;
};
/// What starts the engine: its path, and its text.
export const loader = () => built("engine", "worker_loader.js");
export const loaderText = () => readFileSync(join(dist, loader()), "utf8");
export const golden = (name) => JSON.parse(readFileSync(join(project, "tests/golden", name), "utf8"));

/// Types of the files of the site, by their endings.
export const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".json": "application/json",
  ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".webmanifest": "application/manifest+json", ".mjs": "text/javascript",
  ".ts": "text/plain",
};

/// Serves the page under `/some/path/`, since it must work in any folder. `answer(path, request, response)` may take a request over; `headers` are
/// sent with every file, and what lets a sandboxed frame fetch it, as every host must.
export async function serve(answer = () => false, headers = {}) {
  const base = "/some/path/";
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    if (answer(path, request, response)) return;
    const inside = path.startsWith(base) ? normalize(path.slice(base.length)) : "..";
    const file = join(dist, inside === "." || inside === "" ? "index.html" : inside);
    if (inside.startsWith("..") || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-length": statSync(file).size, "access-control-allow-origin": "*", ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}${base}`;
  return { url, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

/// The site under the policy that its hosts are configured to send, which names the site beside `'self'`; `answer` as in `serve`.
export async function serveStrictly(answer) {
  const headers = {};
  const site = await serve(answer, headers);
  const policy = /Content-Security-Policy "(.*)" always;/.exec(readFileSync(join(project, "deploy/nginx.conf"), "utf8"))[1];
  headers["content-security-policy"] = policy.replaceAll("https://stridescope.example", new URL(site.url).origin);
  return site;
}

/// Pages of another origin, `localhost` where the site is `127.0.0.1`: `put(name, body, headers)` gives one and returns its address.
export async function serveHosts() {
  // A host has its own icon.
  const pages = new Map([["/favicon.ico", { body: "" }]]);
  const server = createServer((request, response) => {
    const { body, headers } = pages.get(new URL(request.url, "http://localhost").pathname) ?? {};
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "text/html", ...headers }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://localhost:${server.address().port}/`;
  const put = (name, body, headers) => {
    pages.set(`/${name}`, { body, headers });
    return url + name;
  };
  return { url, put, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

/// Moves the pointer until the page has noticed, as a reader does, upon which all its figures come.
function read() {
  const timer = setInterval(() => {
    dispatchEvent(new Event("pointermove"));
    if (document.getElementById("learn")) clearInterval(timer);
  }, 50);
}

/// Chromium without WebGPU, or with it on SwiftShader; with no camera, or one that shows a test picture; with switches of its own. The page is
/// cached for when there is no network only with `offline`, so that what a test lets fail does fail, and with `still` the pointer does not move.
export async function launch({ webgpu = false, camera = false, offline = false, still = false, args = [] } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "stridescope-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.STRIDESCOPE_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    serviceWorkers: offline ? "allow" : "block",
    args: [
      "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ...args,
      ...(camera ? ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"] : []),
      ...(webgpu ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--disable-gpu-watchdog"] : ["--disable-gpu"]),
    ],
  });
  context.setDefaultTimeout(120_000);
  if (!still) await context.addInitScript(read);
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, close, memory: () => rendererMemory(profile) };
}

/// Opens an address in a Chromium without a driver, since drivers keep copies of what is fetched, and measures how much memory its
/// pages hold; `close` ends it.
export async function alone(url, args = []) {
  const profile = mkdtempSync(join(tmpdir(), "stridescope-alone-"));
  const browser = spawn(process.env.STRIDESCOPE_CHROMIUM ?? "/usr/bin/chromium", [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    `--user-data-dir=${profile}`, ...args, url,
  ], { stdio: "ignore" });
  const ended = once(browser, "exit");
  const close = async () => {
    browser.kill();
    await ended;
    // The last of its processes write to the profile until they end.
    for (let wait = 0; wait < 100 && processes(profile).length > 0; wait++) await new Promise((resolve) => setTimeout(resolve, 50));
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { close, memory: (how) => rendererMemory(profile, how) };
}

/// The processes of the browser with that profile, by Linux' account: number, and what they were started with.
export function processes(profile) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const parent = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")[1];
      return [{ pid, parent, line: readFileSync(`/proc/${pid}/cmdline`, "utf8") }];
    } catch {
      return []; // It has ended.
    }
  });
  const ours = new Set(all.filter(({ line }) => line.includes(profile)).map(({ pid }) => pid));
  for (let before = -1; before !== ours.size;) {
    before = ours.size;
    all.filter(({ parent }) => ours.has(parent)).forEach(({ pid }) => ours.add(pid));
  }
  return all.filter(({ pid }) => ours.has(pid));
}

/// Bytes that the browser's pages and their workers hold of the machine's memory; what processes share counts in parts with `isShared`, what is
/// read in of the browser's own program does not count with `isData`, and of several processes only the largest counts with `isLargest`.
function rendererMemory(profile, { isShared = false, isData = false, isLargest = false } = {}) {
  const file = isShared ? "smaps_rollup" : "status";
  const fields = isShared ? /^Pss:\s+(\d+)/gm : isData ? /^Rss(?:Anon|Shmem):\s+(\d+)/gm : /^VmRSS:\s+(\d+)/gm;
  const renderers = processes(profile).filter(({ line }) => line.includes("--type=renderer"));
  if (renderers.length === 0) throw new Error("this browser has no renderers");
  const bytes = renderers.map(({ pid }) => {
    const found = readFileSync(`/proc/${pid}/${file}`, "utf8").matchAll(fields);
    return [...found].reduce((sum, [, kilobytes]) => sum + 1024 * Number(kilobytes), 0);
  });
  return isLargest ? Math.max(...bytes) : bytes.reduce((sum, bytes) => sum + bytes, 0);
}

/// Records what must not happen: errors in the console, and requests to anyone but the page's own server and those it may ask.
export function watch(page, url, ...others) {
  const errors = [];
  const strangers = [];
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    const isOurs = [url, ...others].some((url) => request.url().startsWith(new URL(url).origin));
    if (!isOurs && !/^(data|blob):/.test(request.url())) strangers.push(request.url());
  });
  return { errors, strangers };
}

/// The predictions of the networks on show: of each its name, then its classes with their shares.
export const answers = (page) => page.$$eval(".answer", (cards) => cards.map((card) => [
  card.dataset.net, ...[...card.querySelectorAll(".row")].map((row) => row.textContent),
]));

/// Waits until so many networks show their five classes.
export const answered = (page, count) => page.waitForFunction((count) => document.querySelectorAll(".answer .top .row").length === 5 * count, count);

/// Runs in the page and in the worker before their code is loaded: has `wasmBytes` return how large the memory of their wasm is, and `gpuBytes` how
/// large the buffers are that they hold on the GPU.
export function keeping() {
  let bytes = 0;
  globalThis.gpuBytes = () => bytes;
  if (globalThis.GPUDevice) {
    const { createBuffer } = GPUDevice.prototype;
    const { destroy } = GPUBuffer.prototype;
    const dropped = new FinalizationRegistry((size) => { bytes -= size; });
    GPUDevice.prototype.createBuffer = function (...parts) {
      const buffer = createBuffer.apply(this, parts);
      bytes += buffer.size;
      dropped.register(buffer, buffer.size, buffer);
      return buffer;
    };
    GPUBuffer.prototype.destroy = function () {
      if (dropped.unregister(this)) bytes -= this.size;
      destroy.call(this);
    };
  }
  const load = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (...parts) => {
    const loaded = await load(...parts);
    const { memory } = loaded.instance.exports;
    // Parts of the page that come later have none of their own.
    if (memory) globalThis.wasmBytes = () => memory.buffer.byteLength;
    return loaded;
  };
}

/// Runs in the worker: its adapter reports a card.
export function disguised() {
  const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "info");
  const info = function () {
    const { subgroupMinSize, subgroupMaxSize } = get.call(this);
    return { vendor: "acme", architecture: "", device: "", description: "a card", isFallbackAdapter: false, subgroupMinSize, subgroupMaxSize };
  };
  Object.defineProperties(GPUAdapter.prototype, { info: { get: info }, isFallbackAdapter: { get: () => false } });
}

/// Starts the engine in a page, by the path of its script: `ask(type, request, blob)` resolves to the event and the numbers that came with it.
export async function startEngine([prelude, path]) {
  const loader = new URL(path, location).href;
  const blob = new Blob([`${prelude}; await import(${JSON.stringify(loader)});`], { type: "text/javascript" });
  const worker = new Worker(prelude ? URL.createObjectURL(blob) : loader, { type: "module" });
  const waiting = new Map();
  // What is for the visitor comes as a template and its values, which may be such texts themselves.
  const words = (text) => {
    if (!Array.isArray(text)) return text;
    const [template, ...values] = text.map(words);
    let place = -1;
    return template.replace(/{(\d*)}/g, (_, at) => { place += 1; return values[at || place]; });
  };
  // A message is tagged from outside, `{"ran":{…}}`.
  const decoded = ({ json }) => {
    const message = JSON.parse(json);
    const [type, body] = typeof message === "string" ? [message, {}] : Object.entries(message)[0];
    if (body.message) body.message = words(body.message);
    if (body.backend) body.backend.why = words(body.backend.why);
    return { type, ...body };
  };
  let id = 0;
  await new Promise((resolve, reject) => {
    worker.onerror = (error) => reject(new Error(error.message || "the engine did not load"));
    worker.onmessage = (message) => { if (decoded(message.data).type === "ready") resolve(); };
  });
  worker.onerror = (error) => waiting.forEach(({ reject }) => reject(new Error(error.message || "the engine died")));
  worker.onmessage = ({ data }) => {
    const event = decoded(data);
    if (event.type === "progress") return;
    waiting.get(event.id)?.resolve({ event, numbers: (data.buffers ?? []).map((buffer) => new Float32Array(buffer)) });
    waiting.delete(event.id);
  };
  globalThis.ask = (type, request, blob) => new Promise((resolve, reject) => {
    id += 1;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ json: JSON.stringify({ [type]: { ...request, id } }), blob });
  });
  globalThis.statistics = (values) => {
    let sum = 0, absmax = 0;
    for (const v of values) { sum += v; absmax = Math.max(absmax, Math.abs(v)); }
    const mean = sum / values.length;
    let square = 0;
    for (const v of values) square += (v - mean) ** 2;
    return { mean, std: Math.sqrt(square / values.length), absmax, first: [...values.slice(0, 4)] };
  };
}

/// A page that talks to the engine directly. `run({...})` resolves to the event, with statistics of each tap; a visitor's own file of weights
/// comes as a second argument. A `prelude` is a script that the worker runs before the engine.
export async function engine(context, url, prelude = "") {
  const page = await context.newPage();
  await page.route(`${url}blank.html`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>engine</title>" }));
  await page.goto(`${url}blank.html`);
  await page.evaluate(startEngine, [prelude, loader()]);
  return {
    page,
    run: (request, file) => page.evaluate(async ([request, file]) => {
      const blob = file && new Blob([Uint8Array.from(atob(file), (c) => c.charCodeAt(0))]);
      const { event, numbers } = await ask("run", request, blob);
      return { event, logits: [...(numbers[0] ?? [])], changed: event.changed && [...numbers[1]], taps: (event.taps ?? []).map(({ node, shape }, i) => ({ id: node, shape, ...statistics(numbers[i + 1]) })) };
    }, [request, file?.toString("base64")]),
    picture: (file) => page.evaluate(async (file) => {
      const blob = await (await fetch(file)).blob();
      return (await ask("picture", {}, blob)).event;
    }, file),
  };
}

/// ‖values − reference‖ / ‖reference‖
export function relativeL2(values, reference) {
  if (values.length !== reference.length) return Infinity;
  let difference = 0, norm = 0;
  reference.forEach((r, i) => { difference += (values[i] - r) ** 2; norm += r ** 2; });
  const relative = Math.sqrt(difference / norm);
  return Number.isFinite(relative) ? relative : Infinity;
}

/// The largest difference of a tap's statistics from a golden node's, as a share of the node's largest magnitude.
export function nodeDistance(tap, node) {
  const off = [tap.mean - node.mean, tap.std - node.std, tap.absmax - node.absmax, ...node.first.map((v, i) => tap.first[i] - v)];
  return Math.max(...off.map(Math.abs)) / node.absmax;
}

