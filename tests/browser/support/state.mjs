// Opens the page in the verbs that every engine has (engines.mjs), lets it come to rest, and reads what it holds and where it stands.
import { install } from "./actions.mjs";
import { serve } from "./harness.mjs";

/// What is no error: what Firefox reports of files that a page was still loading when it was left, which a scenario does time and again, and what WebKit
/// reports of a height that changes twice within a frame while the reader is led to a section; the second is observed in the next one.
const NO_ERRORS = /^Failed to load .* A ServiceWorker intercepted the request|^TypeError: NetworkError when attempting to fetch resource\.$|^ResizeObserver loop completed/;
/// Serves the site, with an empty page of its origin beside it: `blank.html`.
export const serveWithBlank = () => serve((path, _request, response) => {
  if (path !== "/some/path/blank.html") return false;
  response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>blank</title><link rel=\"icon\" href=\"data:,\">");
  return true;
});

/// The errors since there were so many, but for those.
export const errorsSince = async (browser, count) => (await browser.errors()).slice(count).filter((error) => !NO_ERRORS.test(error));

/// Runs in the page: what it holds, as `held`.
export function read() {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const text = (selector) => all(selector).map((element) => element.textContent.trim());
  /// The mean colour of what an `<img>` or a canvas shows.
  const colour = (shown) => {
    const canvas = document.createElement("canvas");
    const side = 32;
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(shown, 0, 0, side, side);
    const { data } = context.getImageData(0, 0, side, side);
    return [0, 1, 2].map((channel) => {
      let sum = 0;
      for (let i = channel; i < data.length; i += 4) sum += data[i];
      return Math.round(sum / side ** 2);
    });
  };
  const isRead = (image) => image?.complete && image.naturalWidth > 0;
  const colourOf = (image) => (isRead(image) ? colour(image) : null);
  const sign = () => JSON.stringify([
    location.href, document.documentElement.scrollHeight, Math.round(scrollY), all("[aria-busy=true]").length, all(".answer .row, .answer .problem").length,
    text(".picture figcaption"), one(".picture img")?.src, text(".notice p"), document.documentElement.lang,
  ]);
  window.held = {
    one, all, text, colour,
    /// Chooses or drops a picture of one colour, under a name.
    drop: async (name, colour) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 96 });
      const context = canvas.getContext("2d");
      context.fillStyle = `rgb(${colour})`;
      context.fillRect(0, 0, 96, 96);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve));
      const data = new DataTransfer();
      data.items.add(new File([blob], name, { type: "image/png" }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    },
    /// Everything at once.
    all_of_it: () => ({
      query: location.search,
      hash: location.hash,
      asked: Object.fromEntries(new URLSearchParams(location.search)),
      state: window.stridescope?.state() ?? null,
      caption: one(".picture figcaption")?.textContent ?? "",
      isOwn: one(".picture .frame img")?.src.startsWith("blob:") ?? false,
      isLive: one(".picture canvas") !== null,
      colour: colourOf(one(".picture .frame img")),
      cards: all(".answer").map((card) => ({
        net: card.dataset.net,
        rows: [...card.querySelectorAll(".row")].map((row) => row.textContent),
        seen: colourOf(card.querySelector(".seen img")),
      })),
      notice: text(".notice p").join(" "),
    }),
    /// Pixels that the page can still be scrolled down.
    rest: () => Math.round(document.documentElement.scrollHeight - innerHeight - scrollY),
    /// How far a section's heading, or a heading, lies below what sticks to the top.
    below: (id) => {
      const named = document.getElementById(id);
      const heading = named?.matches("h1, h2, h3") ? named : named?.querySelector("h2");
      if (!heading) return null;
      const bar = one(".bar");
      const sticks = bar && ["sticky", "fixed"].includes(getComputedStyle(bar).position);
      return Math.round(heading.getBoundingClientRect().top - (sticks ? Math.max(0, bar.getBoundingClientRect().bottom) : 0));
    },
    /// Resolves when nothing that can be seen has changed for a second; what never rests is left after a while.
    settled: async () => {
      const end = performance.now() + 60_000;
      for (let last = "", since = performance.now(); performance.now() - since < 1000 && performance.now() < end;) {
        const now = sign();
        if (now !== last) since = performance.now();
        last = now;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    /// Draws a thick line on the canvas, as a pen does.
    stroke: (from, to) => {
      const canvas = one(".picture canvas");
      const frame = canvas.getBoundingClientRect();
      const at = ([x, y], kind, buttons) => canvas.dispatchEvent(new PointerEvent(kind, {
        clientX: frame.left + x * frame.width, clientY: frame.top + y * frame.height, buttons, pointerId: 1, pointerType: "mouse", bubbles: true, cancelable: true,
      }));
      at(from, "pointerdown", 1);
      at(to, "pointermove", 1);
      at(to, "pointerup", 0);
    },
    /// Drags a slider through these values.
    slide: async (slider, values) => {
      slider.dispatchEvent(new PointerEvent("pointerdown", { buttons: 1, pointerId: 1, bubbles: true }));
      for (const value of values) {
        slider.value = value;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      slider.dispatchEvent(new Event("change", { bubbles: true }));
      slider.dispatchEvent(new PointerEvent("pointerup", { pointerId: 1, bubbles: true }));
    },
    /// Presses, drags over a few places and lets go, each given as shares across and down.
    drag: async (target, places) => {
      const frame = target.getBoundingClientRect();
      const at = ([x, y], kind, buttons) => target.dispatchEvent(new (kind === "click" ? MouseEvent : PointerEvent)(kind, {
        clientX: frame.left + x * frame.width, clientY: frame.top + y * frame.height, buttons, pointerId: 1, pointerType: "mouse", bubbles: true, cancelable: true,
      }));
      at(places[0], "pointerdown", 1);
      for (const place of places) {
        at(place, "pointermove", 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      at(places.at(-1), "pointerup", 0);
      at(places.at(-1), "click", 0);
    },
    chip: (letter) => all(".chip").find(({ textContent }) => textContent.trim() === letter).click(),
    link: (id) => one(`nav a[href="#${id}"]`).click(),
    nets: () => all(".answer").map((card) => card.dataset.net),
    /// Whether all on show have their five classes.
    answered: () => all(".answer").length > 0 && all(".answer").every((card) => card.querySelectorAll(".top .row").length === 5),
    asked: (name) => new URLSearchParams(location.search).get(name),
    /// What can be read on the page, or by a screen reader: texts, and the names of things. Names of people, layers and code are the same in every language.
    words: () => {
      const isName = (element) => element.closest("code, pre, textarea, noscript, script, style, svg.diagram .node, cite, option[value], stride-scope, [lang]:not(html)");
      const found = [{ where: "title", text: document.title }, { where: "--drop", text: getComputedStyle(document.documentElement).getPropertyValue("--drop") }];
      const visit = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (visit.nextNode()) {
        const text = visit.currentNode.textContent.trim().replace(/\s+/g, " ");
        if (text && !isName(visit.currentNode.parentElement)) found.push({ where: "text", text });
      }
      for (const name of ["alt", "aria-label", "aria-valuetext", "aria-description", "title", "placeholder"]) {
        for (const element of all(`[${name}]`)) if (!isName(element)) found.push({ where: name, text: element.getAttribute(name).trim() });
      }
      return found;
    },
  };
}

/// Opens an address of the site anew: between two that differ in their fragment alone nothing would be loaded.
export async function visit(browser, site, query) {
  await browser.goto(`${site.url}blank.html`);
  const [search, hash] = query.split("#");
  const asked = [search.replace(/^\?/, ""), site.extra].filter(Boolean).join("&");
  await browser.goto(`${site.url}${asked && `?${asked}`}${hash ? `#${hash}` : ""}`);
  await stands(browser);
}

/// Waits for the page to stand in its tab.
export async function stands(browser) {
  await browser.evaluate(read);
  await browser.until("the page stands", () => !held.one("#shell") && held.all(".answer").length > 0);
}

/// Loads the page again.
export async function reload(browser) {
  await browser.evaluate(() => {
    window.isBefore = true;
    setTimeout(() => location.reload());
  });
  await browser.until("the page loads again", () => !window.isBefore && location.href !== "about:blank" && document.readyState === "complete");
  await stands(browser);
}

/// Lets every figure come, and waits until nothing changes any more.
export async function allThere(browser) {
  await browser.evaluate(install);
  await browser.until("every figure comes", () => {
    dispatchEvent(new Event("pointermove"));
    return held.all("section").length >= 8 && held.all("section[aria-busy=true]").length === 0;
  });
  await browser.until("the networks answer", () => held.answered());
  await settled(browser);
}

export const settled = (browser) => browser.evaluate(() => held.settled());
export const now = (browser) => browser.evaluate(() => held.all_of_it());
/// Goes a step through the history.
export const go = (browser, by) => browser.evaluate((by) => history.go(by), by);
