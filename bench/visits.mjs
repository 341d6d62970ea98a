// The page as a visitor sees it: load times, first answer, downloads and long tasks.

import { newProfile, open } from './browser.mjs';
import { startTrace } from './trace.mjs';
import { spread } from './numbers.mjs';
import { mb, ms, range, table } from './text.mjs';

/** Wait after a first visit, so that the page's idle work is done before the next one. */
const IDLE_MS = 3_000;
/** Timeout of the service worker. */
const PATIENCE_MS = 10_000;
/** Chosen one after another, by their names on the page. */
const SAMPLES = ['A cup of coffee', 'A photographer', 'A rocket on its pad'];

/** A page with a wall of 2,048 channels, how it is scrolled, and how often. */
export const WALL = '?models=resnet50-a&node=layer4&size=96';
const SCROLL = { forMs: 2_000, step: 24 };
const SCROLLS = 5;

/** Runs in the page before its own code: records when it can be used, when it first answers, its engine's events until then, and every long task. */
function watch() {
  const seen = { usableMs: null, engineMs: null, passMs: null, answeredMs: null, tasks: [] };
  self.seen = seen;
  const Engine = self.Worker;
  self.Worker = class extends Engine {
    constructor(...about) {
      super(...about);
      this.addEventListener('message', ({ data }) => {
        if (data.json.includes('"ready"')) seen.engineMs ??= performance.now();
        if (data.json.includes('"computing"')) seen.passMs ??= performance.now();
      });
    }
  };
  new PerformanceObserver((list) => {
    list.getEntries().forEach(({ startTime, duration }) => seen.tasks.push([startTime, startTime + duration]));
  }).observe({ type: 'longtask', buffered: true });
  // A frame is on the screen when the task after its callback runs.
  const painted = (name) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { seen[name] = performance.mark(name).startTime; };
    port2.postMessage(null);
  });
  const wanted = new Map([['usableMs', '.bar select'], ['answeredMs', '.answer .top .row']]);
  const observer = new MutationObserver(() => {
    for (const [name, selector] of wanted) {
      if (document.querySelector(selector)) {
        wanted.delete(name);
        painted(name);
      }
    }
    if (wanted.size === 0) observer.disconnect();
  });
  observer.observe(document, { childList: true, subtree: true });
}

/** Runs in the page: waits until the service worker has cached it, if there is one. */
function keeps(patienceMs) {
  const patience = new Promise((resolve) => setTimeout(resolve, patienceMs));
  return Promise.race([navigator.serviceWorker?.ready.then(() => {}), patience]);
}

/** The longest of the tasks [start, end] that overlap an interval; 0 for none, since browsers report no task below 50 ms. */
export function longestTask(tasks, [from, to]) {
  return Math.max(0, ...tasks.filter(([start, end]) => end > from && start < to).map(([start, end]) => end - start));
}

/**
 * One visit in an open browser: milliseconds from the start of the navigation, and the longest tasks before and while computing. `prepare` gets the
 * page before it loads.
 */
async function visit(context, url, prepare = () => {}) {
  const page = await context.newPage();
  await page.addInitScript(watch);
  await prepare(page);
  await page.goto(url);
  await page.waitForFunction(() => self.seen.usableMs !== null && self.seen.answeredMs !== null);
  const { tasks, ...times } = await page.evaluate(() => self.seen);
  const { usableMs, answeredMs } = times;
  const result = {
    ...times,
    startTaskMs: longestTask(tasks, [0, usableMs]),
    computingTaskMs: longestTask(tasks, [usableMs, answeredMs]),
  };
  return { page, result };
}

/**
 * Visits the page with a new profile; then again in the same browser; then after that browser was closed and opened again. `begins` is called at the
 * start of each round. Returns a list of results for each kind of visit.
 */
export async function comeAndReturn(origin, rounds, begins) {
  const results = { cold: [], again: [], reopened: [] };
  for (let round = 0; round < rounds; round += 1) {
    begins(round);
    const profile = await newProfile();
    try {
      for (const kinds of [['cold', 'again'], ['reopened']]) {
        const browser = await open(profile, { gpu: 'none', serviceWorkers: 'allow' });
        try {
          for (const kind of kinds) {
            const { page, result } = await visit(browser.context, origin);
            // A second page may share the first one's process.
            results[kind].push({ ...result, peak: kind === kinds[0] ? (await browser.peak()).page : null });
            await page.evaluate(keeps, PATIENCE_MS);
            await page.waitForTimeout(IDLE_MS);
            await page.close();
          }
        } finally {
          await browser.close();
        }
      }
    } finally {
      await profile.remove();
    }
  }
  return results;
}

/**
 * Runs a network on one picture after another, and returns the longest task of the page's main thread meanwhile; with `isTraced` also the parts of
 * that task, as in trace.mjs.
 */
export async function askAround({ context }, url, { isTraced = false } = {}) {
  let trace;
  const { page, result } = await visit(context, url, async (page) => { if (isTraced) trace = await startTrace(context, page); });
  // Old answers are marked, so that only a new one counts.
  const answered = () =>
    page.waitForFunction(() => {
      const answers = [...document.querySelectorAll('.answer')];
      return answers.length > 0 && answers.every((answer) => answer.querySelectorAll('.top:not([data-old]) .row').length === 5);
    });
  await answered();
  const spans = [];
  for (const name of SAMPLES) {
    const began = await page.evaluate(() => {
      document.querySelectorAll('.answer .top').forEach((top) => top.setAttribute('data-old', ''));
      return performance.now();
    });
    await page.getByRole('button', { name }).click();
    await answered();
    spans.push([began, await page.evaluate(() => performance.now())]);
  }
  // The observer reports a task a little after its end.
  await page.waitForTimeout(500);
  const tasks = await page.evaluate(() => self.seen.tasks);
  const profile = await trace?.longest('usableMs');
  await page.close();
  return { answers: 1 + spans.length, profile, longestMs: Math.max(result.computingTaskMs, ...spans.map((span) => longestTask(tasks, span))) };
}

/** Runs in the page: scrolls the wall of channels in every frame; returns milliseconds per frame and the number of tiles that became visible. */
async function scroll({ forMs, step }) {
  const wall = document.querySelector('#features .wall');
  const frame = () => new Promise(requestAnimationFrame);
  const tiles = new Set();
  wall.scrollTop = 0;
  const began = await frame();
  let [now, frames] = [began, 0];
  while (now - began < forMs) {
    wall.scrollTop += step;
    now = await frame();
    frames += 1;
    wall.querySelectorAll('[data-channel]').forEach((tile) => tiles.add(tile.dataset.channel));
  }
  return { frameMs: (now - began) / frames, tiles: tiles.size };
}

/** Opens the page with the channels of `WALL` and waits until it is idle. */
export async function openWall(page) {
  await page.waitForFunction(() => document.querySelectorAll('.answer .top .row').length === 5);
  // The figures load after the reader's first interaction.
  await page.mouse.move(600, 450);
  await page.getByRole('button', { name: 'Channels', exact: true }).click();
  await page.locator('#features .wall img').nth(9).waitFor();
  await page.locator('#features .wall').scrollIntoViewIfNeeded();
  await page.waitForTimeout(500);
}

/** Scrolls a page that `openWall` opened, as in `scroll`. */
export const scrollWall = (page) => page.evaluate(scroll, SCROLL);

/** Milliseconds per frame while the wall is scrolled, for each repetition. `url`: of the page. */
export async function scrollAround({ context }, url) {
  const page = await context.newPage();
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.goto(url + WALL);
  await openWall(page);
  const rounds = [];
  for (let round = 0; round < SCROLLS; round += 1) rounds.push(await scrollWall(page));
  await page.close();
  return { frames: spread(rounds.map(({ frameMs }) => frameMs)), tiles: Math.min(...rounds.map(({ tiles }) => tiles)) };
}

/** The downloads of a first visit until it is idle, as listed by the server's `sent`, without those for a later visit. */
export async function download({ context }, server) {
  server.sent();
  const { page } = await visit(context, server.origin);
  await page.waitForTimeout(IDLE_MS);
  await page.close();
  return server.sent();
}

const moment = (name) => ({ visits }) => range(spread(visits.map((visit) => visit[name])));
const KINDS = [
  ['visits', ({ title }) => title],
  ['usable', moment('usableMs')],
  ['engine ready', moment('engineMs')],
  ['pass begins', moment('passMs')],
  ['first answer', moment('answeredMs')],
  ['longest task before', ({ visits }) => task(Math.max(...visits.map(({ startTaskMs }) => startTaskMs)))],
  ['longest task while computing', ({ visits }) => task(Math.max(...visits.map(({ computingTaskMs }) => computingTaskMs)))],
  ['peak MB', ({ visits }) => mb(Math.max(...visits.map(({ peak }) => peak)) || null)],
];
const task = (value) => (value === 0 ? 'none over 50' : ms(value));

/** `visits`: the result of `comeAndReturn`. */
export function visitsTable({ cold, again, reopened }) {
  const rows = [['cold', cold], ['again', again], ['again, browser reopened', reopened]];
  return table(KINDS, rows.map(([title, visits]) => ({ title, visits })));
}

export const LEGEND = `\
The page itself, as it opens (four tiny networks, the picture of a cat), on a machine without a GPU, from a server on the same machine that
sends what a host sends. Milliseconds since the start of the navigation, median (min–max): "usable" when networks and pictures can be chosen,
"engine ready" when its worker was heard of, "pass begins" when picture and weights were there, "first answer" when the first network's classes
could be seen. "cold" has a new profile; "again" is a second visit in the same browser,
"browser reopened" one after it was closed. Tasks are those of the page's main thread, the longest of all visits; browsers tell of none under
50 ms. "computing" is the time from usable to the first answer. "peak MB" is the most that the process of page and worker held.`;
