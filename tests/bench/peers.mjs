// The same network on every engine: from measured passes to rows, tables and whether they computed the same.

import { largest, relativeL2, spread } from './numbers.mjs';
import { device, ms, range, ratio, table } from './text.mjs';

/** Ours, then the others. */
export const ENGINES = ['ours', 'ort', 'tfjs'];
export const NAMES = { ours: 'ours', ort: 'ORT', tfjs: 'tfjs' };
/** Largest relative L2 distance of the logits at which engines count as running the same network. */
export const AGREEMENT = 1e-4;
/** On a GPU sums are taken in another order, and some functions are approximate. */
export const AGREEMENT_GPU = 1e-3;

/** Who comes first in each browser, one after another; in the first it is ours. */
export function orders(visits) {
  return Array.from({ length: visits }, (_, visit) => ENGINES.map((_, at) => ENGINES[(at + visit) % ENGINES.length]));
}

/**
 * What is shown of one network. `visits` holds what page.mjs's `compare` returned in the browsers of `orders`. A first pass counts only
 * where the engine came first: whoever comes second meets a busy browser. Where an engine never came first, nothing is said of its first pass.
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

/** Whether all engines computed the same. */
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

/** First passes, of the networks that were run often enough for every engine to come first. */
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

/** The ratios that goals are set for. `rows` of one device; `over` a ratio of theirs. */
export function worst(rows, over) {
  const found = largest(rows, (row) => row[over]);
  return found && { value: found.value, what: label(found.row.bench) };
}
