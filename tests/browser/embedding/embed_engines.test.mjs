// Figures in other people's pages, in Firefox and WebKitGTK: drawn, as high as they are, driven by script, with their events, all computed on the CPU.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { firefox, webkit } from "../support/engines.mjs";
import { EMBEDDABLE } from "../support/figures.mjs";
import { serveHosts, serveStrictly } from "../support/harness.mjs";
import { soon } from "../support/soon.mjs";

const LIMIT = { timeout: 600_000 };
/// What is there once a figure has been drawn and computed.
const THERE = {
  architecture: ".diagram .node", strides: ".path .whole img", features: ".wall [data-channel]", field: "#field .lit img", cost: ".charts svg",
  predict: ".answer .top .row",
};

for (const [name, start] of [["firefox", firefox], ["webkit", webkit]]) {
  describe(`figures in ${name}`, () => {
    let site, hosts, started;
    const launched = () => (started ??= start());
    const put = (name, body) => hosts.put(name, `<!doctype html><html lang="en"><meta charset="utf-8"><title>${name}</title>${body}</html>`);

    before(async () => {
      site = await serveStrictly();
      hosts = await serveHosts();
    });
    after(async () => {
      await (await started?.catch(() => null))?.close();
      await hosts?.close();
      await site?.close();
    }, LIMIT);

    for (const figure of EMBEDDABLE) {
      test(`${figure} in a sandboxed frame`, LIMIT, async () => {
        const browser = await launched();
        await browser.resize(1000, 800);
        const query = `embed=${figure}&amp;models=tiny-a,tiny-d&amp;autorun=1`;
        await browser.goto(put(figure, `<iframe src="${site.url}?${query}" title="a figure" sandbox="allow-scripts" width="100%" height="700"></iframe>`));
        const frame = await browser.frame("iframe");
        await frame.until(`${figure} is drawn and computed`, (there) => document.querySelector(there) !== null, THERE[figure]);
        assert.equal(await frame.evaluate(() => window.origin), "null");
        assert.deepEqual(await browser.errors(), []);
      });
    }

    test("the element is as high as its figure, follows its attributes and emits events", LIMIT, async () => {
      const browser = await launched();
      const body = `<script>
          window.events = [];
          for (const type of ["ready", "state", "prediction", "error"]) document.addEventListener("stridescope-" + type, ({ detail }) => events.push({ type, detail }));
        </script>
        <script src="${site.url}stride-scope.js" async></script>
        <stride-scope figure="predict" models="tiny-a" autorun="1"></stride-scope>`;
      await browser.goto(put("element", body));
      await browser.until("tiny-a has answered", () => window.events.some(({ type }) => type === "prediction"));
      const results = await browser.evaluate(() => window.events.find(({ type }) => type === "prediction").detail);
      assert.deepEqual(results.map(({ net, top, backend }) => [net, top.length, backend]), [["tiny-a", 5, "cpu"]]);

      const frame = await browser.frame("stride-scope >>> iframe");
      await soon(async () => {
        const inside = await frame.evaluate(() => document.body.getBoundingClientRect().height);
        const outside = await browser.evaluate(() => document.querySelector("stride-scope").getBoundingClientRect().height);
        assert.ok(Math.abs(outside - inside) < 3, `${outside} around ${inside}`);
      });
      const before = await browser.evaluate(() => document.querySelector("stride-scope").getBoundingClientRect().height);
      await browser.resize(420, 800);
      await browser.until("another width has another height", (before) => Math.abs(document.querySelector("stride-scope").getBoundingClientRect().height - before) > 20, before);

      await browser.evaluate(() => { window.events.length = 0; document.querySelector("stride-scope").setAttribute("models", "tiny-d"); });
      await browser.until("tiny-d has answered", () => window.events.some(({ type, detail }) => type === "prediction" && detail[0].net === "tiny-d"));
      const state = await browser.evaluate(() => document.querySelector("stride-scope").set({ node: "layer3.0" }).then(({ node, models }) => ({ node, models })));
      assert.deepEqual(state, { node: "layer3.0", models: ["tiny-d"] });
      assert.equal(await browser.evaluate(() => document.querySelector("stride-scope").getAttribute("node")), "layer3.0");
      const refused = await browser.evaluate(() => document.querySelector("stride-scope").set({ node: "layer9.0" }).then(() => "taken", ({ name }) => name));
      assert.equal(refused, "RangeError");
    });
  });
}
