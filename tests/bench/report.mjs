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

/** What is shown of one network. `measured` is what page.mjs's `compare` returns. */
export function summarise(bench, { ours, ort }) {
  const apart = [[ours.first, ort.first], ...ours.warm.map((pass, i) => [pass, ort.warm[i]])];
  const warm = { ours: spread(ours.warm.map(({ ms }) => ms)), ort: spread(ort.warm.map(({ ms }) => ms)) };
  return {
    bench,
    ours: { warm: warm.ours, firstMs: ours.first.ms, readyMs: ours.readyMs },
    ort: { warm: warm.ort, firstMs: ort.first.ms, readyMs: ort.readyMs },
    ratio: warm.ours.median / warm.ort.median,
    apart: Math.max(...apart.map(([a, b]) => relativeL2(a.logits, b.logits))),
  };
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
Milliseconds. "ours" and "ORT" are warm forward passes, input and output copies included: median (min–max) of ${rounds} passes in turns,
ours then ORT, after a first pass and ${warmUps} more of each. "first" is the first pass; "ready" is everything from starting the
worker to the first answer, from a server on the same machine, over different files: with formula weights ours makes them up, and
with ImageNet weights it fetches half the bytes, as f16. Each network gets a new browser. Both engines run in a dedicated worker of
the same page with 128-bit SIMD, and the page is not cross-origin isolated, so that neither has more than one thread. "logits apart" is
the largest relative L2 distance between their logits: at ${AGREEMENT} or less (WebGPU: ${AGREEMENT_GPU}) they compute the same network.`;
}

/** The file that `--write` writes. `facts`: pairs of name and value. */
export function document(date, facts, rows, counts) {
  const list = facts.map(([name, value]) => `- ${name}: ${value}`).join('\n');
  return `# Benchmark results\n\nWritten by \`cargo xtask bench --write\` on ${date}.\n\n${list}\n\n${table(rows)}\n\n${legend(counts)}\n`;
}
