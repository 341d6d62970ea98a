// Links, embeds, messages, scripts and commands with their answers, as recorded in tests/calls: what worked yesterday answers the same today.
// STRIDESCOPE_RECORD=1 records the answers anew. An entry with `mended` answered otherwise before: it names the fault, since mended.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, project, serve, serveHosts } from "../support/harness.mjs";
import { soon } from "../support/soon.mjs";

const RECORD = process.env.STRIDESCOPE_RECORD === "1";
const SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
/// The site's address in the tables.
const SITE = "https://stridescope.example/";
/// Has the browser cache what was compiled of the page's code, of which every call takes the same.
const KEPT = { "cache-control": "max-age=3600" };
/// Longest text of a command that stands in the table; of a longer one its ends do, and its checksum.
const LONGEST = 1200;

/// The site, and the same with an engine that never answers: most calls need none.
let site, idle, hosts, browser;
/// The state of a page without a query, which others are compared with.
let plain;
/// Pages that several calls share, by where they are.
const shared = new Map();

before(async () => {
  site = await serve((path, _request, response) => {
    if (!path.endsWith("/own.html")) return false;
    response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><title>own</title><script src="stride-scope.js"></script>`);
    return true;
  }, KEPT);
  idle = await serve((path, _request, response) => {
    if (!path.endsWith("/worker_loader.js")) return false;
    response.writeHead(200, { "content-type": "text/javascript" }).end();
    return true;
  }, KEPT);
  hosts = await serveHosts();
  browser = await launch({ still: true });
  plain = (await links({ call: "", read: true })).state;
});
after(async () => {
  await browser?.close();
  await hosts?.close();
  await idle?.close();
  await site?.close();
});

/// `{2000 × a}` stands for 2,000 times that letter.
const expanded = (text) => text.replace(/\{(\d+) × (.)\}/g, (_, count, letter) => letter.repeat(Number(count)));

/// A page at an address, once its networks are named; if it is `read`, once its script API and all its figures are there.
async function open(url, read = true) {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1000, height: 900 });
  await page.goto(url);
  await (read ? settled(page) : page.locator(".answer").first().waitFor());
  return page;
}

/// Moves the pointer, as a reader does, until everything has come.
const settled = (page) => page.waitForFunction(() => {
  dispatchEvent(new Event("pointermove"));
  return window.stridescope && document.querySelector(".from, #learn") && !document.querySelector('section[aria-busy="true"]');
});

/// What a reader finds: the address, what is noted, and the networks by their names; the state where scripts can read it.
const found = (page, read) => page.evaluate((read) => ({
  address: location.search + location.hash,
  notices: [...document.querySelectorAll(".notice p")].map((notice) => notice.textContent),
  networks: [...document.querySelectorAll(".answer h3")].map((name) => [...name.childNodes].find(({ nodeType }) => nodeType === 3).data),
  state: read ? stridescope.state() : undefined,
}), read);

/// What `look` finds once that is as recorded, or what it finds in the end.
async function once(kind, entry, look) {
  // What is recorded is read when nothing is to be expected any more.
  if (RECORD || !entry.answer) return new Promise((resolve) => setTimeout(resolve, RECORD ? 1_000 : 0)).then(look);
  let last;
  return soon(async () => {
    last = await look();
    assert.deepEqual(near(entry.answer, written(kind, entry, last)), entry.answer);
    return last;
  }).catch((error) => {
    if (!(error instanceof assert.AssertionError)) throw error;
    return last;
  });
}

// A query string, opened as a link. In the whole page the address is the state, so that few of them are read with all their figures.
async function links(entry) {
  const { call, read = call.includes("embed=") } = entry;
  const page = await open(idle.url + expanded(call), read);
  const answer = await once("links", entry, async () => ({
    ...await found(page, read),
    root: await page.evaluate(() => {
      const { dataset, lang } = document.documentElement;
      return lang === "en" ? { ...dataset } : { ...dataset, lang };
    }),
  }));
  await page.close();
  return answer;
}

// What a reader does, a step after the other, and where that leads; with `where` also in the page, of which everything has come before.
async function visits(entry) {
  const { call, where = false } = entry;
  const [query, ...steps] = call;
  const page = await open(site.url + query, where);
  await page.locator(".picture figcaption b").waitFor();
  const before = await page.evaluate(() => history.length);
  for (const step of steps) {
    const [, verb, what] = /^(\S+) ?(.*)$/s.exec(step);
    if (verb === "click") await page.locator(what).first().click();
    else if (verb === "back") await page.evaluate(() => new Promise((resolve) => { addEventListener("popstate", resolve); history.back(); }));
    else if (verb === "reload") await page.reload().then(() => settled(page));
    else if (verb === "choose") await page.setInputFiles("input[type=file]", join(project, what));
    else if (verb === "language") {
      await page.locator("select.language").selectOption(what);
      await page.waitForFunction((what) => document.documentElement.lang === what, what);
    }
    else if (verb === "until") await page.locator(".picture figcaption", { hasText: what }).waitFor();
    else if (verb === "slide") {
      for (let i = 0; i < Number(what); i++) await page.locator(".shift input").press("ArrowRight");
    } else throw new Error(`no such step: ${step}`);
  }
  const answer = await once("visits", entry, async () => ({
    ...await found(page, where),
    ...await page.evaluate(([before, where]) => ({
      picture: document.querySelector(".picture figcaption b")?.textContent,
      alt: document.querySelector(".picture img")?.alt,
      section: where ? [...document.querySelectorAll("main section")].find((section) => section.getBoundingClientRect().bottom > 150)?.id : undefined,
      steps: history.length - before,
    }), [before, where]),
  }));
  await page.close();
  return answer;
}

// Expressions in a page of Stridescope's own, each from the default state on; or in an untouched one, once its networks have answered.
async function scripts({ call, at = "", untouched = false }) {
  if (untouched) {
    const page = await browser.context.newPage();
    await page.goto(site.url + at);
    await page.locator(".answer .top .row").first().waitFor();
    const returns = await page.evaluate(call);
    await page.close();
    return { returns };
  }
  if (!shared.has(at)) shared.set(at, await open((at === "" ? idle : site).url + at));
  return shared.get(at).evaluate(async (call) => {
    const keys = Object.keys(stridescope.state()).filter((key) => key !== "embed" && key !== "backend");
    stridescope.set(Object.fromEntries(keys.map((key) => [key, null])));
    const answer = {};
    try {
      answer.returns = await (0, eval)(`(async () => (${call}))()`);
    } catch (error) {
      answer.throws = `${error.name}: ${error.message}`;
    }
    if (typeof answer.returns === "function") answer.returns = "a function";
    await null;
    return { ...answer, address: location.search, state: stridescope.state() };
  }, call);
}

// A message to a sandboxed frame in a page of another origin, and all that comes back; each from the frame's first state on.
async function messages({ call, at = "?embed=architecture" }) {
  if (!shared.has(`frame ${at}`)) {
    const page = await browser.context.newPage();
    // As soon as the frame is there, so that nothing of it is missed.
    const listen = `addEventListener("message", ({ source, data }) => { if (source === frames[0]) received.push(data); })`;
    const frame = `<iframe src="${site.url}${at}" sandbox="${SANDBOX}" title="figure" width="900" height="900"></iframe>`;
    await page.goto(hosts.put("messages", `<!doctype html><meta charset="utf-8"><script>window.received = []; ${listen}</script>${frame}`));
    await page.waitForFunction(() => received.some(({ type }) => type === "ready"));
    shared.set(`frame ${at}`, page);
  }
  return shared.get(`frame ${at}`).evaluate(async (call) => {
    const post = (message) => frames[0].postMessage(message, "*");
    const until = async (isIt) => {
      while (!received.some(isIt)) await new Promise((resolve) => { addEventListener("message", resolve, { once: true }); });
    };
    /// What comes by itself after a message comes before the answer to the next one.
    const settle = async () => {
      received.length = 0;
      post({ stridescope: 1, type: "state", id: "then" });
      await until(({ id }) => id === "then");
      return received.pop();
    };
    const { state } = await settle();
    const keys = Object.keys(state).filter((key) => key !== "embed");
    post({ stridescope: 1, type: "set", state: Object.fromEntries(keys.map((key) => [key, null])) });
    await settle();
    received.length = 0;
    const message = typeof call === "string" ? (0, eval)(`(${call})`) : call;
    post(message);
    if (message?.type === "classify") await until(({ id }) => id === message.id);
    const came = [...received];
    await settle().then(() => 0);
    return [...came, ...received].filter(({ type }) => type !== "height");
  }, call);
}

// The element as it is written in a page of another origin, then what that page's script does with it as `figure`.
async function elements(entry) {
  const { call, then = [], at = "host", isFigure = true } = entry;
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1000, height: 900 });
  if (then.some((step) => step.startsWith("clock "))) await page.clock.install();
  const empty = `<!doctype html><meta charset="utf-8"><title>host</title><body><script src="${site.url}stride-scope.js"></script>`;
  await page.goto(at === "own" ? `${site.url}own.html` : hosts.put("element", empty));
  const answer = await page.evaluate(([markup, usual]) => {
    window.events = [];
    for (const type of ["ready", "state", "prediction", "error"]) {
      document.addEventListener(`stridescope-${type}`, ({ detail }) => window.events.push(detail === null ? { type } : { type, detail }));
    }
    document.body.insertAdjacentHTML("beforeend", markup);
    window.figure = document.querySelector("stride-scope");
    const frame = figure.shadowRoot.querySelector("iframe");
    const [{ height }, sandbox] = [frame.style, frame.getAttribute("sandbox")];
    return { frame: { src: frame.src, title: frame.title, loading: frame.loading, height, sandbox: sandbox === usual ? undefined : sandbox } };
  }, [call, SANDBOX]);
  const near = () => page.waitForFunction(() => events.some(({ type }) => type === "ready"));
  if (!isFigure) await page.locator("iframe").contentFrame().locator(".answer").first().waitFor();
  else if (!call.startsWith("<div")) await near();
  answer.then = [];
  for (const step of then) {
    if (step.startsWith("clock ")) await page.clock.runFor(1000 * Number(step.slice(6)));
    else if (step === "near") await page.evaluate(() => figure.scrollIntoView()).then(near);
    else if (step.startsWith("until ")) await page.waitForFunction((type) => events.some((event) => event.type === type), step.slice(6));
    else {
      answer.then.push(await page.evaluate((step) => (0, eval)(`(async () => (${step}))()`).then(
        (value) => value ?? "nothing",
        (error) => `${error.name}: ${error.message}`,
      ), step));
    }
  }
  const last = await once("elements", entry, async () => ({
    ...answer,
    ...await page.evaluate(async () => {
      // What was sent before is answered before.
      if (figure.state && figure.isConnected) await figure.set({});
      return { events, attributes: Object.fromEntries([...figure.attributes].map(({ name, value }) => [name, value])), state: figure.state };
    }),
  }));
  await page.close();
  return last;
}

// A command of `stridescope`, in the project's folder; `{tmp}` is a folder with these files, to which `made` are added.
async function commands({ call, files = {} }) {
  const folder = mkdtempSync(join(tmpdir(), "stridescope-calls-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      if (/^(assets|tests)\//.test(content)) cpSync(join(project, content), path);
      else writeFileSync(path, content);
    }
    const given = call.split(" ").filter(Boolean).map((word) => expanded(word.replace("{tmp}", folder)));
    const { status, out, err } = await new Promise((resolve, reject) => {
      execFile(process.env.STRIDESCOPE_CLI, given, { cwd: project, maxBuffer: 1 << 26 }, (error, out, err) => {
        if (error && !Number.isInteger(error.code)) reject(error);
        else resolve({ status: error?.code ?? 0, out, err });
      });
    });
    const masked = (text) => text.replaceAll(folder, "{tmp}").replace(/\([\d.]+ ms/g, "(… ms").replace(/^Usage: \S+/m, "Usage: stridescope");
    const made = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile() && !(name in files));
    return {
      status, out: short(masked(out)), err: short(masked(err)),
      made: made.map((name) => ({ name, bytes: statSync(join(folder, name)).size, sha256: checksum(readFileSync(join(folder, name))) })),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const checksum = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/// A command's text as it stands in the table: as what it holds where it is JSON, else by its lines; where that is much, its ends.
function short(text) {
  const lines = text.split("\n");
  const isJson = /^(\[\{|\{")/.test(text);
  if (text.length <= LONGEST) return isJson ? JSON.parse(text) : lines.length < 3 ? text : lines;
  const ends = isJson ? { begins: text.slice(0, 300), ends: text.slice(-100) } : { begins: lines.slice(0, 4), ends: lines.slice(-4) };
  return { ...ends, lines: lines.length, characters: text.length, sha256: checksum(text) };
}

/// An answer as it stands in the table: of a state what differs from the plain page's, no addresses of the moment and no times.
function brief(value, key) {
  if (typeof value === "string") return value.replaceAll(site.url, SITE).replaceAll(idle.url, SITE);
  if (Array.isArray(value)) return value.map((item) => brief(item));
  if (typeof value === "number") return key === "ms" ? "…" : Number.isInteger(value) ? value : Number(value.toPrecision(6));
  if (value === null || typeof value !== "object") return value;
  const isState = plain && Array.isArray(value.models) && "autorun" in value;
  const keys = isState ? new Set([...Object.keys(plain), ...Object.keys(value)]) : Object.keys(value);
  const kept = [...keys].filter((key) => (isState ? JSON.stringify(value[key]) !== JSON.stringify(plain[key]) : value[key] !== undefined));
  return Object.fromEntries(kept.map((key) => [key, brief(value[key] ?? null, key)]));
}

/// What was found, as it stands in the table.
function written(kind, { call }, found) {
  const isFirst = kind === "links" && call === "";
  const now = JSON.parse(JSON.stringify(brief(found)));
  // The plain state stands in the table whole, once.
  if (isFirst) now.state = found.state;
  for (const [key, value] of Object.entries(now)) if (/^(""|\[\]|\{\})$/.test(JSON.stringify(value))) delete now[key];
  return now;
}

/// What was found, with what was recorded in place of fractions that differ by less than one in 10,000.
function near(recorded, now) {
  if (typeof now === "number" && typeof recorded === "number") {
    const isFraction = !Number.isInteger(now) && !Number.isInteger(recorded);
    return isFraction && Math.abs(now - recorded) <= 1e-4 * Math.abs(recorded) ? recorded : now;
  }
  if (now === null || recorded === null || typeof now !== "object" || typeof recorded !== "object") return now;
  if (Array.isArray(now)) return now.map((item, i) => near(recorded[i], item));
  return Object.fromEntries(Object.entries(now).map(([key, item]) => [key, near(recorded[key], item)]));
}

/// JSON to be read: what fits into a line stands in one.
function pretty(value, indent = "") {
  const line = JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  if (value === null || typeof value !== "object" || indent.length + line.length < 150 && indent !== "") return line;
  const inner = `${indent}  `;
  const [start, end] = Array.isArray(value) ? "[]" : "{}";
  const items = Array.isArray(value)
    ? value.map((item) => pretty(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pretty(item, inner)}`);
  return `${start}\n${items.map((item) => inner + item).join(",\n")}\n${indent}${end}`;
}

for (const [kind, ask] of Object.entries({ links, visits, scripts, messages, elements, commands })) {
  const path = join(project, `tests/calls/${kind}.json`);
  const table = JSON.parse(readFileSync(path, "utf8"));
  // Links share nothing.
  describe(kind, { concurrency: kind === "links" ? 2 : 1 }, () => {
    for (const entry of table) {
      test(JSON.stringify(entry.call).slice(0, 120), async () => {
        const now = written(kind, entry, await ask(entry));
        if (RECORD) entry.answer = now;
        else assert.deepEqual(near(entry.answer, now), entry.answer);
      });
    }
    if (RECORD) after(() => writeFileSync(path, `${pretty(table)}\n`));
  });
}
