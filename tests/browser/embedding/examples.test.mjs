// What docs/embedding.md shows: each example is made into a page as those do who follow it, and opened from another origin than the site's.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import { dist, launch, project, serveHosts, serveStrictly, watch } from "../support/harness.mjs";
import { becomes, numbers, reads, soon } from "../support/soon.mjs";

const SITE = "https://stridescope.example/";
const FOLDER = join(project, "docs/examples");
const modules = join(project, "tests/node_modules");
const example = (name) => readFileSync(join(FOLDER, name), "utf8");
const guide = readFileSync(join(project, "docs/embedding.md"), "utf8");
let site, hosts, browser, folder;
/// What the pages received, to be compared with the types.
const received = { states: [], results: [], messages: [] };

/// An example with the address of the site under test.
const here = (text) => text.replaceAll(SITE, site.url);
const layout = (body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page around</title><body>${body}</body></html>`;

const element = (attributes) => layout(`<script src="${SITE}stride-scope.js"></script><stride-scope ${attributes}></stride-scope>`);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stridescope-examples-"));
  site = await serveStrictly();
  hosts = await serveHosts();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hosts?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/// Opens a page of the host's: `localhost`, where the site is `127.0.0.1`. `clean` ends it, and checks what must not have happened.
async function open(name, body, headers) {
  const url = hosts.put(name, here(body), headers);
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: 1000, height: 900 });
  const seen = watch(page, hosts.url, site.url);
  await page.addInitScript(() => {
    if (window.parent !== window) return;
    window.events = [];
    for (const type of ["ready", "state", "prediction", "error"]) {
      addEventListener(`stridescope-${type}`, ({ detail }) => window.events.push({ type, detail }));
    }
    window.messages = [];
    addEventListener("message", ({ data }) => window.messages.push(data));
  });
  await page.goto(url);
  const clean = async () => {
    assert.deepEqual(seen, { errors: [], strangers: [] });
    received.messages.push(...await page.evaluate(() => window.messages));
    await page.close();
  };
  return { page, figure: page.locator("iframe").contentFrame(), clean };
}

/// Waits until the page has received such an event of an element, and returns its detail.
async function eventOf(page, type) {
  await page.waitForFunction((type) => window.events.some((event) => event.type === type), type);
  const { detail } = (await page.evaluate(() => window.events)).find((event) => event.type === type);
  if (type === "state") received.states.push(detail);
  if (type === "prediction") received.results.push(...detail);
  return detail;
}

/// Waits until the frame is exactly as high as what is in it, which is not the height that it began with.
async function follows({ page, figure }, before) {
  const height = async () => Math.ceil(await figure.locator("body").evaluate((body) => body.getBoundingClientRect().height));
  const frame = () => page.locator("iframe").evaluate((frame) => frame.getBoundingClientRect().height);
  await soon(async () => {
    assert.equal(await frame(), await height());
    assert.notEqual(await frame(), before);
    const isWider = await figure.locator("html").evaluate((root) => root.scrollWidth > root.clientWidth);
    assert.ok(!isWider, "nothing reaches out of it sideways");
  });
}

const rows = (figure, count) => figure.locator(".answer .top .row").nth(count - 1).waitFor();

describe("the document", () => {
  test("shows every example as it is, below its name, and nothing else", () => {
    const blocks = [...guide.matchAll(/(?<line>[^\n]*)\n```\w*\n(?<text>.*?)```\n/gs)].map(({ groups }) => groups);
    const shown = blocks.map(({ line, text }) => {
      const [, name, target] = /^\[`(.+?)`\]\(examples\/(.+?)\)/.exec(line) ?? assert.fail(`a block below no name: ${line}`);
      assert.equal(name, target);
      assert.equal(text, example(name), name);
      return name;
    });
    const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.deepEqual(shown.sort(), files.map((entry) => relative(FOLDER, join(entry.parentPath ?? entry.path, entry.name))).sort());
    assert.equal(guide.match(/^```/gm).length, 2 * blocks.length);
  });

  test("leads to files and headings that are there", () => {
    // As GitHub makes them.
    const anchor = (title) => `#${title.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-")}`;
    const anchors = [...guide.matchAll(/^#+ (.+)$/gm)].map(([, title]) => anchor(title));
    for (const [, target] of guide.matchAll(/\]\((?!https:)([^)]+)\)/g)) {
      assert.ok(target.startsWith("#") ? anchors.includes(target) : existsSync(join(project, "docs", target)), target);
    }
  });

  test("lists the parameters that there are, as the element does", async () => {
    const { page, figure, clean } = await open("parameters.html", element('figure="cost"'));
    await eventOf(page, "ready");
    const state = Object.keys(await page.evaluate(() => document.querySelector("stride-scope").state)).sort();
    const [, table] = /## Parameters\n(.*?)\n## /s.exec(guide);
    assert.deepEqual([...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name).sort(), state);
    const attributes = await page.evaluate(() => customElements.get("stride-scope").observedAttributes);
    assert.deepEqual(attributes.map((name) => name.replace("figure", "embed")).sort(), state);
    await figure.locator("table").first().waitFor();
    await clean();
  });
});

describe("plain HTML", () => {
  test("frame.html: strides, as high as they are", async () => {
    const visit = await open("frame.html", example("frame.html"));
    await visit.figure.locator(".path .whole img").first().waitFor();
    await follows(visit, 820);
    await visit.page.setViewportSize({ width: 420, height: 900 });
    await follows(visit, 820);
    await visit.figure.getByRole("button", { name: "Run on this device" }).click();
    await visit.figure.getByRole("button", { name: "Run on this device" }).waitFor({ state: "detached" });
    await visit.clean();
  });

  test("element.html: two diagrams, whose node and attribute are one", async () => {
    const visit = await open("element.html", example("element.html"));
    await visit.figure.locator("svg.diagram").nth(1).waitFor();
    // What stands for the figure is not shown beside it.
    await becomes(() => visit.page.getByRole("link").isVisible(), false);
    await follows(visit, 900);
    await visit.figure.locator('[data-node="layer2.0.conv2"]').first().click();
    assert.equal((await eventOf(visit.page, "state")).node, "layer2.0.conv2");
    await becomes(() => visit.page.locator("stride-scope").getAttribute("node"), "layer2.0.conv2");
    await visit.page.locator("stride-scope").evaluate((element) => element.setAttribute("node", "layer3.0"));
    await visit.figure.locator('[data-node="layer3.0.conv2"]').first().waitFor();
    await visit.clean();
  });

  test("element.html: a link where scripts do not run", async () => {
    const { page, clean } = await open("no-script.html", example("element.html").replace(/<script.*<\/script>/, ""));
    const link = page.getByRole("link", { name: "ResNet-50-A and D, in Stridescope" });
    assert.ok(await link.isVisible());
    await page.goto(await link.getAttribute("href"));
    await page.locator("#architecture svg.diagram").nth(1).waitFor();
    await page.evaluate(() => { window.messages = []; });
    await clean();
  });

  test("element.html under policy.txt", async () => {
    const [, name, value] = /^(.+?): (.+)\n$/.exec(example("policy.txt"));
    const headers = { [name]: value.replaceAll(new URL(SITE).origin, new URL(site.url).origin) };
    const visit = await open("policy.html", example("element.html"), headers);
    await visit.figure.locator("svg.diagram").nth(1).waitFor();
    await follows(visit, 900);
    await visit.clean();

    headers[name] = headers[name].replace(/script-src.*/, "script-src 'self'");
    hosts.put("policy.html", here(example("element.html")), headers);
    const page = await browser.context.newPage();
    await page.goto(`${hosts.url}policy.html`);
    assert.ok(await page.getByRole("link").isVisible(), "what is not allowed is not needed: here it is");
    await page.close();
  });

  test("tutorial.html: buttons change it, a line follows it, a file is classified", async () => {
    const visit = await open("tutorial.html", example("tutorial.html"));
    const { page, figure } = visit;
    await eventOf(page, "ready");
    await page.getByText("This is layer2.0 of tiny-a.").waitFor();
    await figure.locator(".path .whole img").first().waitFor();
    await page.getByRole("button", { name: "D repairs both" }).click();
    await page.getByText("This is layer2.0 of tiny-a and tiny-d.").waitFor();
    assert.deepEqual((await eventOf(page, "state")).models, ["tiny-a", "tiny-d"]);
    await follows(visit, 820);

    const file = page.getByLabel("Your own picture");
    await file.setInputFiles(join(dist, "assets/samples/chelsea.png"));
    await page.locator("#answer li").nth(4).waitFor();
    await reads(page.locator("#answer li"), /^.+: \d+\.\d %$/);
    await file.setInputFiles({ name: "words.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await page.waitForFunction(() => document.querySelectorAll("#answer li").length === 1);
    await reads(page.locator("#answer"), /^[A-Z].+\.$/);
    await visit.clean();
  });

  test("messages.html: set, classify, and an answer for each", async () => {
    const visit = await open("messages.html", example("messages.html"));
    await visit.page.getByText(/^tiny-d takes the coffee for: .+/).waitFor();
    const messages = await visit.page.evaluate(() => window.messages);
    assert.equal(messages[0].type, "ready");
    assert.deepEqual(messages.filter(({ id }) => id !== undefined).map(({ type, id }) => [type, id]), [["state", 0], ["prediction", 1]]);
    await visit.figure.locator("figcaption", { hasText: "A rocket on its pad" }).waitFor();
    received.states.push(messages.find(({ type }) => type === "state").state);
    received.results.push(...messages.find(({ type }) => type === "prediction").results);
    await visit.clean();
  });
});

describe("the element, beside what the examples show", () => {
  test("an attribute that the page changes twice is never thrown back to the first", async () => {
    const visit = await open("twice.html", element('figure="architecture" models="tiny-a"'));
    await eventOf(visit.page, "ready");
    const { values, nodes } = await visit.page.evaluate(async () => {
      const element = document.querySelector("stride-scope");
      const [values, nodes] = [[], []];
      const observer = new MutationObserver((records) => values.push(...records.map(({ oldValue }) => oldValue)));
      observer.observe(element, { attributes: true, attributeFilter: ["node"], attributeOldValue: true });
      element.addEventListener("stridescope-state", ({ detail }) => nodes.push(detail.node));
      element.setAttribute("node", "layer3.0");
      element.setAttribute("node", "layer4.0");
      await new Promise((resolve) => setTimeout(resolve, 500));
      return { values: [...values, element.getAttribute("node")], nodes };
    });
    const changes = values.filter((value, i) => i === 0 || value !== values[i - 1]);
    assert.deepEqual(changes, [null, "layer3.0", "layer4.0"]);
    assert.deepEqual([...new Set(nodes)], ["layer4.0"], "the page receives the state in the end");
    await visit.clean();
  });

  test("calls before it is ready, switches as HTML's own, and a place that changes", async () => {
    const visit = await open("early.html", element('hidden figure="cost" models="tiny-a"'));
    const seen = await visit.page.evaluate(async () => {
      const hidden = document.querySelector("stride-scope");
      const element = document.createElement("stride-scope");
      const early = element.set({ node: "layer3.0", theme: "dark" });
      element.setAttribute("autorun", "");
      element.setAttribute("models", "tiny-b");
      document.body.append(element);
      const { node, models, autorun } = await early;
      const attributes = () => ["node", "theme", "autorun", "image"].map((name) => element.getAttribute(name));
      const before = attributes();
      const given = element.classify("assets/samples/coffee.png").catch((error) => error.message);
      document.body.prepend(element);
      const moved = await element.set({});
      const wrong = new Promise((resolve) => element.addEventListener("stridescope-error", ({ detail }) => resolve(detail)));
      element.setAttribute("node", "layer9");
      return {
        hidden: getComputedStyle(hidden).display, state: [node, models, autorun], before, given: await given, moved: moved.node,
        wrong: await wrong, after: attributes(),
      };
    });
    assert.equal(seen.hidden, "none");
    assert.deepEqual(seen.state, ["layer3.0", ["tiny-b"], true]);
    assert.deepEqual(seen.before, ["layer3.0", "dark", "1", null], "what neither the page wrote nor anyone changed is not written");
    assert.equal(seen.given, "The figure was taken out of the page.");
    assert.equal(seen.moved, "layer3.0", "it is the same figure in its new place");
    assert.match(seen.wrong, /layer9/);
    assert.deepEqual(seen.after, seen.before, "a value that makes no sense does not stay");
    await visit.clean();
  });
});

describe("pages that something else writes", () => {
  test("jekyll.md, by Jekyll's own renderer", async () => {
    const [, front, text] = /^---\n(.*?)---\n(.*)$/s.exec(example("jekyll.md"));
    assert.match(front, /^layout: post\n/);
    const visit = await open("jekyll.html", layout(kramdown(text)));
    await visit.figure.locator(".path .whole img").first().waitFor();
    assert.equal(await visit.page.locator("p").count(), 2, "what follows the element is a paragraph of its own");
    await follows(visit, 820);
    await visit.page.evaluate(() => document.querySelector("stride-scope").set({ node: "layer3.0" }));
    assert.equal((await eventOf(visit.page, "state")).node, "layer3.0");
    await visit.clean();
  });

  test("readme.md: a picture that leads to the figure", async () => {
    const [, href, src] = /<a href="(.+?)"><img src="(.+?)" alt="Stridescope: .+?" \/><\/a>/.exec(kramdown(example("readme.md")));
    assert.match(src, /\/assets\/og\/strides\.png$/);
    const page = await browser.context.newPage();
    await page.goto(here(href.replaceAll("&amp;", "&")));
    await page.locator("#strides .path .whole img").first().waitFor();
    await page.locator("figcaption", { hasText: "A cup of coffee" }).waitFor();
    await page.close();
  });

  test("the shortcode, by Hugo", async () => {
    const root = join(folder, "hugo");
    const put = (path, text) => {
      mkdirSync(join(root, path, ".."), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    const kinds = '["taxonomy", "term", "home", "section", "RSS", "sitemap"]';
    put("config.toml", `baseURL = "https://blog.example/"\ntitle = "A blog"\ndisableKinds = ${kinds}\n`);
    put("layouts/_default/single.html", layout("<h1>{{ .Title }}</h1>{{ .Content }}"));
    put("layouts/shortcodes/stride-scope.html", here(example("hugo/shortcode.html")));
    // A second figure, to see that one script serves both.
    put("content/post.md", `${example("hugo/post.md")}\n{{< stride-scope figure="architecture" models="tiny-c" >}}\n`);
    execFileSync("hugo", ["--source", root, "--quiet"], { stdio: ["ignore", "inherit", "inherit"] });
    const html = readFileSync(join(root, "public/post/index.html"), "utf8");
    assert.equal(html.match(/<script/g).length, 1);
    assert.doesNotMatch(html, /ZgotmplZ/);

    const { page, clean } = await open("hugo.html", html);
    assert.equal(await page.locator("p").count(), 2);
    const [cost, diagrams] = [0, 1].map((index) => page.locator("iframe").nth(index).contentFrame());
    await cost.locator("table").first().waitFor();
    await cost.locator("table", { hasText: "ResNet-50-D" }).first().waitFor();
    await follows({ page: { locator: () => page.locator("iframe").first() }, figure: cost }, 1400);
    await page.locator("stride-scope").nth(1).scrollIntoViewIfNeeded();
    await diagrams.locator("svg.diagram").waitFor();
    await clean();
  });

  test("notebook.py, by IPython", async () => {
    const python = ["python3", "/usr/bin/python3"].find((python) => spawnSync(python, ["-c", "import IPython"]).status === 0);
    const script = "import ast, sys; code = ast.parse(sys.stdin.read()); last = ast.Expression(code.body.pop().value); names = {}; "
      + "exec(compile(code, 'cell', 'exec'), names); print(eval(compile(last, 'cell', 'eval'), names)._repr_html_())";
    const html = execFileSync(python, ["-c", script], { input: here(example("notebook.py")), encoding: "utf8" });
    const { page, figure, clean } = await open("notebook.html", layout(html));
    await rows(figure, 10);
    const labels = await figure.locator(".answer").evaluateAll((cards) => cards.map((card) => card.dataset.net));
    assert.deepEqual(labels, ["tiny-a", "tiny-d"]);
    assert.equal(await page.locator("iframe").evaluate((frame) => frame.clientHeight), 760);
    await page.waitForFunction(() => window.messages.some(({ type }) => type === "prediction"));
    await clean();
  });

  test("the React component: one script, attributes from the state, state from the events", async () => {
    const source = join(folder, "react");
    cpSync(join(FOLDER, "react"), source, { recursive: true });
    writeFileSync(join(source, "main.tsx"), `
      import { createRoot } from "react-dom/client";
      import { Lesson } from "./Lesson";
      createRoot(document.getElementById("root")!).render(<Lesson />);`);
    const { outputFiles: [{ text }] } = await build({
      entryPoints: [join(source, "main.tsx")], bundle: true, write: false, jsx: "automatic", nodePaths: [modules],
      define: { "process.env.NODE_ENV": '"development"' },
    });
    hosts.put("lesson.js", here(text), { "content-type": "text/javascript" });
    const visit = await open("react.html", layout('<div id="root"></div><script src="lesson.js"></script>'));
    const { page, figure } = visit;
    await figure.locator("svg.diagram").nth(1).waitFor();
    await follows(visit, 900);
    await numbers(page.locator('script[src$="stride-scope.js"]'), 1);

    await page.getByRole("button", { name: "On to the third stage" }).click();
    assert.equal((await eventOf(page, "state")).node, "layer3.0");
    await figure.locator('[data-node="layer3.0"]').first().waitFor();
    await figure.locator('[data-node="layer2"]').first().click();
    await page.getByText("You are looking at layer2.").waitFor();

    await page.getByRole("button", { name: "Is this coffee?" }).click();
    await page.locator("li").nth(1).waitFor();
    assert.match(await page.locator("li").nth(1).textContent(), /^tiny-d: .+/);
    await visit.clean();
  });
});

/// What Jekyll makes of Markdown.
function kramdown(text) {
  const script = 'puts Kramdown::Document.new(STDIN.read, input: "GFM").to_html';
  return execFileSync("ruby", ["-Ku", "-EUTF-8:UTF-8", "-rkramdown", "-rkramdown-parser-gfm", "-e", script], { input: text, encoding: "utf8" });
}

describe("stridescope.d.ts", () => {
  /// The compiler's messages, a line each, of some sources beside the types and the React example.
  function complaints(name, sources) {
    const root = join(folder, name);
    cpSync(join(FOLDER, "react"), root, { recursive: true });
    cpSync(join(project, "assets/stridescope.d.ts"), join(root, "stridescope.d.ts"));
    symlinkSync(modules, join(root, "node_modules"));
    for (const [file, text] of Object.entries(sources)) writeFileSync(join(root, file), `${text}\nexport {};\n`);
    const compilerOptions = {
      noEmit: true, strict: true, exactOptionalPropertyTypes: true, target: "es2022", module: "esnext", moduleResolution: "bundler",
      jsx: "react-jsx", types: [],
    };
    writeFileSync(join(root, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts", "*.tsx"] }));
    const { stdout, stderr } = spawnSync(join(modules, ".bin/tsc"), ["--project", root, "--pretty", "false"], { encoding: "utf8", cwd: root });
    assert.equal(stderr, "");
    return stdout.split("\n").filter((line) => /^\S/.test(line));
  }

  test("fits the React example, and what is done with the element, the messages and the page's own API", () => {
    const uses = `
      const element = document.querySelector("stride-scope")!;
      element.addEventListener("stridescope-prediction", ({ detail }) => { const p: number = detail[0]!.top[0]!.p; void p; });
      document.addEventListener("stridescope-state", ({ detail }) => { const models: string[] = detail.models; void models; });
      const after: Promise<Stridescope.State> = element.set({ node: "layer3.0", models: "tiny-a,tiny-d", size: "96", controls: "0", image: null });
      const results: Promise<Stridescope.Prediction[]> = element.classify(new Blob(), { models: ["tiny-a"] });
      const request: Stridescope.Request = { stridescope: 1, type: "set", state: { models: ["tiny-a"], autorun: true }, id: 7 };
      addEventListener("message", ({ data }: MessageEvent<Stridescope.Message>) => {
        if (data.type === "height") document.body.style.height = \`\${data.height}px\`;
        else if (data.type === "error") console.error(data.message, data.id);
      });
      const off: (() => void) | undefined = window.stridescope?.on("height", (height) => height.toFixed());
      void [after, results, request, off];`;
    assert.deepEqual(complaints("right", { "uses.ts": uses }), []);
  });

  test("describes what the figures really send", () => {
    assert.ok(received.states.length >= 4 && received.results.length >= 1 && received.messages.length > 30, "the tests above collected it");
    const kinds = new Set(received.messages.map(({ type }) => type));
    assert.deepEqual([...kinds].sort(), ["error", "height", "prediction", "ready", "state"]);
    const constant = (name, type, values) => `const ${name}: ${type} = ${JSON.stringify(values)}; void ${name};`;
    const source = [
      constant("states", "Required<Stridescope.State>[]", received.states),
      constant("results", "Stridescope.Prediction[]", received.results),
      constant("messages", "Stridescope.Message[]", received.messages),
    ].join("\n");
    assert.deepEqual(complaints("real", { "real.ts": source }), []);
  });

  test("reports wrong uses", () => {
    const wrong = {
      "figure.tsx": 'import { StrideScope } from "./StrideScope"; void <StrideScope figure="stride" />;',
      "listener.tsx": 'import { StrideScope } from "./StrideScope"; void <StrideScope onstridescope-state={({ detail }) => detail.layer} />;',
      "change.ts": 'void document.createElement("stride-scope").set({ node: 3 });',
      "parameter.ts": 'void document.createElement("stride-scope").set({ layer: "layer3.0" });',
      "message.ts": 'const message: Stridescope.Request = { stridescope: 1, type: "height" }; void message;',
      "version.ts": 'const message: Stridescope.Request = { stridescope: 2, type: "state" }; void message;',
      "detail.ts": 'addEventListener("stridescope-error", ({ detail }) => detail.message);',
    };
    const files = complaints("wrong", wrong).map((line) => /^(.+?)\(\d+,\d+\): error TS/.exec(line)?.[1] ?? line);
    assert.deepEqual(files.sort(), Object.keys(wrong).sort());
  });
});
