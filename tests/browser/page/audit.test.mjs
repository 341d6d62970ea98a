// Lighthouse on the start page and on a figure alone, with the files as a static host would send them: what it computes, not what it times.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import lighthouse, { desktopConfig } from "lighthouse";
import { TYPES, dist, launch, serve } from "../support/harness.mjs";
import { PATIENCE_MS } from "../support/soon.mjs";

/// Least scores. What the page takes of time is measured by `cargo xtask bench`.
const LEAST = { accessibility: 0.95, "best-practices": 0.95, seo: 0.95 };
const ONLY = { onlyCategories: Object.keys(LEAST), maxWaitForFcp: PATIENCE_MS, disableFullPageScreenshot: true };
/// A window and a phone.
const FORMS = {
  desktop: { ...desktopConfig, settings: { ...desktopConfig.settings, ...ONLY } },
  phone: { extends: "lighthouse:default", settings: ONLY },
};
const PORT = 9300 + (process.pid % 600);
let site, browser;

before(async () => {
  site = await serve((path, _request, response) => {
    const name = path.replace("/some/path/", "");
    const file = join(dist, `${name === "" ? "index.html" : name}.br`);
    if (path === "/robots.txt") return response.writeHead(200, { "content-type": "text/plain" }).end("User-agent: *\nAllow: /\n");
    if (!existsSync(file)) return false;
    const isFixed = /[-_][0-9a-f]{14,16}[-_.]/.test(name);
    response.writeHead(200, {
      "content-type": TYPES[extname(name)] ?? "text/html", "content-encoding": "br", "content-length": statSync(file).size,
      "cache-control": isFixed ? "max-age=31536000, immutable" : "no-cache", "access-control-allow-origin": "*",
    }).end(readFileSync(file));
    return true;
  });
  browser = await launch({ still: true, args: [`--remote-debugging-port=${PORT}`] });
});
after(async () => {
  await browser?.close();
  await site?.close();
});

describe("Lighthouse", () => {
  for (const [name, query] of [["the start page", ""], ["a figure alone", "?embed=architecture"], ["the start page in Korean", "?lang=ko"]]) {
    for (const [form, config] of Object.entries(FORMS)) {
      test(`${name}, ${form}`, async () => {
        const { lhr } = await lighthouse(site.url + query, { port: PORT, output: "json", logLevel: "error" }, config);
        assert.equal(lhr.runtimeError, undefined, lhr.runtimeError?.message);
        const scores = Object.fromEntries(Object.values(lhr.categories).map(({ id, score }) => [id, score]));
        console.log(`# ${name}, ${form}: ${JSON.stringify(scores)}`);
        const isLost = ({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9;
        const lost = Object.values(lhr.categories).flatMap(({ id, auditRefs }) => auditRefs.filter(isLost).map((ref) => `${id}: ${ref.id} ${lhr.audits[ref.id].displayValue ?? ""}`));
        for (const [id, least] of Object.entries(LEAST)) assert.ok(scores[id] >= least, `${id} ${scores[id]}; lost: ${lost.join("; ")}`);
      });
    }
  }
});
