// Growth of time and memory with the work: points of several series, over their MACs.

import { largest, line } from './numbers.mjs';
import { mb, ms, percent, table } from './text.mjs';
import { label } from './peers.mjs';

/** Largest relative deviation of a point from the line. */
export const LINEAR_WITHIN = 0.2;

/** A point of growth. `passes` holds the measurements of each browser, `{warm: [ms], peak: bytes}`. */
export function point(plan, passes) {
  const gmacs = plan.macs / 1e9;
  // Other programs can only add to both, so the minimum is the best estimate.
  const warmMs = Math.min(...passes.flatMap(({ warm }) => warm));
  const peak = passes.every(({ peak }) => peak !== null) ? Math.min(...passes.map(({ peak }) => peak)) : null;
  return { ...plan, gmacs, warmMs, peak };
}

/** Work and time of a network by kind of layer. `timings`: the result of `time` of page.mjs; `plan.kinds` names the kind of each layer. */
export function profile(plan, timings) {
  const kinds = {};
  for (const { node, ms, macs } of timings) {
    const kind = (kinds[plan.kinds[node]] ??= { ms: 0, gmacs: 0 });
    kind.ms += ms;
    kind.gmacs += macs / 1e9;
  }
  return { plan, kinds };
}

export function profilesTable(profiles) {
  const names = [...new Set(profiles.flatMap(({ kinds }) => Object.keys(kinds)))];
  const cell = (kind) => {
    if (!kind) return '–';
    return kind.gmacs < 0.05 ? `${ms(kind.ms)} ms` : `${ms(kind.ms)} ms, ${(kind.ms / kind.gmacs).toFixed(0)} a GMAC`;
  };
  return table([['network', ({ plan }) => label(plan)], ...names.map((name) => [name, ({ kinds }) => cell(kinds[name])])], profiles);
}

/** A line fitted to each series, for time and for memory; and to all points, for time. */
export function fits(points) {
  const series = [...new Set(points.map(({ series }) => series))];
  const fit = (name, of, value) => {
    const known = of.filter((point) => value(point) !== null);
    if (known.length < 3) return [];
    const { worst, at, ...found } = line(known.map((point) => [point.gmacs, value(point)]));
    return [{ series: name, ...found, worst, at: label(known[at]) }];
  };
  const each = (value) => series.flatMap((name) => fit(name, points.filter((point) => point.series === name), value));
  // A network that is in several series counts once.
  const distinct = points.filter((point, at) => points.findIndex((other) => label(other) === label(point)) === at);
  return {
    time: [...each(({ warmMs }) => warmMs), ...fit('all', distinct, ({ warmMs }) => warmMs)],
    memory: each(({ peak }) => peak),
  };
}

/** The largest relative deviation of a point from its line, and the point. */
export function worstOff(fits) {
  const found = largest(fits, ({ worst }) => worst);
  return found && { value: found.value, what: `${found.row.at} of ${found.row.series}` };
}

export function pointsTable(points) {
  return table(
    [
      ['series', ({ series }) => series],
      ['network', (point) => label(point)],
      ['GMAC', ({ gmacs }) => gmacs.toFixed(2)],
      ['M parameters', ({ params }) => (params / 1e6).toFixed(1)],
      ['ms', ({ warmMs }) => ms(warmMs)],
      ['ms / GMAC', ({ warmMs, gmacs }) => (warmMs / gmacs).toFixed(0)],
      ['peak MB', ({ peak }) => mb(peak)],
    ],
    points,
  );
}

export function fitsTable({ time, memory }) {
  const verdict = ({ worst }) => (worst <= LINEAR_WITHIN ? 'yes' : 'no');
  return table(
    [
      ['what', ({ what }) => what],
      ['series', ({ series }) => series],
      ['line', ({ text }) => text],
      ['farthest off', ({ worst, at }) => `${percent(worst)}, ${at}`],
      [`within ${percent(LINEAR_WITHIN)}`, verdict],
    ],
    [
      ...time.map((fit) => ({ what: 'time', text: `${ms(fit.base)} ms + ${fit.slope.toFixed(1)} ms a GMAC`, ...fit })),
      ...memory.map((fit) => ({ what: 'memory', text: `${mb(fit.base)} MB + ${mb(fit.slope)} MB a GMAC`, ...fit })),
    ],
  );
}

export const LEGEND = `\
Our engine on the CPU, one picture, synthetic weights, each network alone in fresh browsers. "GMAC" are the billions of multiply-accumulates of its
convolutions and classifier, "ms" the fastest of its warm passes, "peak MB" the most that the process of page and worker held at any
time, loading included, over an empty page's. The lines are those that lie closest to the points in proportion; "farthest off" is the point
whose measurement lies off its line by the largest share of the line's value. Depth and width change weights and maps, size maps alone.

The last table says where the time of each depth goes, every layer measured alone. What a multiply-accumulate costs hangs on the kind of layer
more than on the network: 3 × 3 at stride 1, of which ResNet-18 and -34 are made, is computed by Winograd's algorithm with fewer multiplications, most of the others'
is 1 × 1, where there is nothing to save, and the stem, the same for all, weighs most in the shallow ones. That is why depths need not lie on one line.`;
