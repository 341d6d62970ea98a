// From measured passes to numbers and tables.

/** Largest relative L2 distance of the logits at which two engines count as running the same network. */
export const AGREEMENT = 1e-4;
/** On a GPU sums are taken in another order, and some functions are approximate. */
export const AGREEMENT_GPU = 1e-3;
/** What our warm CPU latency may be, as a multiple of the peer's. */
export const GOAL = 1.2;

export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}

/** ‖values - reference‖ / ‖reference‖; infinite when they cannot be compared. */
export function relativeL2(values, reference) {
  const square = (sum, x) => sum + x * x;
  const difference = values.map((value, i) => value - reference[i]).reduce(square, 0);
  const relative = Math.sqrt(difference / reference.reduce(square, 0));
  return values.length === reference.length && Number.isFinite(relative) ? relative : Infinity;
}

/**
 * What is shown of one network. `visits` holds what page.mjs's `compare` returned in two browsers: in the first our engine came
 * first, in the second its peer. A first pass counts only where the engine came first: whoever comes second meets a busy browser.
 */
export function summarise(bench, visits) {
  const engine = (name, alone) => {
    const warm = spread(visits.flatMap((visit) => visit[name].warm.map(({ ms }) => ms)));
    return { warm, firstMs: alone[name].first.ms, readyMs: alone[name].readyMs };
  };
  const [ours, ort] = [engine('ours', visits[0]), engine('ort', visits[1])];
  const passes = (name) => visits.flatMap((visit) => [visit[name].first, ...visit[name].warm]);
  const reference = passes('ort');
  const apart = Math.max(...passes('ours').map(({ logits }, i) => relativeL2(logits, reference[i].logits)));
  return { bench, ours, ort, ratio: ours.warm.median / ort.warm.median, apart };
}

/** Whether both engines computed the same. */
export function agrees({ bench, apart }) {
  return apart <= (bench.backend === 'webgpu' ? AGREEMENT_GPU : AGREEMENT);
}

const ms = (value) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const range = ({ min, median, max }) => `${ms(median)} (${ms(min)}–${ms(max)})`;

const COLUMNS = [
  ['network', ({ bench }) => `${bench.net}, ${bench.size} px`],
  ['weights', ({ bench }) => (bench.weights === 'formula' ? 'formula' : 'ImageNet')],
  ['device', ({ bench }) => (bench.backend === 'cpu' ? 'CPU' : 'WebGPU')],
  ['ours', ({ ours }) => range(ours.warm)],
  ['ORT', ({ ort }) => range(ort.warm)],
  ['ours / ORT', ({ ratio }) => ratio.toFixed(2)],
  ['first, ours', ({ ours }) => ms(ours.firstMs)],
  ['first, ORT', ({ ort }) => ms(ort.firstMs)],
  ['ready, ours', ({ ours }) => ms(ours.readyMs)],
  ['ready, ORT', ({ ort }) => ms(ort.readyMs)],
  ['logits apart', ({ apart }) => apart.toExponential(0)],
];

/** A Markdown table whose columns line up as plain text too. */
export function table(rows) {
  const cells = [COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
  const widths = COLUMNS.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  const line = (texts) => `| ${texts.map((text, i) => text.padEnd(widths[i])).join(' | ')} |`;
  return [line(cells[0]), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...cells.slice(1).map(line)].join('\n');
}

/** How to read the table. */
export function legend({ rounds, warmUps }) {
  return `\
Milliseconds. "ours" and "ORT" are warm forward passes, input and output copies included: median (min–max) of ${2 * rounds} passes of
each in turns, half of them in a browser where ours came first, half in one where ORT did, after a first pass and ${warmUps} more.
"first" is the first pass, and "ready" everything from starting the worker to its answer, both in the browser where that engine
came first. The files for "ready" come from a server on the same machine, and differ: with formula weights ours fetches none and
makes them up, with ImageNet weights it fetches f16, half the bytes. Both engines run in dedicated workers of one page with 128-bit
SIMD, and the page is not cross-origin isolated, so that neither has more than one thread. "logits apart" is the largest relative
L2 distance between their logits: at ${AGREEMENT.toExponential()} or less (WebGPU: ${AGREEMENT_GPU.toExponential()}) they compute the same network.`;
}

/** The file that `--write` writes. `facts`: pairs of name and value. */
export function document(date, facts, rows, counts) {
  const list = facts.map(([name, value]) => `- ${name}: ${value}`).join('\n');
  const origin = `Written by \`cargo xtask bench --write\` on ${date}.`;
  return `${['# Benchmark results', origin, list, table(rows), legend(counts)].join('\n\n')}\n`;
}
