// The same network on every engine: rows and tables of the passes, and a check that the logits agree.

import { largest, relativeL2, spread } from './numbers.mjs';
import { device, ms, range, ratio, table } from './text.mjs';

/** Our engine, then the others. */
export const ENGINES = ['ours', 'ort', 'tfjs'];
export const NAMES = { ours: 'ours', ort: 'ORT', tfjs: 'tfjs' };
/** Largest relative L2 distance between logits of the same network. */
export const AGREEMENT = 1e-4;
/** A GPU adds in another order, and some of its functions are approximate. */
export const AGREEMENT_GPU = 1e-3;

/** The order of the engines in each browser; ours is the first in the first browser. */
export function orders(visits) {
  return Array.from({ length: visits }, (_, visit) => ENGINES.map((_, at) => ENGINES[(at + visit) % ENGINES.length]));
}

/**
 * The row of one network. `visits` holds the results of `compare` of page.mjs in the browsers of `orders`. A first pass counts only where the engine
 * was the first in its browser: a later one meets a busy browser. An engine that was never the first has no first pass.
 */
export function summarise(bench, visits) {
  const first = orders(visits.length).map(([name]) => name);
  const engine = (name) => {
    const alone = visits[first.indexOf(name)]?.[name];
    const warm = spread(visits.flatMap((visit) => visit[name].warm.map(({ ms }) => ms)));
    return { warm, firstMs: alone?.first.ms ?? null, readyMs: alone?.readyMs ?? null };
  };
  const passes = (name) => visits.flatMap((visit) => [visit[name].first, ...visit[name].warm]);
  const distances = (name, other) => passes(name).map(({ logits }, at) => relativeL2(logits, passes(other)[at].logits));
  const apart = Math.max(...[['ours', 'ort'], ['ours', 'tfjs'], ['tfjs', 'ort']].flatMap(([name, other]) => distances(name, other)));
  const row = { bench, ...Object.fromEntries(ENGINES.map((name) => [name, engine(name)])), apart };
  const over = (name) => row.ours.warm.median / row[name].warm.median;
  return { ...row, overOrt: over('ort'), overTfjs: over('tfjs'), overFaster: Math.max(over('ort'), over('tfjs')) };
}

/** Whether the logits of all engines agree. */
export function agrees({ bench, apart }) {
  return apart <= (bench.backend === 'webgpu' ? AGREEMENT_GPU : AGREEMENT);
}

export function label({ net, size, batch = 1 }) {
  return `${net}, ${size} px${batch === 1 ? '' : `, batch ${batch}`}`;
}

const NETWORK = [
  ['network', ({ bench }) => label(bench)],
  ['weights', ({ bench }) => (bench.weights === 'synthetic' ? 'synthetic' : 'ImageNet')],
  ['device', ({ bench }) => device(bench.backend)],
];

export function warmTable(rows) {
  return table(
    [
      ...NETWORK,
      ...ENGINES.map((name) => [NAMES[name], (row) => range(row[name].warm)]),
      ['ours / ORT', ({ overOrt }) => ratio(overOrt)],
      ['ours / tfjs', ({ overTfjs }) => ratio(overTfjs)],
      ['passes', ({ bench }) => bench.visits * bench.rounds],
      ['logits apart', ({ apart }) => apart.toExponential(0)],
    ],
    rows,
  );
}

/** Table of first passes, of the networks with enough browsers for every engine to be the first. */
export function coldTable(rows) {
  const known = rows.filter((row) => ENGINES.every((name) => row[name].firstMs !== null));
  const columns = [
    ['first', 'firstMs'],
    ['ready', 'readyMs'],
  ].flatMap(([title, of]) => ENGINES.map((name) => [`${title}, ${NAMES[name]}`, (row) => ms(row[name][of])]));
  return table([...NETWORK, ...columns], known);
}

export const WARM_LEGEND = `\
Milliseconds of a forward pass, warm, input and output copies included: median (min–max) of the passes counted in "passes", the engines
taking turns in one page, after a first pass and at least 1.5 s more of warm-up (none for a ResNet-50 on WebGPU in software). Networks of
the table below were run in three browsers, each beginning with another engine. "ours / ORT" below 1 means that ours is faster. Every
engine runs in a dedicated worker with 128-bit SIMD, and the page is not cross-origin isolated, so that none has more than one thread. All
have the same numbers, normalisations folded into the convolutions beforehand. "logits apart" is the largest relative L2 distance between the
logits of any two engines in any pass: at ${AGREEMENT.toExponential()} or less (WebGPU: ${AGREEMENT_GPU.toExponential()}) they compute the same network.`;

export const COLD_LEGEND = `\
Milliseconds. "first" is the first pass, and "ready" everything from starting the worker to that pass's answer, each in a fresh browser
where that engine came first. The files for "ready" come from a server on the same machine, uncompressed, and differ: with synthetic weights ours
fetches none and makes them up, with ImageNet weights it fetches f16, half the bytes.`;

/** The ratios that have goals. `rows` are of one device; `over` names a ratio of a row. */
export function worst(rows, over) {
  const found = largest(rows, (row) => row[over]);
  return found && { value: found.value, what: label(found.row.bench) };
}
