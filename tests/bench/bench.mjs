// node bench.mjs PLAN.json [--write FILE]: measures every network of the plan and prints a table.
// `cargo xtask bench` makes the plan, and sets STRIDESCOPE_DIST, STRIDESCOPE_CHROMIUM and STRIDESCOPE_ONNX_DIR.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { agrees, document, GOAL, legend, summarise, table } from './report.mjs';
import { startServer } from './server.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const WARM_UPS = 2;
/** In each of two browsers. */
const ROUNDS = 10;
/** Which engine comes first in each browser; report.mjs relies on this. */
const ORDERS = [
  ['ours', 'ort'],
  ['ort', 'ours'],
];
/** For one network in one browser; software GPUs need most of it. */
const PATIENCE_MS = 15 * 60_000;
/** A browser that has a WebGPU adapter without a GPU, and keeps to itself. */
const FLAGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-gpu-watchdog',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

async function main() {
  const { plan, write } = readArguments(process.argv.slice(2));
  const load = os.loadavg()[0].toFixed(1);
  const folder = (name) => process.env[name] ?? fail(`${name} is not set: run this as \`cargo xtask bench\``);
  const server = await startServer({
    '/': folder('STRIDESCOPE_DIST'),
    '/bench/': HERE,
    '/models/': folder('STRIDESCOPE_ONNX_DIR'),
    '/ort/': join(HERE, '../node_modules/onnxruntime-web/dist'),
  });
  const rows = [];
  let facts;
  try {
    for (const bench of JSON.parse(await readFile(plan, 'utf8'))) {
      console.log(`    ${bench.net} at ${bench.size} px, ${bench.weights} weights, ${bench.backend}`);
      const visits = [];
      for (const order of ORDERS) {
        const { results, about } = await visit(server.origin, { ...bench, order, warmUps: WARM_UPS, rounds: ROUNDS });
        visits.push(results);
        facts ??= [...about, ['Load average of the machine before', load]];
      }
      const row = summarise(bench, visits);
      if (!agrees(row)) fail(`${bench.net}: the logits are ${row.apart.toExponential(1)} apart, so these are two networks`);
      rows.push(row);
    }
  } finally {
    await server.close();
  }

  const counts = { warmUps: WARM_UPS, rounds: ROUNDS };
  console.log(`\n${facts.map(([name, value]) => `${name}: ${value}`).join('\n')}\n\n${table(rows)}\n\n${legend(counts)}\n`);
  for (const { bench, ratio } of rows.filter(({ bench, ratio }) => bench.backend === 'cpu' && ratio > GOAL)) {
    console.log(`warning: ${bench.net}, ${bench.weights} weights: ${ratio.toFixed(2)} x the peer's time; the goal is ${GOAL}`);
  }
  if (write) {
    await mkdir(dirname(write), { recursive: true });
    await writeFile(write, document(new Date().toISOString().slice(0, 10), facts, rows, counts));
    console.log(`wrote ${write}`);
  }
}

/** Runs one network in a browser of its own, so that nothing is compiled or cached before its first pass. */
async function visit(origin, bench) {
  const browser = await chromium.launch({ executablePath: process.env.STRIDESCOPE_CHROMIUM, args: FLAGS });
  let timer;
  try {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(`page: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') console.error(`page: ${message.text()} (${message.location().url})`);
    });
    await page.goto(`${origin}/bench/bench.html`);
    await page.waitForFunction(() => self.bench);
    const { isolated, adapter } = await page.evaluate(() => self.bench.describe());
    if (isolated) fail('the page is cross-origin isolated, so that an engine could use threads');
    const patience = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${bench.net} was not done after ${PATIENCE_MS / 60_000} min`)), PATIENCE_MS);
    });
    const results = await Promise.race([page.evaluate((bench) => self.bench.compare(bench), bench), patience]);
    return { results, about: describe(browser.version(), adapter, results.ort.version) };
  } finally {
    clearTimeout(timer);
    await browser.close();
  }
}

function describe(version, adapter, ortVersion) {
  const processors = os.cpus();
  const gib = (os.totalmem() / 2 ** 30).toFixed(0);
  return [
    ['Machine', `${processors[0]?.model.trim()}, ${processors.length} logical cores, ${gib} GiB, ${os.type()} ${os.arch()}`],
    ['Browser', `Chromium ${version}`],
    ['WebGPU adapter', `${adapter} (the CPU rows do not use it)`],
    ['Peer', `onnxruntime-web ${ortVersion}, its wasm backend with one thread for the CPU, its WebGPU backend for WebGPU`],
  ];
}

function readArguments(words) {
  const [plan, flag, write] = words;
  const isUsable = words.length === 1 || (words.length === 3 && flag === '--write');
  if (!isUsable) fail('usage: node bench.mjs PLAN.json [--write FILE]');
  return { plan, write };
}

function fail(message) {
  throw new Error(message);
}

try {
  await main();
} catch (error) {
  // Playwright puts its call before the page's own words, and the page's stack after them.
  console.error(`error: ${error.message.split('\n')[0].replace(/^page\.evaluate: (Error: )?/, '')}`);
  process.exitCode = 1;
}
