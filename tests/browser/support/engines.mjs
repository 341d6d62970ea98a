// The engines: real Firefox by WebDriver BiDi, which it speaks itself, real WebKitGTK by its WebKitWebDriver, and Chromium. All give the same few
// verbs, and everything of theirs stays on the loopback interface.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import WebSocket from "ws";
import { launch } from "./harness.mjs";

/// How long a browser may take to start, or to show what a test waits for: many times what a busy machine needs, since a wait ends when it is there.
const PATIENCE_MS = 180_000;
/// How long a browser may take to answer a command, which may itself wait in the page.
const COMMAND_MS = 300_000;
/// Runs in a page: a frame, and with some engines a tab, has an empty document of its own before the one that it was given.
const HAS_DOCUMENT = 'location.href !== "about:blank" && document.readyState !== "loading"';
/// Nothing listens here: a browser with it as its proxy for all but this machine reaches no other.
const NOBODY = { host: "127.0.0.1", port: 9 };

/// The frame or the document of a call is not there: not yet, or no longer.
class Absent extends Error {}

// What a test run started ends with it also where the run itself is ended.
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => process.exit(1));

/// Firefox, headless, with a profile of its own. Its errors are those of the console and of scripts, workers and frames included.
export async function firefox() {
  const program = installed("firefox", process.env.STRIDESCOPE_FIREFOX, onPath("firefox-esr", "firefox"),
    "Firefox is not installed: `apt-get install firefox-esr`, or set STRIDESCOPE_FIREFOX to its executable");
  const processes = new Processes("firefox");
  try {
    const prefs = {
      "network.proxy.type": 1, "network.proxy.http": NOBODY.host, "network.proxy.http_port": NOBODY.port,
      "network.proxy.ssl": NOBODY.host, "network.proxy.ssl_port": NOBODY.port, "browser.shell.checkDefaultBrowser": false,
      "datareporting.policy.dataSubmissionEnabled": false, "toolkit.telemetry.reportingpolicy.firstRun": false,
      // Mozilla's own value for tests: otherwise Firefox requests updates again and again.
      "services.settings.server": "data:,#remote-settings-dummy/v1",
    };
    const lines = Object.entries(prefs).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    writeFileSync(join(processes.profile, "user.js"), lines.join(""));
    const child = processes.start(program, [
      "--headless", "--no-remote", "--profile", processes.profile, "--remote-debugging-port", "0", "about:blank",
    ]);
    const [, address] = await lineOf(child, child.stderr, /WebDriver BiDi listening on (ws:\/\/\S+)/, "Firefox did not open its WebDriver BiDi port");
    const { send, errors } = await bidi(`${address}/session`);
    const { contexts: [{ context: top }] } = await send("browsingContext.getTree", { maxDepth: 0 });
    const call = (context, functionDeclaration, awaitPromise) =>
      send("script.callFunction", { functionDeclaration, awaitPromise, target: { context } });
    const value = ({ result, exceptionDetails }) => {
      if (exceptionDetails) throw new Error(`firefox: ${exceptionDetails.text}`);
      return result.value ?? null;
    };
    const run = async (path, body) => {
      let context = top;
      for (const selector of path) {
        context = value(await call(context, `() => (${find})(${JSON.stringify(selector)})?.contentWindow`, false))?.context;
        if (!context) throw new Absent(`firefox: there is no frame ${selector}`);
      }
      return value(await call(context, body, true));
    };
    const goto = (url) => send("browsingContext.navigate", { context: top, url, wait: "complete" }).catch(async (error) => {
      // Loads of frames that end with the page before are reported as this page's, which comes all the same.
      if (!error.message.includes("NS_BINDING_ABORTED")) throw error;
      const isThere = `() => location.href === ${JSON.stringify(new URL(url).href)} && document.readyState === "complete"`;
      await retry(async () => value(await call(top, isThere, false)), `${url} did not load`, child);
    });
    return verbs("firefox", run, {
      goto,
      resize: (width, height) => send("browsingContext.setViewport", { context: top, viewport: { width, height } }),
      screenshot: async (path) => writePng(path, (await send("browsingContext.captureScreenshot", { context: top })).data),
      errors: async () => [...errors],
      close: () => processes.end(),
    });
  } catch (error) {
    await processes.end();
    throw error;
  }
}

/// Chromium, computing on the CPU, or with `webgpu` on SwiftShader.
export async function chromium(options = {}) {
  const { context, close } = await launch(options);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  const run = async (path, body) => {
    let root = page;
    try {
      for (const selector of path) {
        root = await (await root.$(selector.replaceAll(">>>", "")))?.contentFrame();
        if (!root) throw new Absent(`chromium: there is no frame ${selector}`);
      }
      return (await root.evaluate(`(${body})()`)) ?? null;
    } catch (error) {
      const isGone = /Execution context was destroyed|Cannot find context|Frame was detached/.test(error.message);
      throw isGone ? new Absent(`chromium: ${error.message}`) : error;
    }
  };
  return verbs("chromium", run, {
    goto: (url) => page.goto(url),
    resize: (width, height) => page.setViewportSize({ width, height }),
    screenshot: (path) => page.screenshot({ path }),
    errors: async () => [...errors],
    close,
  });
}

/// One connection to a WebDriver BiDi server, and the errors that it has reported so far.
async function bidi(address) {
  const socket = new WebSocket(address, { perMessageDeflate: false, maxPayload: 256 << 20 });
  await once(socket, "open", { signal: AbortSignal.timeout(PATIENCE_MS) });
  const waiting = new Map();
  const errors = [];
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "event") {
      if (message.method === "log.entryAdded" && message.params.level === "error") errors.push(message.params.text);
      return;
    }
    const { resolve, reject, method } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type !== "error") return resolve(message.result);
    const text = `firefox: ${method}: ${message.error}: ${message.message}`;
    reject(message.error === "no such frame" ? new Absent(text) : new Error(text));
  });
  socket.on("error", () => {}); // "close" follows.
  socket.on("close", () => waiting.forEach(({ reject, method }) => reject(new Error(`firefox ended during ${method}`))));
  let id = 0;
  const send = (method, params) => within(`firefox: ${method}`, new Promise((resolve, reject) => {
    id += 1;
    waiting.set(id, { resolve, reject, method });
    socket.send(JSON.stringify({ id, method, params }));
  }));
  await send("session.new", { capabilities: {} });
  await send("session.subscribe", { events: ["log.entryAdded"] });
  return { send, errors };
}

/// WebKitGTK's MiniBrowser on a screen of its own. Its driver has no log, so errors are recorded by a listener in the page, which comes up to a
/// tenth of a second after the document: `webkitConsole` misses nothing.
export async function webkit() {
  const driver = installed("webkit", process.env.STRIDESCOPE_WEBKIT_DRIVER, onPath("WebKitWebDriver"),
    "WebKitWebDriver is not installed: `apt-get install webkit2gtk-driver`, or set STRIDESCOPE_WEBKIT_DRIVER to its executable");
  const { processes, binary, env } = await miniBrowser();
  try {
    const port = await freePort();
    const child = processes.start(driver, [`--port=${port}`], env);
    const base = `http://127.0.0.1:${port}`;
    await retry(async () => (await fetch(`${base}/status`)).ok, "WebKitWebDriver does not answer", child);
    const { sessionId } = await classic(`${base}/session`, "POST", {
      capabilities: {
        alwaysMatch: {
          // The errors of a page are recorded from early on only if the driver does not wait for it to load.
          pageLoadStrategy: "none",
          timeouts: { script: COMMAND_MS },
          "webkitgtk:browserOptions": { binary, args: ["--automation"] },
        },
      },
    });
    const send = (path, body) => classic(`${base}/session/${sessionId}${path}`, body ? "POST" : "GET", body);
    const inTop = (script) => send("/execute/sync", { script, args: [] });
    // One at a time: the driver has one current frame.
    let last = Promise.resolve();
    const alone = (task) => {
      const next = last.then(task);
      last = next.catch(() => {});
      return next;
    };
    const recorded = [];
    const frames = new Set(["[]"]);
    const inFrame = async (path, task) => {
      try {
        for (const selector of path) {
          const element = await inTop(`return (${find})(${JSON.stringify(selector)})`);
          if (!element) throw new Absent(`webkit: there is no frame ${selector}`);
          await send("/frame", { id: element });
        }
        return await task();
      } finally {
        if (path.length > 0) await send("/frame", { id: null });
      }
    };
    const run = (path, body) => alone(() => inFrame(path, async () => {
      frames.add(JSON.stringify(path));
      const script = `(${listen})(); const done = arguments[arguments.length - 1];
        (${body})().then((json) => done({ json }), (error) => done({ error: String(error) }));`;
      const { json, error } = await send("/execute/async", { script, args: [] });
      if (error !== undefined) throw new Error(`webkit: ${error}`);
      return json;
    }));
    /// Takes what the listeners of all frames have recorded.
    const collect = () => alone(async () => {
      for (const frame of frames) {
        // A frame that has gone takes its errors along.
        recorded.push(...await inFrame(JSON.parse(frame), () => inTop(`return (${listen})().splice(0)`)).catch(() => []));
      }
    });
    const goto = async (url) => {
      await collect();
      frames.clear();
      frames.add("[]");
      await alone(async () => {
        await inTop("window.isBeforeNavigation = true");
        await send("/url", { url });
        const isThere = `if (window.isBeforeNavigation || !(${HAS_DOCUMENT})) return false; (${listen})(); return document.readyState === "complete"`;
        await retry(() => inTop(isThere),
          `${url} did not load`, child, 5);
        const arrived = await inTop("return location.href");
        if (new URL(arrived).origin !== new URL(url).origin) throw new Error(`webkit: ${url} did not load, but ${arrived}`);
      });
    };
    const resize = (width, height) => alone(async () => {
      const frame = await inTop("return [outerWidth - innerWidth, outerHeight - innerHeight]");
      await send("/window/rect", { width: width + frame[0], height: height + frame[1] });
      await retry(async () => String(await inTop("return [innerWidth, innerHeight]")) === `${width},${height}`,
        `the window does not become ${width} x ${height}`, child);
    });
    return verbs("webkit", run, {
      goto,
      resize,
      screenshot: async (path) => writePng(path, await alone(() => send("/screenshot"))),
      errors: async () => {
        await collect();
        return [...recorded];
      },
      close: async () => {
        await classic(`${base}/session/${sessionId}`, "DELETE").catch(() => {}); // It may have died, and is ended in any case.
        await processes.end();
      },
    });
  } catch (error) {
    await processes.end();
    throw error;
  }
}

/// Opens an address in WebKitGTK without a driver, and returns all that the console showed as errors, from the first byte on, workers and
/// frames included, once `done(lines)` is true of those so far. (WebKit keeps no console in the sessions that can be driven.)
export async function webkitConsole(url, done) {
  const { processes, binary, env } = await miniBrowser();
  try {
    const child = processes.start(binary, ["--enable-write-console-messages-to-stdout=true", url], env);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { text += data; });
    const lines = () => text.split("\n").filter((line) => /CONSOLE( \w+)? ERROR/.test(line));
    await retry(() => done(lines()), `${url} did not come to an end`, child);
    await pause(500);
    return lines();
  } finally {
    await processes.end();
  }
}

/// MiniBrowser's executable, and a screen and settings for it.
async function miniBrowser() {
  const binary = installed("webkit", process.env.STRIDESCOPE_MINIBROWSER, besideLibraries("MiniBrowser"),
    "WebKitGTK's MiniBrowser is not installed: `apt-get install webkit2gtk-driver`, or set STRIDESCOPE_MINIBROWSER to its executable");
  const screen = installed("webkit", process.env.STRIDESCOPE_XVFB, onPath("Xvfb"),
    "Xvfb, the screen for WebKitGTK, is not installed: `apt-get install xvfb`, or set STRIDESCOPE_XVFB to its executable");
  const processes = new Processes("webkit");
  try {
    const config = join(processes.profile, "config");
    mkdirSync(join(config, "gtk-3.0"), { recursive: true });
    // With its usual buttons the window cannot be as narrow as a telephone.
    writeFileSync(join(config, "gtk-3.0/gtk.css"), "* { padding: 0; margin: 0; border-width: 0; min-width: 0; min-height: 0; font-size: 1px; }\n");
    const runtime = join(processes.profile, "runtime");
    mkdirSync(runtime);
    chmodSync(runtime, 0o700);
    const child = processes.start(screen, ["-displayfd", "3", "-screen", "0", "2600x2600x24", "-nolisten", "tcp"], process.env, ["pipe"]);
    const [display] = await lineOf(child, child.stdio[3], /^\d+(?=\n)/, "Xvfb did not open a display");
    const env = {
      ...process.env, DISPLAY: `:${display}`, GDK_BACKEND: "x11", GSETTINGS_BACKEND: "memory", HOME: processes.profile, XDG_CONFIG_HOME: config,
      XDG_CACHE_HOME: join(processes.profile, "cache"), XDG_DATA_HOME: join(processes.profile, "data"), XDG_RUNTIME_DIR: runtime,
      http_proxy: `http://${NOBODY.host}:${NOBODY.port}`, https_proxy: `http://${NOBODY.host}:${NOBODY.port}`, no_proxy: "127.0.0.1,localhost,::1",
    };
    return { processes, binary, env };
  } catch (error) {
    await processes.end();
    throw error;
  }
}

/// One command of classic WebDriver.
async function classic(url, method, body) {
  const what = `webkit: ${method} ${new URL(url).pathname.split("/").slice(3).join("/") || "session"}`;
  const answer = await within(what, fetch(url, { method, body: body && JSON.stringify(body) }));
  const { value } = await answer.json();
  if (answer.ok) return value;
  const text = `${what}: ${value.error}: ${value.message}`;
  throw ["no such frame", "stale element reference"].includes(value.error) ? new Absent(text) : new Error(text);
}

/// What every engine can do. `run(path, body)` evaluates an async function that returns JSON, in the frame at the end of a path of selectors.
function verbs(name, run, own) {
  const at = (path) => {
    /// Evaluates a function with arguments, or an expression; a promise is awaited. What goes in and comes out is JSON.
    const evaluate = async (what, ...args) => {
      const called = typeof what === "function" ? `(${what})(...${JSON.stringify(args)})` : `(${what})`;
      const json = await run(path, `async () => JSON.stringify(await ${called}) ?? null`);
      return json === null ? undefined : JSON.parse(json);
    };
    /// Waits until an evaluation is true. Without a document, between two pages or before a frame has come, it is not.
    const until = async (sentence, what, ...args) => {
      const isAbsent = (error) => {
        if (!(error instanceof Absent)) throw error;
        return false;
      };
      const end = Date.now() + PATIENCE_MS;
      while (!await evaluate(what, ...args).catch(isAbsent)) {
        if (Date.now() > end) {
          const found = await evaluate("document.body?.innerText.slice(0, 300)").then((text) => `the page begins: ${text}`, ({ message }) => message);
          throw new Error(`${name}: in ${PATIENCE_MS / 1000} s it did not happen that ${sentence}; ${found}`);
        }
        await pause(100);
      }
    };
    /// A frame in this one, once it has its document. A selector looks into open shadow roots after `>>>`: `stride-scope >>> iframe`.
    const frame = async (selector) => {
      const inner = at([...path, selector]);
      await inner.until(`the frame ${selector} has its document`, HAS_DOCUMENT);
      return inner;
    };
    return { evaluate, until, frame };
  };
  return { name, ...at([]), ...own };
}

/// Runs in the page: the element of a selector, or null.
function find(selector) {
  return selector.split(">>>").reduce((root, part, i) => (i === 0 ? root : root?.shadowRoot)?.querySelector(part.trim()) ?? null, document);
}

/// Runs in the page: listens for errors, once, and returns their list.
function listen() {
  if (window.recordedErrors) return window.recordedErrors;
  const recorded = [];
  Object.defineProperty(window, "recordedErrors", { value: recorded });
  const { error } = console;
  console.error = (...words) => {
    recorded.push(words.map(String).join(" "));
    error.apply(console, words);
  };
  addEventListener("error", ({ message, target }) => recorded.push(message ?? `${target.localName} ${target.src ?? target.href} did not load`), true);
  addEventListener("unhandledrejection", ({ reason }) => recorded.push(`unhandled rejection: ${reason}`));
  addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => recorded.push(`${effectiveDirective} refused ${blockedURI}`));
  return recorded;
}

/// A profile, and the processes that use it, each with a process group of its own.
class Processes {
  constructor(name) {
    this.profile = mkdtempSync(join(tmpdir(), `stridescope-${name}-`));
    this.children = [];
    this.atExit = () => this.children.forEach((child) => signal(child, "SIGKILL"));
    process.on("exit", this.atExit);
  }

  start(program, args, env = process.env, pipes = []) {
    const child = spawn(program, args, { env, cwd: this.profile, detached: true, stdio: ["ignore", "pipe", "pipe", ...pipes] });
    child.ended = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
    // Pipes that are not read fill up, and stop the writer.
    [child.stdout, child.stderr].forEach((stream) => stream.resume());
    this.children.push(child);
    return child;
  }

  async end() {
    for (const child of this.children.reverse()) {
      signal(child, "SIGTERM");
      const left = setTimeout(() => signal(child, "SIGKILL"), 5_000);
      await child.ended;
      clearTimeout(left);
      signal(child, "SIGKILL");
    }
    process.off("exit", this.atExit);
    this.children = [];
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/// Signals a child and the processes that it started.
function signal(child, name) {
  if (!child.pid) return; // It could not be started.
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/// Waits for a line of a child.
async function lineOf(child, stream, pattern, problem) {
  let text = "";
  const found = new Promise((resolve) => {
    stream.on("data", (data) => {
      text += data;
      const match = pattern.exec(text);
      if (match) resolve(match);
    });
  });
  const ended = child.ended.then(() => { throw new Error(`${problem}; it ended after printing: ${text}`); });
  return within(problem, Promise.race([found, ended]));
}

/// Tries again until it is true. What fails in between counts as not yet true.
async function retry(ask, problem, child, every_ms = 50) {
  const end = Date.now() + PATIENCE_MS;
  for (let failure = ""; ; await pause(every_ms)) {
    try {
      if (await ask()) return;
    } catch (error) {
      failure = `: ${error.message}`;
    }
    const ended = child.exitCode ?? child.signalCode;
    if (ended !== null) throw new Error(`${problem}: ${child.spawnfile} ended with ${ended}${failure}`);
    if (Date.now() > end) throw new Error(`${problem} in ${PATIENCE_MS / 1000} s${failure}`);
  }
}

async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer in ${COMMAND_MS / 1000} s`)), COMMAND_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const writePng = (path, base64) => writeFileSync(path, Buffer.from(base64, "base64"));

/// A port that was free a moment ago.
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/// An executable: the one that was named, else the one that was found.
function installed(name, named, found, remedy) {
  if (named && !existsSync(named)) throw new Error(`${name}: ${named} is no file`);
  if (!named && !found) throw new Error(`${name}: ${remedy}`);
  return named ?? found;
}

function onPath(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/// A program that distributions put beside WebKitGTK's libraries: /usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser.
function besideLibraries(name) {
  const list = (folder) => { try { return readdirSync(folder).map((entry) => join(folder, entry)); } catch { return []; } };
  const folders = ["/usr/lib", "/usr/libexec", "/usr/lib64"].flatMap((root) => [root, ...list(root).filter((path) => /linux-gnu/.test(path))]);
  return folders.flatMap(list).filter((path) => /\/webkit2?gtk-[\d.]+$/.test(path)).map((path) => join(path, name)).find((path) => existsSync(path));
}
