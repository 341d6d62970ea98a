// Lighthouse's score for performance, on a desktop and on a phone.

import { pathToFileURL } from 'node:url';
import { alone } from './browser.mjs';
import { median } from './numbers.mjs';
import { packages } from './packages.mjs';
import { ratio, table } from './text.mjs';

/** Pages, by their query strings. */
const PAGES = [['the start page', ''], ['the start page in Korean', '?lang=ko'], ['a figure alone', '?embed=architecture']];
/**
 * Lighthouse's index of the speed of a mid-tier phone, in the middle of the range in its docs/throttling.md. That file also says to calibrate how much
 * slower than this machine a phone is: the default of four times holds for a fast machine only.
 */
const PHONE_INDEX = 460;
/** Runs, of which the median counts (Lighthouse's docs/variability.md). */
const RUNS = 5;
const PORT = 9_300 + (process.pid % 600);

const load = (name) => import(pathToFileURL(packages.resolve(name)));

/** How many times as slow as this machine a phone is, from Lighthouse's index of this machine. */
export const slowdown = (index) => Math.max(1, index / PHONE_INDEX);

/** Audits each page on a host. Returns rows of scores from 0 to 100. `step(what)` announces a page. */
export async function performance(origin, step) {
  const { default: lighthouse, desktopConfig } = await load('lighthouse');
  const { throttling } = await load('lighthouse/core/config/constants.js');
  return alone({ gpu: 'none', args: [`--remote-debugging-port=${PORT}`] }, async () => {
    const audit = async (query, config) => {
      const flags = { port: PORT, output: 'json', logLevel: 'error', onlyCategories: ['performance'] };
      const { lhr } = await lighthouse(`${origin}/${query}`, flags, config);
      return { score: 100 * lhr.categories.performance.score, index: lhr.environment.benchmarkIndex };
    };
    const phone = (index) => ({
      extends: 'lighthouse:default',
      settings: { throttling: { ...throttling.mobileSlow4G, cpuSlowdownMultiplier: slowdown(index) } },
    });
    const rows = [];
    for (const [what, query] of PAGES) {
      step(`Lighthouse: ${what}`);
      const desktop = [];
      const mobile = [];
      for (let run = 0; run < RUNS; run += 1) {
        desktop.push(await audit(query, desktopConfig));
        mobile.push(await audit(query, phone(desktop.at(-1).index)));
      }
      const scores = (runs) => runs.map(({ score }) => score);
      rows.push({ what, desktop: scores(desktop), phone: scores(mobile), slowdown: slowdown(median(desktop.map(({ index }) => index))) });
    }
    return rows;
  });
}

/** The most points that a page lacks to 100, in the median of its runs. */
export function lost(rows, form) {
  const losses = rows.map((row) => ({ value: 100 - median(row[form]), what: row.what }));
  return losses.reduce((worst, row) => (row.value > worst.value ? row : worst));
}

export function lighthouseTable(rows) {
  const scores = (list) => `${median(list).toFixed(0)} (${Math.min(...list).toFixed(0)}–${Math.max(...list).toFixed(0)})`;
  return table(
    [
      ['page', ({ what }) => what],
      ['desktop', ({ desktop }) => scores(desktop)],
      ['phone', ({ phone }) => scores(phone)],
      ['a phone is slower by', (row) => `${ratio(row.slowdown)} ×`],
    ],
    rows,
  );
}

export const LEGEND = `\
Points of 100 for performance: the median of ${RUNS} runs (min–max). A phone has a slow connection, and a processor that is slower than this machine's by what
stands in the last column: Lighthouse's index of this machine over ${PHONE_INDEX}, that of a mid-tier phone.`;
