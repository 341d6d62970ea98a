// Lighthouse on the start page and on a figure alone, with the files as a static host would send them.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import lighthouse, { desktopConfig } from "lighthouse";
import { throttling } from "lighthouse/core/config/constants.js";
import { TYPES, dist, launch, serve } from "../support/harness.mjs";

/// Least scores. A phone's performance hangs on what else this machine does: it is printed.
const LEAST = { performance: 0.95, accessibility: 0.95, "best-practices": 0.95, seo: 0.95 };
/// Lighthouse's index of a mid-tier phone's speed, in the middle of the range that its docs/throttling.md gives, which also says to calibrate how
/// many times as slow as this machine a phone is taken to be: four times only where the machine is a fast one.
const PHONE_INDEX = 460;
/// Runs for a phone, of which the middle one in performance counts (its docs/variability.md).
const PHONE_RUNS = 3;
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
  // What Lighthouse found of this machine's speed in its last run.
  let index;
  const audit = async (query, config) => {
    const { lhr } = await lighthouse(site.url + query, { port: PORT, output: "json", logLevel: "error" }, config);
    index = lhr.environment.benchmarkIndex;
    return lhr;
  };
  const phone = () => ({ extends: "lighthouse:default", settings: { throttling: { ...throttling.mobileSlow4G, cpuSlowdownMultiplier: Math.max(1, index / PHONE_INDEX) } } });
  for (const [name, query] of [["the start page", ""], ["a figure alone", "?embed=architecture"], ["the start page in Korean", "?lang=ko"]]) {
    for (const [form, config, count] of [["desktop", () => desktopConfig, 1], ["phone", phone, PHONE_RUNS]]) {
      test(`${name}, ${form}`, async () => {
        const runs = [];
        for (let run = 0; run < count; run++) runs.push(await audit(query, config()));
        const lhr = runs.sort((one, other) => one.categories.performance.score - other.categories.performance.score)[count >> 1];
        const scores = Object.fromEntries(Object.values(lhr.categories).map(({ id, score }) => [id, score]));
        const metrics = ["first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift", "speed-index"].map((id) => `${id} ${lhr.audits[id].displayValue}`);
        console.log(`# ${name}, ${form}, ${lhr.configSettings.throttling.cpuSlowdownMultiplier.toFixed(1)} times as slow as this machine (index ${lhr.environment.benchmarkIndex}): ${JSON.stringify(scores)}; ${metrics.join(", ")}`);
        const lost = Object.values(lhr.categories).flatMap(({ id, auditRefs }) => auditRefs.filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9).map((ref) => `${id}: ${ref.id} ${lhr.audits[ref.id].displayValue ?? ""}`));
        const held = Object.entries(LEAST).filter(([id]) => form === "desktop" || id !== "performance");
        for (const [id, least] of held) assert.ok(scores[id] >= least, `${id} ${scores[id]}; lost: ${lost.join("; ")}`);
      });
    }
  }
});
