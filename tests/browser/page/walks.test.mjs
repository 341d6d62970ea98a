// Random walks through the page: networks, layers, pictures, sliders, links, Back, Forward, reload, language, theme, scripts, and the attributes of an
// element. After each step the address, the page and what the networks saw agree, and nothing of the visitor's is lost.
//
// A walk follows from its number alone: `STRIDESCOPE_WALKS=7301` takes that one again, `STRIDESCOPE_WALKS=7301+20` twenty from there on.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chromium, firefox, webkit } from "../support/engines.mjs";
import { isNightly } from "../support/extent.mjs";
import { SECTIONS } from "../support/figures.mjs";
import { serveHosts } from "../support/harness.mjs";
import { errorsSince, read, reload, serveWithBlank, stands } from "../support/state.mjs";

const LIMIT = { timeout: 1_200_000 };
/// With it all 1,000 walks are taken, each time others.
const IS_SOAK = process.env.STRIDESCOPE_SOAK === "1";
/// How many walks an engine takes of each kind: `light` ones through networks without weights, so that pictures alone are the engine's work,
/// with no figure but the first; `plain` ones likewise, with all of them; `asked` ones in which tiny networks answer; and those of an `element` in
/// another page. At every run, at night, and for the soak.
const EXTENT = IS_SOAK ? 2 : isNightly ? 1 : 0;
const ENGINES = [
  ["chromium", () => chromium({ still: true }), { light: [40, 80, 640], plain: [12, 24, 220], asked: [6, 10, 60], element: [8, 16, 80] }],
  ["firefox", firefox, { light: [4, 8, 26], plain: [2, 4, 12], asked: [1, 2, 6], element: [1, 2, 6] }],
  ["webkit", webkit, { light: [4, 8, 26], plain: [2, 4, 12], asked: [1, 2, 6], element: [1, 2, 6] }],
];
const [ONLY, COUNT] = (process.env.STRIDESCOPE_WALKS ?? "").split("+").map((part) => (part ? Number(part) : undefined));
const FIRST = ONLY ?? (IS_SOAK ? Math.floor(Date.now() / 1000) % 1_000_000 : 1);
/// Walks between two loads of the page.
const LEG = 40;
/// Failures after which it is enough.
const ENOUGH = 3;

/// Even numbers from 0 to 1, the same for the same seed (mulberry32).
function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/// The site's own pictures, in the order of their buttons.
const SAMPLES = ["chelsea", "coffee", "camera", "rocket", "astronaut", "grace_hopper", "clock_motion"];
const COLOURS = [[200, 30, 40], [30, 180, 60], [40, 60, 200]];
const KINDS = {
  light: { models: ["resnet18-a", "resnet18-b"], depths: ["resnet18", "resnet34"] },
  plain: { models: ["resnet18-a", "resnet18-b"], depths: ["resnet18", "resnet34"] },
  asked: { models: ["tiny-a", "tiny-d"], depths: ["tiny"] },
};
/// Layers that one family of networks has or not, so that another network may leave them behind.
const NODES = ["layer2.0", "layer1", "layer3.0.conv1", "layer2.0.downsample", "conv1", "conv1.3", "maxpool", "fc", "layer3.5"];

/// Three to eight steps, from its number.
function steps(seed, kind) {
  const roll = dice(seed);
  const one = (list) => list[Math.floor(roll() * list.length)];
  const makers = kind === "element"
    ? [
        [4, () => ["attribute", "models", one(["tiny-a", "tiny-b,tiny-c", "tiny-d", "resnet18-a,resnet18-d", "tiny-a,tiny-b,tiny-c,tiny-d"])]],
        [4, () => ["attribute", "node", one(["layer1.0", "layer2.0", "layer3", "layer1.0.conv1", null])]],
        [2, () => ["attribute", "theme", one(["dark", "light", null])]],
        [1, () => ["attribute", "lang", one(["ko", "en"])]],
        [2, () => ["attribute", "level", one(["blocks", "layers", null])]],
        [2, () => ["method", { node: one(["layer1.0", "layer2.0", "layer3.0"]), channel: Math.floor(roll() * 9) }]],
        [2, () => ["sight", one([true, false])]],
        [1, () => ["anew"]],
      ]
    : [
        [5, () => ["network", one(["A", "B", "C", "D"])]],
        [1, () => ["depth", one(KINDS[kind].depths)]],
        [3, () => ["sample", Math.floor(roll() * 7)]],
        [4, () => ["own", Math.floor(roll() * COLOURS.length)]],
        [3, () => ["shift", [1, 2, 3].map(() => Math.floor(roll() * 33))]],
        [6, () => ["back"]],
        [3, () => ["forward"]],
        [0.3, () => ["reload"]],
        [1, () => ["language", one(["en", "ko"])]],
        [1, () => ["theme"]],
        [3, () => ["script", one([{ channel: 3 }, { colours: "magma" }, { node: "layer1" }, { sort: "mean", scale: "one" }, { count: "flops" }, { probe: "input,3,4,2,zero" }, { at: "200,700" }, { base: null }])]],
        [1, () => ["script", { node: one(NODES) }]],
        // These bring other figures, or are done in them.
        ...(kind === "light" ? [] : [[3, () => ["node", roll()]], [2, () => ["base", roll()]], [4, () => ["link", one(SECTIONS)]]]),
      ];
  const sum = makers.reduce((sum, [weight]) => sum + weight, 0);
  return Array.from({ length: 3 + Math.floor(roll() * 6) }, () => {
    let at = roll() * sum;
    return makers.find(([weight]) => (at -= weight) < 0)[1]();
  });
}

/// Runs in the page: takes steps and returns what does not agree, as `walk`.
function install([colours, samples]) {
  const PATIENCE_MS = 30_000;
  const ANSWERS_MS = 60_000;
  const EITHER = "either";
  const text = (value) => (Array.isArray(value) ? value.join(",") : typeof value === "boolean" ? (value ? "1" : "0") : value === null || value === undefined ? "" : String(value));
  const tick = () => new Promise((resolve) => setTimeout(resolve));
  // New steps in the history: those that a script makes, and those of links to a fragment.
  let [pushed, jumped] = [[], 0];
  const { pushState } = history;
  history.pushState = function (...parts) {
    pushed.push(parts[2]);
    return pushState.apply(this, parts);
  };
  addEventListener("hashchange", () => { jumped += 1; });
  /// Every state of one and the same picture is in an address; those of the reader's own habits may be one for all of the history.
  const without = (query, ...names) => {
    const asked = new URLSearchParams(query);
    names.forEach((name) => asked.delete(name));
    asked.sort();
    return asked.toString();
  };
  /// Near in hue: a picture that is moved has a dark edge.
  const isLike = (a, b) => {
    const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) > 0.97;
  };

  const wrong = (model) => {
    const found = [];
    const state = stridescope.state();
    const asked = Object.fromEntries(new URLSearchParams(location.search));
    for (const [name, value] of Object.entries(state)) {
      const written = name === "image" && value === null ? "own" : text(value);
      // What is open around a layer goes with it.
      if (name === "open" && !("open" in asked)) continue;
      const expected = name in asked ? asked[name] : text(walk.defaults[name]);
      if (written !== expected) found.push(`the state's ${name} is ${written}, the address has ${expected}`);
    }
    const nets = held.nets();
    if (nets.join() !== state.models.join()) found.push(`the networks shown are ${nets}, the state's ${state.models}`);
    if (state.base !== null && !state.models.includes(state.base)) found.push(`the baseline is ${state.base}, of ${state.models}`);
    if (new Set(state.models).size !== state.models.length || state.models.length < 1 || state.models.length > 4) found.push(`${state.models} side by side`);
    const caption = held.one(".picture figcaption b")?.textContent ?? "";
    const source = held.one(".picture .frame img")?.src ?? "";
    const pressed = held.all(".thumb[aria-pressed=true]").map((thumb) => thumb.getAttribute("aria-label"));
    if (model.own === EITHER) {
      // It may come again, or a sample takes its place.
      if (state.image === null ? !source.startsWith("blob:") || pressed.length > 0 : pressed.length !== 1 || caption !== pressed[0]) found.push(`${caption} is shown, and ${pressed} chosen`);
    } else if (model.own) {
      if (state.image !== null) found.push(`${model.own.name} was there, and now the state's picture is ${state.image}`);
      if (caption !== model.own.name || !source.startsWith("blob:")) found.push(`${model.own.name} was there, and now ${caption} is shown`);
      if (pressed.length > 0) found.push(`${model.own.name} is shown, and ${pressed} chosen`);
    } else {
      if (state.image !== model.sample) found.push(`${model.sample} was chosen, and the state's picture is ${state.image ?? "the visitor's own"}`);
      if (pressed.length !== 1 || caption !== pressed[0]) found.push(`${caption} is shown, and ${pressed} chosen`);
    }
    const notice = held.text(".notice p").join(" ");
    if (notice) found.push(`it reports: ${notice}`);
    if (state.lang !== "auto" && document.documentElement.lang !== state.lang) found.push(`the page is in ${document.documentElement.lang}, the state says ${state.lang}`);
    if ((document.documentElement.dataset.theme ?? "auto") !== state.theme) found.push(`the theme is ${document.documentElement.dataset.theme}, the state says ${state.theme}`);
    const shift = held.one(".picture input[type=range]")?.value;
    if (shift !== undefined && Number(shift) !== state.shift) found.push(`the slider stands at ${shift}, the state says ${state.shift}`);
    if (model.kind === "asked" && found.length === 0) {
      const cards = held.all_of_it().cards;
      if (!held.answered()) found.push("not every network has answered");
      else if (cards.some(({ seen }) => seen === null)) found.push("not every network shows what it saw");
      else for (const { net, seen } of cards) {
        if (model.own === EITHER) continue;
        const own = model.own && colours[model.own.colour];
        if (own && !isLike(seen, own)) found.push(`${model.own.name} is shown, and ${net} saw something else: ${seen}`);
        if (!own && colours.some((colour) => isLike(seen, colour))) found.push(`a sample is shown, and ${net} saw ${seen}`);
      }
    }
    return found;
  };
  /// Waits until everything agrees, and returns what does not.
  const agreed = async (model) => {
    const end = performance.now() + (model.kind === "asked" ? ANSWERS_MS : PATIENCE_MS);
    for (let calm = 0; ;) {
      await tick();
      const found = wrong(model);
      calm = found.length === 0 ? calm + 1 : 0;
      // What is to be done soon is done in tasks of its own.
      if (calm > 3) return [];
      if (performance.now() > end) return found;
      if (found.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const choose = (select, value) => {
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const gone = (by) => new Promise((resolve) => {
    const late = setTimeout(resolve, PATIENCE_MS);
    addEventListener("popstate", () => { clearTimeout(late); resolve(); }, { once: true });
    history.go(by);
  });
  const STEPS = {
    network: async (letter) => held.all(".chip").find(({ textContent }) => textContent.trim() === letter)?.click(),
    depth: async (depth) => choose(held.one(".bar select"), depth),
    node: async (share) => {
      const boxes = held.all("svg.diagram [data-node]");
      const buttons = boxes.length > 0 ? boxes : held.all(".strip th button");
      buttons[Math.floor(share * buttons.length)]?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    },
    base: async (share) => {
      const models = stridescope.state().models;
      const select = held.all("#cost select").find((select) => [...select.options].every(({ value }) => models.includes(value)));
      if (select) choose(select, models[Math.floor(share * models.length)]);
    },
    sample: async (at, model) => {
      held.all("button.thumb")[at].click();
      model.own = null;
      model.sample = samples[at];
    },
    own: async (colour, model) => {
      walk.drops = (walk.drops ?? 0) + 1;
      model.own = { name: `mine ${walk.drops}.png`, colour };
      await held.drop(model.own.name, colours[colour]);
    },
    shift: async (values) => held.slide(held.one(".picture input[type=range]"), values),
    link: async (id) => held.link(id),
    language: async (lang) => choose(held.one("select.language"), lang),
    theme: async () => held.all("header button").at(-1).click(),
    script: async (change) => {
      try {
        stridescope.set(change);
      } catch (error) {
        // A layer that no network has: nothing is to be changed.
        if (!(error instanceof RangeError)) throw error;
      }
    },
  };
  /// What a reader may want back.
  const IS_STEP = ["network", "depth", "node", "base", "sample", "shift"];

  window.walk = {
    defaults: stridescope.state(),
    /// Goes back to where every walk starts, and waits there.
    start: async (kind, models) => {
      const model = { kind, own: null, sample: samples[0], entries: [], at: 0 };
      const clear = Object.fromEntries(Object.keys(walk.defaults).filter((name) => !["embed", "image", "lang"].includes(name)).map((name) => [name, null]));
      for (const close of held.all(".notice button")) close.click();
      stridescope.set({ ...clear, models, lang: "en" });
      if (stridescope.state().image !== model.sample) held.all("button.thumb")[0].click();
      const found = await agreed(model);
      model.entries = [{ query: location.search, hash: location.hash, own: null, sample: model.sample }];
      return { model, found };
    },
    /// Where a page that was loaded again stands: the visitor's own picture is gone, as it may be there, with a notice.
    again: async (model) => {
      const notice = held.text(".notice p").join(" ");
      if (model.own) for (const close of held.all(".notice button")) close.click();
      const found = model.own || !notice ? [] : [`loaded again it reports: ${notice}`];
      if (model.own) model.sample = new URLSearchParams(location.search).get("image") ?? samples[0];
      model.own = null;
      found.push(...await agreed(model));
      if (without(location.search, "image") !== without(model.entries[model.at].query, "image")) found.push(`loaded again, the address is ${location.search}, not ${model.entries[model.at].query}`);
      model.entries[model.at] = { query: location.search, hash: location.hash, own: null, sample: model.sample };
      return { model, found };
    },
    take: async (model, [name, ...what]) => {
      const before = { query: location.search, hash: location.hash };
      [pushed, jumped] = [[], 0];
      const by = { back: -1, forward: 1 }[name];
      if (by !== undefined) {
        if (!model.entries[model.at + by]) return { model, found: [] };
        model.at += by;
        const expected = model.entries[model.at];
        if (!model.own && expected.own) model.own = EITHER;
        else if (!model.own) model.sample = expected.sample;
        await gone(by);
        const found = await agreed(model);
        if (model.own === EITHER) model.own = stridescope.state().image === null ? { ...expected.own, name: held.one(".picture figcaption b").textContent } : null;
        model.sample = stridescope.state().image ?? model.sample;
        const habits = ["image", "lang", "theme"];
        if (without(location.search, ...habits) !== without(expected.query, ...habits)) found.push(`the address is ${location.search}, and was ${expected.query}`);
        if (location.hash !== expected.hash) found.push(`the fragment is ${location.hash}, and was ${expected.hash}`);
        if (pushed.length > 0) found.push(`going through the history made new steps in it: ${pushed.join(" ")}`);
        model.entries[model.at] = { query: location.search, hash: location.hash, own: model.own, sample: model.sample };
        return { model, found };
      }
      await STEPS[name](...what, model);
      const found = await agreed(model);
      const now = { query: location.search, hash: location.hash, own: model.own, sample: model.sample };
      const made = pushed.length + jumped;
      if (made > 1) found.push(`one ${name} made ${made} steps in the history: ${pushed.join(" ")}`);
      if (IS_STEP.includes(name) && now.query !== before.query && made === 0) found.push(`one ${name} cannot be taken back`);
      if (made > 0) {
        model.entries.splice(model.at + 1);
        model.at += 1;
      }
      model.entries[model.at] = now;
      return { model, found };
    },
  };
}

/// Runs in a page with an element: takes steps and returns what does not agree, as `walk`.
function installElement() {
  const PATIENCE_MS = 15_000;
  const text = (value) => (Array.isArray(value) ? value.join(",") : String(value));
  const element = () => document.querySelector("stride-scope");
  const errors = [];
  document.addEventListener("stridescope-error", ({ detail }) => errors.push(detail));
  /// What of a list of attributes and the figure's state is not as requested.
  const wrong = (model) => {
    const found = errors.map((sentence) => `it reports: ${sentence}`);
    const state = element().state;
    for (const [name, value] of Object.entries(model.attributes)) {
      const written = element().getAttribute(name);
      // What is as it was at first need not be written, and what is written may be what the figure has.
      const isSame = written === value || (model.isSeen && state && [written, value].every((it) => it === null || it === text(state[name])));
      if (!isSame) found.push(`the attribute ${name} is ${written}, and was set to ${value}`);
      if (model.isSeen && value !== null && state && text(state[name]) !== value) found.push(`the figure's ${name} is ${text(state[name])}, and ${value} was requested`);
    }
    if (model.isSeen && !state) found.push("the figure does not come");
    return found;
  };
  const agreed = async (model) => {
    const end = performance.now() + PATIENCE_MS;
    for (let calm = 0; ;) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      const found = wrong(model);
      calm = found.length === 0 ? calm + 1 : 0;
      if (calm > 3 || performance.now() > end) return found;
    }
  };
  const see = (isSeen) => (isSeen ? element().scrollIntoView({ block: "center" }) : scrollTo(0, 0));
  const put = () => {
    element()?.remove();
    const made = document.createElement("stride-scope");
    made.setAttribute("figure", "architecture");
    made.setAttribute("models", "tiny-a");
    document.getElementById("place").append(made);
    return { isSeen: false, attributes: { models: "tiny-a" } };
  };
  window.walk = {
    start: async () => {
      errors.length = 0;
      scrollTo(0, 0);
      const model = put();
      return { model, found: await agreed(model) };
    },
    take: async (model, [name, ...what]) => {
      if (name === "attribute") {
        const [key, value] = what;
        if (value === null) element().removeAttribute(key);
        else element().setAttribute(key, value);
        // One that goes is the default again, as the figure then reports.
        model.attributes[key] = value;
      } else if (name === "method") {
        // A call has it loaded.
        const state = await element().set(what[0]).catch((error) => { errors.push(`refused: ${error.message}`); });
        for (const [key, value] of Object.entries(what[0])) if (state && text(state[key]) !== text(value)) errors.push(`set: ${key} is ${state[key]}, not ${value}`);
        for (const [key, value] of Object.entries(what[0])) model.attributes[key] = text(value);
        model.isSeen = true;
      } else if (name === "sight") {
        see(what[0]);
        model.isSeen ||= what[0];
      } else if (name === "anew") {
        scrollTo(0, 0);
        Object.assign(model, put());
      }
      return { model, found: await agreed(model) };
    },
    /// In the end it comes into sight.
    end: async (model) => {
      see(true);
      model.isSeen = true;
      return { model, found: await agreed(model) };
    },
  };
}

async function open(browser, site, kind) {
  if (kind === "element") {
    await browser.goto(site.put("element", `<!doctype html><html lang="en"><meta charset="utf-8"><title>element</title><script src="${site.url}stride-scope.js"></script>
      <div style="height: 20000px">far away</div><div id="place"></div><div style="height: 2000px"></div></html>`));
    await browser.evaluate(installElement);
    return;
  }
  await browser.goto(`${site.url}blank.html`);
  await browser.goto(site.url);
  await stands(browser);
  await ready(browser, kind);
  await browser.evaluate(install, [COLOURS, SAMPLES]);
}

/// Waits for the script API, and for the figures that a walk needs.
const ready = (browser, kind) => browser.until("the script API and a picture are there", (isLight) => {
  if (!isLight) dispatchEvent(new Event("pointermove"));
  return window.stridescope && (isLight || document.querySelectorAll("section").length >= 8) && document.querySelector(".picture .frame img");
}, kind === "light");

/// Takes a walk; returns what went wrong on it, with the steps until then.
async function take(browser, kind, seed) {
  const path = steps(seed, kind);
  const report = (found, at) => (found.length > 0 ? `walk ${seed} (${kind}), after ${path.slice(0, at).map((step) => JSON.stringify(step)).join(" ") || "its start"}: ${found.join("; ")}` : null);
  let { model, found } = await browser.evaluate((kind, models) => walk.start(kind, models), kind, KINDS[kind]?.models ?? []);
  for (let at = 0; at < path.length;) {
    if (found.length > 0) return report(found, at);
    if (path[at][0] === "reload") {
      const { defaults, drops } = await browser.evaluate(() => ({ defaults: walk.defaults, drops: walk.drops }));
      await reload(browser);
      await ready(browser, kind);
      await browser.evaluate(install, [COLOURS, SAMPLES]);
      await browser.evaluate((defaults, drops) => Object.assign(walk, { defaults, drops }), defaults, drops);
      ({ model, found } = await browser.evaluate((model) => walk.again(model), model));
      at += 1;
      continue;
    }
    // Where no answers are waited for, all up to the next reload go in one call.
    const next = path.findIndex(([name], i) => i >= at && name === "reload");
    const some = path.slice(at, !["light", "plain"].includes(kind) ? at + 1 : next < 0 ? path.length : next);
    let taken;
    ({ model, found, taken } = await browser.evaluate(async (model, some) => {
      for (let i = 0; i < some.length; i++) {
        const after = await walk.take(model, some[i]);
        if (after.found.length > 0) return { ...after, taken: i + 1 };
        model = after.model;
      }
      return { model, found: [], taken: some.length };
    }, model, some));
    at += taken;
    if (found.length > 0) return report(found, at);
  }
  if (found.length > 0) return report(found, path.length);
  if (kind === "element") ({ found } = await browser.evaluate((model) => walk.end(model), model));
  return report(found, path.length);
}

for (const [name, start, counts] of ENGINES) {
  describe(`random walks in ${name}`, () => {
    let server, hosts, started;
    const launched = () => (started ??= start());
    before(async () => {
      server = await serveWithBlank();
      hosts = await serveHosts();
    });
    after(async () => {
      await (await started?.catch(() => null))?.close();
      await hosts?.close();
      await server?.close();
    }, LIMIT);

    for (const [kind, { [EXTENT]: count }] of Object.entries(counts)) {
      test(`${ONLY === undefined ? count : COUNT ?? 1} ${kind} ones, from number ${FIRST} on`, LIMIT, async () => {
        const browser = await launched();
        await browser.resize(1000, 800);
        const before = (await browser.errors()).length;
        const wrong = [];
        const all = ONLY === undefined ? count : COUNT ?? 1;
        const since = Date.now();
        let walked = 0;
        for (; walked < all && wrong.length < ENOUGH; walked++) {
          const isAfterFailure = wrong.length > 0 && wrong.at(-1).startsWith(`walk ${FIRST + walked - 1} `);
          if (walked % LEG === 0 || isAfterFailure) await open(browser, { url: server.url, put: hosts.put }, kind);
          const found = await take(browser, kind, FIRST + walked);
          if (found) wrong.push(found);
        }
        console.log(`# ${name}: ${walked} ${kind} walks in ${((Date.now() - since) / 1000).toFixed(0)} s`);
        assert.deepEqual(wrong, [], `take one of them again with STRIDESCOPE_WALKS=NUMBER`);
        assert.deepEqual(await errorsSince(browser, before), []);
      });
    }
  });
}
