// node bench.mjs PLAN.json [--write FILE]: runs the measurements of a plan and prints tables.
// `cargo xtask bench` makes the plan, and sets STRIDESCOPE_DIST, STRIDESCOPE_CHROMIUM, STRIDESCOPE_NETWORKS and, for a GPU, STRIDESCOPE_NATIVE: the
// output of the native measurement.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alone } from './browser.mjs';
import * as growth from './growth.mjs';
import * as lighthouse from './lighthouse.mjs';
import { agrees, ENGINES, label, NAMES, orders, summarise } from './peers.mjs';
import { document, gpuSection, memoryRow, merged, pairRow, reached, tapsRow } from './report.mjs';
import { startServer } from './server.mjs';
import { device } from './text.mjs';
import { askAround, comeAndReturn, download, scrollAround } from './visits.mjs';
import { compressedBytes, engineFiles, pageParts } from './wire.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGES = join(HERE, '../tests/node_modules');
/** Number of visits, each with a new profile. */
const VISITORS = 5;
/** Rounds of the measurement of taps, by device; software GPUs are slow. */
const TAPS = { cpu: { warmUps: 1, rounds: 9 }, webgpu: { warmUps: 1, rounds: 4 } };
/** Rounds of a peak of memory and of a point of growth. */
const FEW = { warmUps: 1, rounds: 3 };
const POINT = { warmUps: 1, rounds: 5 };
/** Timeout of one network in one browser; software GPUs need most of it. */
const PATIENCE_MS = 20 * 60_000;
/** Load average above which another program is running and slows the measurement down. */
const QUIET_LOAD = 1;

async function main() {
  const { plan: path, write } = readArguments(process.argv.slice(2));
  const folder = (name) => process.env[name] ?? fail(`${name} is not set: run this as \`cargo xtask bench\``);
  const [dist, networks] = ['STRIDESCOPE_DIST', 'STRIDESCOPE_NETWORKS'].map(folder);
  const plan = JSON.parse(await readFile(path, 'utf8'));
  const load = os.loadavg()[0];
  if (load > QUIET_LOAD) console.log(`warning: the load average is ${load.toFixed(1)}: something else is running, so times mean little`);

  const server = await startServer({
    '/': dist,
    '/bench/': HERE,
    '/networks/': networks,
    '/ort/': join(PACKAGES, 'onnxruntime-web/dist'),
    '/tfjs-core/': join(PACKAGES, '@tensorflow/tfjs-core/dist'),
    '/tfjs-wasm/': join(PACKAGES, '@tensorflow/tfjs-backend-wasm/dist'),
    '/tfjs-webgpu/': join(PACKAGES, '@tensorflow/tfjs-backend-webgpu/dist'),
  });
  const host = await startServer({ '/': dist }, { asHost: true });
  const bench = new Bench(plan, { server, host, networks });
  try {
    if (!plan.gpu) await bench.page();
    await bench.memory();
    await bench.peers();
    await bench.taps();
    await bench.pairs();
    await bench.growth();
  } finally {
    await server.close();
    await host.close();
  }

  const facts = [...machine(), ...bench.facts(), ['Load average of the machine before', load.toFixed(1)]];
  if (plan.gpu) bench.results.native = (await readFile(folder('STRIDESCOPE_NATIVE'), 'utf8')).trim();
  const about = [command(plan, write), new Date().toISOString().slice(0, 10), facts, bench.results];
  const text = plan.gpu ? gpuSection(...about) : document(...about);
  console.log(`\n${text}`);
  reached(bench.results).filter(({ isMet }) => isMet === false).forEach(({ what, limit, measured }) => {
    console.log(`warning: not reached: ${what}: ${measured}; the goal is ${limit}`);
  });
  if (write) {
    await mkdir(dirname(write), { recursive: true });
    await writeFile(write, merged(await readFile(write, 'utf8').catch(() => ''), text));
    console.log(`wrote ${write}`);
  }
}

/** Runs the measurements one after another into `results`, which report.mjs formats. */
class Bench {
  results = {};
  #versions = {};
  #browser;

  constructor(plan, { server, host, networks }) {
    Object.assign(this, { plan, server, host, networks });
  }

  /** Load times, long tasks, scores and downloads of the page. */
  async page() {
    const { origin } = this.host;
    const visits = await comeAndReturn(origin, VISITORS, (round) => step(`the page, visitor ${round + 1} of ${VISITORS}`));
    const gpu = { gpu: 'none' };
    const asked = [];
    // The site has weights for these.
    const real = this.plan.cases.filter(({ weights }) => weights === 'catalogue').map(({ net }) => net);
    for (const net of ['tiny-d', ...new Set(real)]) {
      step(`the page while ${net} computes`);
      const url = `${origin}/?models=${net}&backend=cpu`;
      const found = await alone(gpu, (browser) => askAround(browser, url));
      // Traced in a second run, since a trace takes time itself.
      const { profile } = found.longestMs === 0 ? found : await alone(gpu, (browser) => askAround(browser, url, { isTraced: true }));
      asked.push({ what: net, ...found, profile });
    }
    step('the page while a wall of channels is scrolled');
    const scrolled = await alone(gpu, (browser) => scrollAround(browser, `${origin}/`));
    const sent = await alone(gpu, (browser) => download(browser, this.host));
    const audited = await lighthouse.performance(origin, step);
    Object.assign(this.results, { visits, asked, scrolled, audited, wire: pageParts(sent) });
  }

  /** Peak of memory of each engine, in a browser of its own, and its downloads. */
  async memory() {
    const { wire } = this.results;
    this.results.memory = [];
    for (const bench of this.plan.memory) {
      const peaks = {};
      for (const name of ['none', ...ENGINES]) {
        step(`memory: ${label(bench)}, ${bench.backend}, ${name === 'none' ? 'an empty page' : name}`);
        this.server.sent();
        const order = name === 'none' ? [] : [name];
        const { peak } = await this.#visit('compare', { ...bench, ...FEW, order });
        peaks[name] = peak;
        if (wire && name !== 'none') wire.push(await this.#engineOnTheWire(name, bench.backend));
      }
      this.results.memory.push(memoryRow(bench, peaks));
    }
  }

  async #engineOnTheWire(name, backend) {
    const files = engineFiles(name, this.server.sent());
    const bytes = await compressedBytes(files.map(([, file]) => file), join(this.networks, 'compressed'));
    return { what: `${name === 'ours' ? 'our engine' : NAMES[name]}, ${device(backend)}`, files: files.length, bytes };
  }

  /** The same networks on every engine. */
  async peers() {
    this.results.rows = [];
    for (const bench of this.plan.cases) {
      const visits = [];
      for (const order of orders(bench.visits)) {
        step(`${label(bench)}, ${bench.weights} weights, ${bench.backend}: ${order[0]} first`);
        const { value } = await this.#visit('compare', { ...bench, order });
        visits.push(value);
        ENGINES.forEach((name) => { this.#versions[name] = value[name].version; });
      }
      const row = summarise(bench, visits);
      if (!agrees(row)) fail(`${label(bench)}: the logits are ${row.apart.toExponential(1)} apart, so these are not one network`);
      this.results.rows.push(row);
    }
  }

  async taps() {
    this.results.taps = [];
    for (const bench of this.plan.taps) {
      step(`${label(bench)}, ${bench.backend}: all blocks tapped and none`);
      const { value } = await this.#visit('taps', { ...bench, ...TAPS[bench.backend] });
      this.results.taps.push(tapsRow(bench, value));
    }
  }

  /** The gain of a second processor for two engines without shared memory: threads of one engine cannot gain more. */
  async pairs() {
    this.results.pairs = [];
    for (const bench of this.plan.pairs) {
      step(`${label(bench)}: one engine, and two at once`);
      const { value } = await this.#visit('pair', { ...bench, ...TAPS.cpu });
      this.results.pairs.push(pairRow(bench, value));
    }
  }

  /** Each point twice, forward and backward, so that drift affects all points alike. */
  async growth() {
    if (this.plan.growth.length === 0) return;
    const measured = new Map(this.plan.growth.map((point) => [label(point), []]));
    const labels = [...measured.keys()];
    const { peak: empty } = await this.#visit('compare', { order: [], ...POINT });
    for (const name of [...labels, ...labels.toReversed()]) {
      step(`growth: ${name}`);
      const point = this.plan.growth.find((point) => label(point) === name);
      const { value, peak } = await this.#visit('compare', { ...point, ...POINT, backend: 'cpu', order: ['ours'] });
      measured.get(name).push({ warm: value.ours.warm.map(({ ms }) => ms), peak: peak.page === null ? null : peak.page - empty.page });
    }
    const points = this.plan.growth.map((point) => growth.point(point, measured.get(label(point))));
    const profiles = [];
    for (const point of this.plan.growth.filter(({ kinds }) => kinds)) {
      step(`growth: ${label(point)}, layer by layer`);
      const { value } = await this.#visit('time', { ...point, backend: 'cpu' });
      profiles.push(growth.profile(point, value));
    }
    this.results.growth = { points, fits: growth.fits(points), profiles };
  }

  /** Calls a function of page.mjs in a browser of its own, so that nothing is compiled or cached before. */
  async #visit(what, bench) {
    return alone({ gpu: this.plan.gpu ? 'own' : 'software' }, async ({ context, version, peak }) => {
      const page = await context.newPage();
      await page.goto(`${this.server.origin}/bench/bench.html`);
      await page.waitForFunction(() => self.bench);
      const about = await page.evaluate(() => self.bench.describe());
      if (this.plan.gpu && /^none$|swiftshader|llvmpipe/.test(about.adapter)) {
        fail(`the browser reaches no GPU of this machine (adapter: ${about.adapter})`);
      }
      if (about.isolated) fail('the page is cross-origin isolated, so that an engine could use threads');
      this.#browser = { version, adapter: about.adapter };
      let timer;
      const patience = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${label(bench)} was not done after ${PATIENCE_MS / 60_000} min`)), PATIENCE_MS);
      });
      try {
        const value = await Promise.race([page.evaluate(([what, bench]) => self.bench[what](bench), [what, bench]), patience]);
        return { value, peak: await peak() };
      } finally {
        clearTimeout(timer);
      }
    });
  }

  /** Versions and devices that the browser and the engines report. */
  facts() {
    const { version, adapter } = this.#browser;
    const { ort, tfjs } = this.#versions;
    return [
      ['Browser', `Chromium ${version}`],
      ['WebGPU adapter', this.plan.gpu ? adapter : `${adapter} (the CPU rows do not use it)`],
      ['ORT', `onnxruntime-web ${ort}: its wasm backend with one thread for the CPU, its WebGPU backend for WebGPU`],
      ['tfjs', `tfjs ${tfjs}: its wasm backend with one thread for the CPU, its WebGPU backend for WebGPU`],
    ];
  }
}

function machine() {
  const processors = os.cpus();
  const gib = (os.totalmem() / 2 ** 30).toFixed(0);
  return [['Machine', `${processors[0]?.model.trim()}, ${processors.length} logical cores, ${gib} GiB, ${os.type()} ${os.arch()}`]];
}

/** The command that makes such a plan. */
function command({ gpu, cases, growth }, write) {
  if (gpu) return `cargo xtask bench --gpu${write ? ' --write' : ''}`;
  const options = [write && '--write', growth.length > 0 && '--full', cases.some(({ backend }) => backend === 'webgpu') && '--webgpu'];
  return ['cargo xtask bench', ...options.filter(Boolean)].join(' ');
}

const began = performance.now();

/** Prints the next step and the minutes so far. */
function step(what) {
  console.log(`    ${((performance.now() - began) / 60_000).toFixed(1).padStart(5)} min  ${what}`);
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
  // Playwright puts its call before the page's message, and the page's stack after it.
  console.error(`error: ${error.message.split('\n')[0].replace(/^page\.evaluate: (Error: )?/, '')}`);
  process.exitCode = 1;
}
