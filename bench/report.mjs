// The file of results, section by section.

import * as goals from './goals.mjs';
import * as growth from './growth.mjs';
import * as lighthouse from './lighthouse.mjs';
import { median, spread } from './numbers.mjs';
import * as peers from './peers.mjs';
import { device, mb, range, ratio, table } from './text.mjs';
import * as visits from './visits.mjs';
import * as wire from './wire.mjs';

/** The gain on two processors from which threads would be worth their price. */
const THREADS_PAY = 1.6;

/** Row of times without and with taps. */
export function tapsRow(bench, { without, with: tapped }) {
  return { bench, without: spread(without), tapped: spread(tapped), ratio: median(tapped) / median(without) };
}

function tapsTable(rows) {
  return table(
    [
      ['network', ({ bench }) => peers.label(bench)],
      ['device', ({ bench }) => device(bench.backend)],
      ['blocks', ({ bench }) => bench.taps.length],
      ['none', ({ without }) => range(without)],
      ['all', ({ tapped }) => range(tapped)],
      ['all / none', (row) => ratio(row.ratio)],
    ],
    rows,
  );
}

const TAPS_LEGEND = `\
Milliseconds from the page's request to its having the answer: without any layer's output, and with the outputs of all residual blocks.
Median (min–max), in turns. All blocks of a ResNet-50-D at 224 px are 22 MB, which a browser brings from its GPU's process to the page's: where the pass
itself takes a few milliseconds, that is most of the time.`;

/** Row of times of one engine and of two at once. */
export function pairRow(bench, { alone, both }) {
  return { bench, alone: spread(alone), both: spread(both), gain: (2 * median(alone)) / median(both) };
}

function pairsTable(rows) {
  return table(
    [
      ['network', ({ bench }) => peers.label(bench)],
      ['one', ({ alone }) => range(alone)],
      ['two at once', ({ both }) => range(both)],
      ['gain', ({ gain }) => `${ratio(gain)} ×`],
      ['threads', ({ gain }) => (gain >= THREADS_PAY ? 'may pay' : 'cannot pay')],
    ],
    rows,
  );
}

const PAIRS_LEGEND = `\
Milliseconds until all is answered, on the CPU: a pass of one worker, and a pass of each of two that share nothing. "gain" is how much more the two do in
the same time: the most that the page's second engine can gain, which helps where the CPU computes several large networks. Threads of one engine have to
wait for each other, so that they gain less; they would be worth a second build, shared memory and a host that is cross-origin isolated where they gained
${THREADS_PAY} × or more.`;

/** Row of peaks above that of an empty page. `peaks`: bytes by engine, `none` for the page alone. */
export function memoryRow(bench, { none, ...peaks }) {
  const difference = (peak, of) => (peak[of] === null ? null : peak[of] - none[of]);
  const over = (of) => Object.fromEntries(Object.entries(peaks).map(([name, peak]) => [name, difference(peak, of)]));
  return { bench, empty: none, page: over('page'), gpu: over('gpu') };
}

function memoryTable(rows) {
  const columns = ['page', 'gpu'].flatMap((of) => peers.ENGINES.map((name) => [
    of === 'page' ? peers.NAMES[name] : `GPU's, ${peers.NAMES[name]}`,
    (row) => (of === 'gpu' && row.bench.backend === 'cpu' ? '–' : mb(row[of][name])),
  ]));
  return table(
    [
      ['network', ({ bench }) => peers.label(bench)],
      ['weights', ({ bench }) => (bench.weights === 'synthetic' ? 'synthetic' : 'ImageNet')],
      ['device', ({ bench }) => device(bench.backend)],
      ...columns,
    ],
    rows,
  );
}

const MEMORY_LEGEND = `\
Megabytes: the most that the process of page and worker held at any time, loading and a few passes included, over what it is for a page that
runs no engine; each engine alone in a fresh browser. "GPU's" is the same of the process that stands for the GPU, in which a GPU that
is only software keeps its buffers and its code. Linux keeps this account; elsewhere the columns are empty.`;

/** The parts of the longest task of a traced visit. */
function profileText({ ms: wall, cpuMs, parts }) {
  const list = parts.map(([what, ms]) => `${what} ${ms.toFixed(0)} ms`).join(', ');
  return `In another visit, traced, it took ${wall.toFixed(0)} ms, ${cpuMs.toFixed(0)} of them on a processor: ${list}.`;
}

/** Title, text and legend of each section with results. */
function sections(results) {
  const { rows = [], taps = [], pairs = [], memory = [], wire: sizes, visits: seen, asked, scrolled, audited, growth: grown } = results;
  const smooth = asked?.map(({ what, answers, longestMs, profile }) => {
    const longest = longestMs === 0 ? 'under 50 ms' : `${longestMs.toFixed(0)} ms`;
    return `While ${what} answered for ${answers} pictures, the longest task of the page's main thread took ${longest}.${profile ? ` ${profileText(profile)}` : ''}`;
  });
  const scrolling = scrolled
    && `While a wall of 2,048 channels was scrolled to another place with every frame, a frame took ${range(scrolled.frames)} ms; ${scrolled.tiles} tiles came into sight.`;
  return [
    ['Against other engines, warm', rows.length && peers.warmTable(rows), peers.WARM_LEGEND],
    ['Against other engines, cold', rows.length && peers.coldTable(rows), peers.COLD_LEGEND],
    ['Taps', taps.length && tapsTable(taps), TAPS_LEGEND],
    ['Two engines at once', pairs.length && pairsTable(pairs), PAIRS_LEGEND],
    ['The page', seen && [visits.visitsTable(seen), ...(smooth ?? []), scrolling].filter(Boolean).join('\n\n'), visits.LEGEND],
    ['Lighthouse', audited && lighthouse.lighthouseTable(audited), lighthouse.LEGEND],
    ['On the wire', sizes && wire.wireTable(sizes), wire.LEGEND],
    ['Memory', memory.length && memoryTable(memory), MEMORY_LEGEND],
    ['Growth', grown && [growth.pointsTable(grown.points), growth.fitsTable(grown.fits), growth.profilesTable(grown.profiles)].join('\n\n'), growth.LEGEND],
  ].filter(([, text]) => text);
}

/** Title of the results on a machine's own GPU, the last section of the file. */
const GPU_TITLE = '## On a real GPU';

/** The goals of some results, as in goals.mjs. */
export function reached(results) {
  const { asked } = results;
  const longestTaskMs = asked && Math.max(...asked.map(({ longestMs }) => longestMs));
  return goals.goals({ ...results, longestTaskMs, growth: results.growth?.fits });
}

const NATIVE_LEGEND = `\
The same engine without a browser, as \`cargo bench --profile dev --package stridescope-engine --features gpu --bench gpu\` prints it: networks with our kernels and with burn's, in turns, then
every layer of ResNet-50-D, computed in a row for 20 ms. Input and output copies are included in the networks' times.`;

/** The start of a part of the file: its title, the command that wrote it, and the environment. */
function head(title, command, date, facts) {
  return [title, `Written by \`${command}\` on ${date}.`, facts.map(([name, value]) => `- ${name}: ${value}`).join('\n')];
}

/** The sections with results, under titles of a level. */
function body(level, results) {
  return sections(results).flatMap(([title, text, legend]) => [`${level} ${title}`, text, legend]);
}

/** The results on a GPU as one section; arguments as for `document`. */
export function gpuSection(command, date, facts, results) {
  const measured = reached(results).filter(({ isMet }) => isMet !== null);
  const native = ['### Without a browser', `\`\`\`text\n${results.native}\n\`\`\``, NATIVE_LEGEND];
  return `${[...head(GPU_TITLE, command, date, facts), goals.goalsTable(measured), ...body('###', results), ...native].join('\n\n')}\n`;
}

/** The file with one part replaced: the section of the GPU, or all the rest. */
export function merged(file, part) {
  const at = file.indexOf(GPU_TITLE);
  const [rest, section] = at < 0 ? [file, ''] : [file.slice(0, at), file.slice(at)];
  const [first, second] = part.startsWith(GPU_TITLE) ? [rest, part] : [part, section];
  return [first, second].filter(Boolean).map((text) => text.trimEnd()).join('\n\n') + '\n';
}

/** The whole file as Markdown. `command` is the command that was run, `facts` are pairs of name and value. */
export function document(command, date, facts, results) {
  const aims = ['## Goals', goals.goalsTable(reached(results)), goals.LEGEND];
  return `${[...head('# Benchmark results', command, date, facts), ...aims, ...body('##', results)].join('\n\n')}\n`;
}
