// What the page holds and where it stands: the visitor's own picture, the place in the page, the steps of the history, what follows from a change, and
// the language. Driven by the page alone: its elements, its addresses, `window.stridescope` and `<stride-scope>`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { install, press } from "../support/actions.mjs";
import { isNightly } from "../support/extent.mjs";
import { SECTIONS } from "../support/figures.mjs";
import { project } from "../support/harness.mjs";
import { allThere, go, now, read, reload, settled, visit } from "../support/state.mjs";

const PAIR = "?models=tiny-a,tiny-d";
/// The links of the header that are followed: at night all of them, else one that is there at once, one that is reached over what loads, and the last.
const LINKS = isNightly ? SECTIONS : ["architecture", "cost", "learn"];
/// A heading stands just below the bar: not under it, and by no more than a section's own padding away.
const [CLOSEST, FARTHEST] = [0, 120];

/// Waits until the networks have answered for a picture of this colour.
const answeredFor = (browser, colour) => browser.until(`every network has seen ${colour}`, (colour) => {
  const near = (other) => other?.every((value, i) => Math.abs(value - colour[i]) < 40);
  return held.answered() && held.all_of_it().cards.every(({ seen }) => near(seen));
}, colour);

const near = (a, b) => a !== null && a.every((value, i) => Math.abs(value - b[i]) < 40);

/// What is on show is still the visitor's picture, with its answers, in the page and in its address.
async function isStill(browser, own, what) {
  await browser.until("every network answers", () => held.answered());
  await settled(browser);
  const held = await now(browser);
  const is = {
    title: held.caption.startsWith(own.title), isOwn: held.isOwn, isShown: held.colour !== null && near(held.colour, own.colour), image: held.asked.image,
    areOfIt: held.cards.map(({ seen }) => seen !== null && near(seen, own.colour)), notice: held.notice,
  };
  assert.deepEqual(is, { title: true, isOwn: true, isShown: true, image: "own", areOfIt: held.cards.map(() => true), notice: "" }, what);
}

/// What is wrong with the place of a section or of a heading, once it has had time to come there. Before all of a page has come it may end too early.
async function headingStands(browser, id, what, isWhole = false) {
  const stands = () => browser.evaluate(([id, closest, farthest, isWhole]) => {
    const [below, rest] = [held.below(id), held.rest()];
    return { below, rest, is: below !== null && below >= closest && (below <= farthest || (!isWhole && rest <= 1)) };
  }, [id, CLOSEST, FARTHEST, isWhole]);
  // Between a change of the height and the next frame of a busy engine, the section is not yet back in its place.
  let found;
  for (let tries = 0; tries < 20 && !found?.is; tries++) {
    await settled(browser);
    found = await stands();
  }
  const { below, rest, is } = found;
  return is ? null : `${what}: #${id} is ${below} px below the bar, ${rest} px above the page's end`;
}

/// Opens a host's page with an element out of sight, which records its events. Timeouts of tens of seconds end when the test ends them.
async function far(browser, site, attributes) {
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>far</title><script>
      window.events = [];
      const patient = [];
      const start = window.setTimeout;
      // WebKit's driver has its own in the page.
      const isOurs = () => new Error().stack.includes("stride-scope.js");
      window.setTimeout = (what, ms, ...rest) => (ms >= 10_000 && isOurs() ? patient.push(what) : start(what, ms, ...rest));
      window.losePatience = () => patient.splice(0).forEach((what) => what());
      for (const type of ["ready", "state", "prediction", "error"]) document.addEventListener("stridescope-" + type, ({ detail }) => events.push({ type, detail }));
    </script><script src="${site.url}stride-scope.js"></script>
    <div style="height: 20000px">far away</div><stride-scope ${attributes}></stride-scope><div style="height: 2000px"></div></html>`;
  await browser.goto(site.put("far", body));
}

const near_it = (browser) => browser.evaluate(() => document.querySelector("stride-scope").scrollIntoView({ block: "center" }));
const set = (browser, name, value) => browser.evaluate((name, value) => {
  const element = document.querySelector("stride-scope");
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}, name, value);
const errorEvents = (browser) => browser.evaluate(() => events.filter(({ type }) => type === "error").map(({ detail }) => detail));

/// The Korean of every English sentence, as a pattern of each that finds it within a text.
function english() {
  const sentences = Object.entries(JSON.parse(readFileSync(join(project, "assets/lang/ko.json"), "utf8")));
  const letters = (text) => text.replace(/\{[^}]*\}/g, "").replace(/[^A-Za-z]/g, "").length;
  // A format's name, as its button has it.
  const names = ["Markdown"];
  return sentences.flatMap(([key, korean]) => {
    if (letters(key) < 4 || names.includes(key) || !/[가-힣]/.test(korean)) return [];
    const pattern = key.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".{0,300}?");
    // A word or two may be a name within another language's sentence; alone they are a text.
    const isLong = letters(key) >= 14 && /[a-z] [a-z]/.test(key) && !korean.includes(key);
    return [{ key, pattern: new RegExp(isLong ? pattern : `^${pattern}[.:]?$`, isLong ? "i" : "") }];
  });
}

const HANGUL = /[가-힣]/;

/// Scenarios that follow from the page alone and are the same in every engine; the others rest on how an engine scrolls, keeps its history, reads
/// pictures or limits scripts.
export const SAME_EVERYWHERE = new Set([
  "a figure's way to the whole page leads to that figure",
  "attributes of a figure out of sight: nothing is wrong, and the newest are what comes",
  "attributes of a figure that has just begun to load: the newest are what comes",
  "a slider that is dragged is one step back",
  "layers that were played are one step back",
  "a probe that is dragged is one step back",
  "what goes with a network that is switched off goes with it",
  "a language that is chosen is used everywhere",
  "lists may have spaces and commas to spare, and an unknown parameter is reported",
]);

/// Each scenario: `(browser, site)`. A site has its `url`, what every link to it has besides as `extra`, and `put(name, body)` for a page of another origin.
export const SCENARIOS = {
  "the visitor's own picture stays through links, Back and Forward": async (browser, site) => {
    const own = { title: "mine.png", colour: [200, 30, 40] };
    await visit(browser, site, "?models=tiny-a");
    await browser.until("it answers", () => held.answered());
    await browser.evaluate((own) => held.drop(own.title, own.colour), own);
    await answeredFor(browser, own.colour);
    await isStill(browser, own, "once it is there");
    const { cards } = await now(browser);
    await browser.evaluate(() => held.link("cost"));
    await browser.until("the link leads there", () => location.hash === "#cost");
    await isStill(browser, own, "after a link of the header");
    await go(browser, -1);
    await browser.until("it is gone back", () => location.hash === "");
    await isStill(browser, own, "after Back");
    await go(browser, 1);
    await browser.until("it is gone forward", () => location.hash === "#cost");
    await isStill(browser, own, "after Forward");
    assert.deepEqual((await now(browser)).cards, cards, "its answer is the same");

    await browser.evaluate(() => held.chip("B"));
    await browser.until("two are there", () => held.nets().length === 2 && held.answered());
    await isStill(browser, own, "with another network");
    await go(browser, -1);
    await browser.until("one is there", () => held.nets().join() === "tiny-a");
    await isStill(browser, own, "back at one network");
    await go(browser, 1);
    await browser.until("two are there again", () => held.nets().join() === "tiny-a,tiny-b");
    await isStill(browser, own, "forward to two networks");
  },

  "Back right after a picture of one's own leaves it there, and Forward as well": async (browser, site) => {
    const own = { title: "mine.png", colour: [30, 60, 200] };
    await visit(browser, site, "?models=tiny-a");
    await browser.until("it answers", () => held.answered());
    // A step that Back can take without leaving the page, wherever the picture stands in the history.
    await browser.evaluate(() => held.chip("B"));
    await browser.until("two answer", () => held.nets().length === 2 && held.answered());
    await browser.evaluate((own) => held.drop(own.title, own.colour), own);
    await answeredFor(browser, own.colour);
    await go(browser, -1);
    await isStill(browser, own, "after Back");
    await go(browser, 1);
    await isStill(browser, own, "after Forward");
    assert.deepEqual(await browser.evaluate(() => held.nets()), ["tiny-a", "tiny-b"]);
  },

  "what is drawn stays through links, Back and Forward, and so does the drawing itself": async (browser, site) => {
    await visit(browser, site, "?models=tiny-a");
    await browser.until("it answers", () => held.answered());
    await browser.evaluate(install);
    await press(browser, "Draw on it", ".picture");
    await browser.until("there is something to draw on", () => held.one(".picture canvas")?.width > 100 && /Draw/.test(held.text(".picture figcaption")[0]));
    const blank = await browser.evaluate(() => held.colour(held.one(".picture canvas")).join());
    await browser.evaluate(() => { for (let y = 0.1; y < 0.9; y += 0.02) held.stroke([0.1, y], [0.9, y]); });
    await browser.until("it is the picture", () => held.asked("image") === "own" && held.answered());
    const drawn = await browser.evaluate(() => held.colour(held.one(".picture canvas")).join());
    assert.notEqual(drawn, blank);
    const canvas = async (what) => {
      await settled(browser);
      const { isLive, notice, asked } = await now(browser);
      assert.deepEqual([isLive, notice, asked.image], [true, "", "own"], what);
      assert.equal(await browser.evaluate(() => held.colour(held.one(".picture canvas")).join()), drawn, what);
    };
    await browser.evaluate(() => held.link("cost"));
    await browser.until("the link leads there", () => location.hash === "#cost");
    await canvas("after a link of the header");
    await go(browser, -1);
    await browser.until("it is gone back", () => location.hash === "");
    await canvas("after Back");
    await go(browser, 1);
    await browser.until("it is gone forward", () => location.hash === "#cost");
    await canvas("after Forward");
    await press(browser, "Stop", ".picture");
    await browser.until("it is a picture", () => held.text(".picture figcaption b")[0] === "Drawn on" && held.answered());
    const own = { title: "Drawn on", colour: (await now(browser)).colour };
    await go(browser, -1);
    await isStill(browser, own, "when drawn, after Back");
    await go(browser, 1);
    await isStill(browser, own, "when drawn, after Forward");
  },

  "an address that the browser refuses, since it has changed too often, stands in it later": async (browser, site) => {
    await visit(browser, site, "?models=tiny-a");
    await browser.until("it answers", () => held.answered());
    await browser.evaluate(() => {
      for (let i = 0; i < 400; i++) try { history.replaceState(null, "", location.href); } catch { break; }
      held.chip("B");
    });
    await browser.until("the address has both", () => held.nets().length === 2 && held.asked("models") === "tiny-a,tiny-b");
    await go(browser, -1);
    await browser.until("it is a step that can be taken back", () => held.nets().join() === "tiny-a" && held.asked("models") === "tiny-a");
  },

  "a link to a section arrives there, and stays while the rest comes": async (browser, site) => {
    const wrong = [];
    for (const id of ["cost", "strides", "learn", "learn-d"]) {
      await visit(browser, site, `${PAIR}#${id}`);
      await settled(browser);
      wrong.push(await headingStands(browser, id, "opened"));
      await allThere(browser);
      wrong.push(await headingStands(browser, id, "when all has come", true));
    }
    assert.deepEqual(wrong.filter(Boolean), []);
  },

  "a page that is loaded again at a section arrives there": async (browser, site) => {
    const wrong = [];
    for (const id of ["cost", "learn"]) {
      await visit(browser, site, `${PAIR}#${id}`);
      await allThere(browser);
      await reload(browser);
      await settled(browser);
      wrong.push(await headingStands(browser, id, "loaded again"));
      await allThere(browser);
      wrong.push(await headingStands(browser, id, "loaded again, when all has come", true));
    }
    assert.deepEqual(wrong.filter(Boolean), []);
  },

  "a figure's way to the whole page leads to that figure": async (browser, site) => {
    const wrong = [];
    for (const [figure, id] of [["cost", "cost"], ["strides", "strides"], ["field", "field"]]) {
      await browser.goto(`${site.url}blank.html`);
      await browser.goto(`${site.url}?embed=${figure}&models=tiny-a,tiny-d`);
      await browser.until("the figure leads to the whole page", () => document.querySelector(".from a")?.href);
      // A page that is left while it loads has errors of its own.
      await browser.evaluate(read);
      await settled(browser);
      const address = await browser.evaluate(() => document.querySelector(".from a").href);
      await visit(browser, site, address.slice(site.url.length));
      await allThere(browser);
      wrong.push(await headingStands(browser, id, `from ${figure}`, true));
    }
    assert.deepEqual(wrong.filter(Boolean), []);
  },

  "once its reader has moved, a page that came to a section leaves them where they are": async (browser, site) => {
    await visit(browser, site, `${PAIR}#cost`);
    await allThere(browser);
    const wrong = await headingStands(browser, "cost", "opened");
    assert.equal(wrong, null);
    await browser.evaluate(() => {
      dispatchEvent(new WheelEvent("wheel", { deltaY: -4000, bubbles: true }));
      scrollTo({ top: 0, behavior: "instant" });
    });
    await settled(browser);
    // What is above the section grows by a lot.
    await press(browser, "Open all", "#architecture");
    await browser.until("every block is open", () => held.all(".join").length > 10);
    await settled(browser);
    assert.equal(await browser.evaluate(() => Math.round(scrollY)), 0);
  },

  "the first click on a link of the header lands on its section, and stays": async (browser, site) => {
    const wrong = [];
    for (const id of LINKS) {
      await visit(browser, site, PAIR);
      await browser.evaluate((id) => held.link(id), id);
      await settled(browser);
      wrong.push(await headingStands(browser, id, "clicked first"));
      await allThere(browser);
      wrong.push(await headingStands(browser, id, "clicked first, when all has come", true));
    }
    assert.deepEqual(wrong.filter(Boolean), []);
  },

  "attributes of a figure out of sight: nothing is wrong, and the newest are what comes": async (browser, site) => {
    await far(browser, site, 'figure="architecture" models="tiny-a" node="layer1.0"');
    await set(browser, "models", "tiny-b");
    await set(browser, "node", "layer2.0");
    await set(browser, "models", "tiny-d,tiny-c");
    await set(browser, "node", "layer3.0");
    await browser.evaluate(() => losePatience());
    await set(browser, "theme", "dark");
    await browser.evaluate(() => losePatience());
    await browser.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
    assert.deepEqual(await errorEvents(browser), [], "nothing had begun that could fail");
    assert.equal(await browser.evaluate(() => events.length), 0, "nothing was loaded");
    await near_it(browser);
    await browser.until("the figure is ready", () => events.some(({ type }) => type === "ready"));
    await browser.until("it has the newest of all attributes", () => {
      const { models, node, theme } = document.querySelector("stride-scope").state;
      return `${models} ${node} ${theme}` === "tiny-d,tiny-c layer3.0 dark";
    }).catch(() => {});
    const { state, attributes } = await browser.evaluate(() => {
      const element = document.querySelector("stride-scope");
      const { models, node, theme } = element.state;
      return { state: { models: `${models}`, node, theme }, attributes: Object.fromEntries(["models", "node", "theme"].map((name) => [name, element.getAttribute(name)])) };
    });
    assert.deepEqual(state, { models: "tiny-d,tiny-c", node: "layer3.0", theme: "dark" });
    assert.deepEqual(attributes, state);
    const frame = await browser.frame("stride-scope >>> iframe");
    await frame.until("these are drawn", () => document.querySelectorAll("svg.diagram").length === 2 && document.documentElement.dataset.theme === "dark");
    assert.deepEqual(await errorEvents(browser), []);
  },

  "attributes of a figure that has just begun to load: the newest are what comes": async (browser, site) => {
    await far(browser, site, 'figure="architecture" models="tiny-a" node="layer1.0"');
    await near_it(browser);
    for (const models of ["tiny-b", "tiny-c", "tiny-d"]) await set(browser, "models", models);
    await set(browser, "node", null);
    await browser.until("the figure is ready", () => events.some(({ type }) => type === "ready"));
    await browser.until("it has the newest", () => `${document.querySelector("stride-scope").state.models}` === "tiny-d");
    assert.deepEqual(await browser.evaluate(() => {
      const element = document.querySelector("stride-scope");
      return [element.getAttribute("models"), element.state.node];
    }), ["tiny-d", "layer2.0"]);
    assert.deepEqual(await errorEvents(browser), []);
  },

  "a slider that is dragged is one step back": async (browser, site) => {
    await visit(browser, site, `${PAIR}&theme=light`);
    await allThere(browser);
    const wrong = [];
    const cases = [["the picture's shift", ".picture input[type=range]", [3, 5, 8, 9, 10, 12, 14, 15, 16, 18]], ["down in the field", "#field input[type=range]", [520, 560, 600, 640, 700, 720, 760]]];
    for (const [what, slider, values] of cases) {
      // What came before is a step of its own.
      await browser.evaluate(() => held.chip("B"));
      await settled(browser);
      const before = (await now(browser)).query;
      await browser.evaluate((slider, values) => held.slide(held.one(slider), values), slider, values);
      await settled(browser);
      const after = (await now(browser)).query;
      assert.notEqual(after, before, `${what} moves`);
      await go(browser, -1);
      await settled(browser);
      const back = (await now(browser)).query;
      if (back !== before) wrong.push(`${what}: Back from ${after} is ${back}, not ${before}`);
      const value = await browser.evaluate((slider) => held.one(slider).value, slider);
      if (value === `${values.at(-1)}`) wrong.push(`${what}: the slider stays at ${value}`);
      await go(browser, 1);
      await settled(browser);
      const forward = (await now(browser)).query;
      if (forward !== after) wrong.push(`${what}: Forward is ${forward}, not ${after}`);
    }
    assert.deepEqual(wrong, []);
  },

  "layers that were played are one step back": async (browser, site) => {
    await visit(browser, site, "?models=tiny-a&node=conv1");
    await allThere(browser);
    await browser.evaluate(() => held.chip("B"));
    await settled(browser);
    const before = (await now(browser)).query;
    await press(browser, "Channels", "#features");
    await browser.until("both are drawn", () => held.all("#features .enlarged img").length >= 2);
    // With the layer on, so that the history's steps can be told apart.
    await press(browser, "Play", "#features");
    const passed = new Set();
    for (let tries = 0; passed.size < 4 && tries < 300; tries++) {
      passed.add(await browser.evaluate(() => held.asked("node")));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(passed.size >= 4, `it plays: ${[...passed]}`);
    await press(browser, "Pause", "#features");
    await settled(browser);
    await go(browser, -1);
    await settled(browser);
    assert.equal((await now(browser)).query, before);
  },

  "a probe that is dragged is one step back": async (browser, site) => {
    await visit(browser, site, "?models=tiny-a&node=layer1");
    await allThere(browser);
    await press(browser, "Channels", "#features");
    await browser.until("it is drawn", () => held.all("#features .enlarged img").length >= 1);
    await browser.evaluate(() => {
      const select = held.all("#features select").find((select) => [...select.options].some(({ value }) => value === "zero"));
      select.value = "zero";
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
    await browser.evaluate(() => held.chip("B"));
    await browser.until("both are drawn", () => held.all("#features .enlarged img").length >= 2);
    await settled(browser);
    const before = (await now(browser)).query;
    await browser.evaluate(() => held.drag(held.one("#features .enlarged"), [[0.2, 0.2], [0.3, 0.3], [0.4, 0.3], [0.5, 0.4], [0.6, 0.5]]));
    await browser.until("it is changed there", () => held.asked("probe") !== null);
    await settled(browser);
    await go(browser, -1);
    await settled(browser);
    assert.equal((await now(browser)).query, before);
  },

  "what goes with a network that is switched off goes with it": async (browser, site) => {
    const cases = [
      ["the baseline, switched off", "?models=tiny-a,tiny-b,tiny-d&base=tiny-d", () => held.chip("D"), "tiny-a,tiny-b"],
      ["a layer of its own, switched off", "?models=tiny-a,tiny-d&node=conv1.3", () => held.chip("D"), "tiny-a"],
      ["the baseline, of another depth", "?models=tiny-a,tiny-b,tiny-d&base=tiny-d", () => seen.choose(".bar select", "resnet18"), "resnet18-a,resnet18-b,resnet18-d"],
      ["a layer that another depth lacks", "?models=resnet101-a,resnet101-b&node=layer3.20", () => seen.choose(".bar select", "resnet34"), "resnet34-a,resnet34-b"],
      ["a layer, by a script", "?models=tiny-a,tiny-d&node=conv1.3", () => stridescope.set({ models: ["tiny-a"] }), "tiny-a"],
    ];
    const wrong = [];
    for (const [what, query, change, models] of cases) {
      await visit(browser, site, query);
      await browser.evaluate(install);
      await browser.until("the script API is there", () => window.stridescope);
      await settled(browser);
      assert.equal((await now(browser)).notice, "", `${what}: the link makes sense`);
      await browser.evaluate(change);
      await browser.until("other networks are there", (models) => held.nets().join() === models, models);
      await settled(browser);
      const check = async (when) => {
        const { asked, state, notice, cards } = await now(browser);
        if (asked.base !== undefined && !models.split(",").includes(asked.base)) wrong.push(`${what}, ${when}: base=${asked.base}`);
        if (asked.node === "conv1.3" || asked.node === "layer3.20") wrong.push(`${what}, ${when}: node=${asked.node}`);
        if (state && state.base !== null && !models.split(",").includes(state.base)) wrong.push(`${what}, ${when}: the state's base is ${state.base}`);
        if (notice) wrong.push(`${what}, ${when}: the notice is ${notice}`);
        if (cards.map(({ net }) => net).join() !== models) wrong.push(`${what}, ${when}: the networks are ${cards.map(({ net }) => net)}`);
      };
      await check("then");
      await browser.evaluate(() => held.link("cost"));
      await settled(browser);
      await check("after a link of the header");
      await reload(browser);
      await settled(browser);
      await check("loaded again");
    }
    assert.deepEqual(wrong, []);
  },

  "a language that is chosen is used everywhere": async (browser, site) => {
    await visit(browser, site, `${PAIR},tiny-b@file:mine.safetensors&node=layer2.0&probe=input,60,60,4,zero&lang=en&colours=purple`);
    await browser.evaluate(install);
    await browser.until("every figure comes", () => {
      dispatchEvent(new Event("pointermove"));
      return held.all("section").length >= 8 && held.all("section[aria-busy=true]").length === 0;
    });
    await browser.until("two answer, and one cannot", () => held.all(".answer .top .row").length === 10 && held.all(".answer .problem").length === 1);
    const standing = await browser.evaluate(() => held.text(".notice p").join(" "));
    assert.match(standing, /purple/);
    // All that figures compute and show of it.
    await press(browser, "Class activation", "#features");
    await browser.until("classes are drawn", () => held.all("#features .wall img").length === 10);
    await press(browser, "Compute", "#field");
    await browser.until("fields are drawn", () => held.all("#field .lit img:not(.behind)").length === 2);
    await press(browser, "Set them to zero", "#strides");
    await browser.until("it was tried", () => held.text("#strides .checked").filter(Boolean).length === 2);
    await settled(browser);

    const chooseLanguage = async (lang) => {
      await browser.evaluate((lang) => seen.choose("select.language", lang), lang);
      await browser.until(`the page is in ${lang}`, (lang) => document.documentElement.lang === lang && held.all("section").length >= 8 && held.all("section[aria-busy=true]").length === 0, lang);
      await browser.until("the answers are there", () => held.all(".answer .top .row").length === 10);
      await settled(browser);
      await browser.evaluate(() => held.all("details").forEach((details) => { details.open = true; }));
      return browser.evaluate(() => held.words());
    };
    const patterns = english();
    const korean = await chooseLanguage("ko");
    const left = korean.flatMap(({ where, text }) => {
      const found = patterns.find(({ pattern }) => pattern.test(text));
      return found && !HANGUL.test(text) ? [`${where}: ${text.slice(0, 100)}`] : [];
    });
    assert.deepEqual([...new Set(left)], [], "English in the Korean page");
    const classes = await browser.evaluate(() => held.all(".answer .row > span:first-child").map(({ textContent }) => textContent));
    assert.ok(classes.length === 10 && classes.every((name) => HANGUL.test(name)), `classes: ${classes}`);
    const notice = await browser.evaluate(() => held.text(".notice p").join(" "));
    assert.ok(/purple/.test(notice) && HANGUL.test(notice), `the standing notice: ${notice}`);

    // And back, with what was computed and shown in Korean.
    await press(browser, "채널", "#features");
    await browser.until("the number of values that differ is shown", () => held.text("#features .checked").filter(Boolean).length === 2);
    await browser.evaluate(() => seen.drop("assets/catalogue.json", "none.jpg"));
    await browser.until("a notice reports what is wrong", () => held.text(".notice p").some((text) => text.includes("none.jpg")));
    const back = await chooseLanguage("en");
    const foreign = back.filter(({ text }) => HANGUL.test(text)).map(({ where, text }) => `${where}: ${text.slice(0, 100)}`);
    assert.deepEqual([...new Set(foreign)], [], "Korean in the English page");
    assert.match(await browser.evaluate(() => held.text(".notice p").join(" ")), /none\.jpg: .*[a-z]/, "the notice stands");
  },

  "lists may have spaces and commas to spare, and an unknown parameter is reported": async (browser, site) => {
    const wrong = [];
    for (const list of ["tiny-a, tiny-d", "tiny-a,tiny-d,", " tiny-a,tiny-d", "tiny-a,,tiny-d", "tiny-a , tiny-d ,"]) {
      for (const written of [encodeURIComponent(list), list.replaceAll(" ", "+")]) {
        await visit(browser, site, `?models=${written}`);
        // A page that is left while it loads has errors of its own.
        await settled(browser);
        const { cards, notice } = await now(browser);
        const nets = cards.map(({ net }) => net).join();
        if (nets !== "tiny-a,tiny-d" || notice) wrong.push(`${written}: ${nets}; ${notice}`);
      }
    }
    for (const [query, name] of [["?modles=tiny-a", "modles"], ["?models=tiny-a&imgae=coffee", "imgae"]]) {
      await visit(browser, site, query);
      await settled(browser);
      const { notice } = await now(browser);
      if (!notice.includes(name)) wrong.push(`${query}: the notice is "${notice}"`);
    }
    assert.deepEqual(wrong, []);
  },

  "window.stridescope is there as soon as the page is, without a gesture": async (browser, site) => {
    await visit(browser, site, "?models=tiny-a");
    await browser.until("the script API is there", () => window.stridescope !== undefined);
    const node = await browser.evaluate(async () => {
      await stridescope.ready;
      const node = new Promise((resolve) => stridescope.on("state", resolve));
      stridescope.set({ node: "layer3.0" });
      return (await node).node;
    });
    assert.equal(node, "layer3.0");
    assert.equal(await browser.evaluate(() => held.asked("node")), "layer3.0");
    await browser.until("it answers", () => held.answered());
  },
};
