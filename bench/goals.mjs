// The goals of the benchmark, and how far each is reached.

import { readFileSync } from 'node:fs';
import { LINEAR_WITHIN, worstOff } from './growth.mjs';
import { lost } from './lighthouse.mjs';
import { largest, median } from './numbers.mjs';
import { worst } from './peers.mjs';
import { device, kb, ms, percent, ratio, table } from './text.mjs';

/** The download of each part, in bytes with brotli: its limit, which every build keeps, and its recorded size. */
const SIZES = JSON.parse(readFileSync(new URL('sizes.json', import.meta.url), 'utf8'));
const UNKNOWN = 'not measured in this run';

/** A goal: its title, the limit, the measurement in the same unit, and the format of both. */
function goal(what, limit, found, write) {
  const measured = found === null ? UNKNOWN : [write(found.value), found.what].filter(Boolean).join(', ');
  const share = found === null ? null : found.value / limit;
  return { what, limit: write(limit), measured, share, isMet: share === null ? null : share <= 1 };
}

/**
 * Every goal. `results`: rows of peers, taps, visits, the longest task of `askAround`, frames of a scrolled wall, rows of
 * Lighthouse's scores, and fits of growth; absent where not measured. */
export function goals({ rows = [], taps = [], visits, longestTaskMs, scrolled, audited, growth }) {
  const on = (backend) => rows.filter(({ bench }) => bench.backend === backend);
  const isMain = ({ bench }) => bench.size === 224 && bench.batch === 1 && bench.net.startsWith('resnet50-');
  const middle = (kind, of) => (visits ? { value: median(visits[kind].map((visit) => visit[of])) } : null);
  const tapped = (backend) => {
    const found = largest(taps.filter(({ bench }) => bench.backend === backend), (row) => row.ratio);
    return found && { value: found.value, what: found.row.bench.net };
  };
  const times = (value) => `${ratio(value)} ×`;
  const time = (value) => `${ms(value)} ms`;
  const task = visits || longestTaskMs !== undefined
    ? Math.max(longestTaskMs ?? 0, ...(visits ? Object.values(visits).flat().map(({ computingTaskMs }) => computingTaskMs) : []))
    : null;
  return [
    goal('CPU, warm, ResNet-50 A to D at 224 px, against onnxruntime-web', 0.8, worst(on('cpu').filter(isMain), 'overOrt'), times),
    goal('CPU, warm, every other size, batch and depth, likewise', 0.8, worst(on('cpu').filter((row) => !isMain(row)), 'overOrt'), times),
    goal('WebGPU, warm, against the faster of both', 0.8, worst(on('webgpu'), 'overFaster'), times),
    ...['cpu', 'webgpu'].map((backend) => goal(`All blocks tapped, ${device(backend)}, against none`, 1.25, tapped(backend), times)),
    goal('Longest task of the main thread while computing', 50, task === null ? null : { value: task, what: task === 0 && 'none over 50 ms' }, time),
    goal('A frame while 2,048 channels are scrolled', 20, scrolled ? { value: scrolled.frames.median } : null, time),
    goal('Page usable, cold', 1000, middle('cold', 'usableMs'), time),
    goal('First tiny prediction, cold, CPU', 2500, middle('cold', 'answeredMs'), time),
    goal('First tiny prediction, warm visit', 800, middle('again', 'answeredMs'), time),
    ...['desktop', 'phone'].map((form) => goal(`Lighthouse, points that performance lacks to 100, ${form}`, 5, audited ? lost(audited, form) : null, ms)),
    ...Object.entries(SIZES).map(([part, { limit, recorded }]) => goal(`Download of the ${part}, as recorded`, limit, { value: recorded }, kb)),
    goal('Time grows linearly with MACs, farthest off', LINEAR_WITHIN, growth ? worstOff(growth.time) : null, percent),
    goal('Memory grows linearly with MACs, farthest off', LINEAR_WITHIN, growth ? worstOff(growth.memory) : null, percent),
  ];
}

export function goalsTable(goals) {
  return table(
    [
      ['goal', ({ what }) => what],
      ['at most', ({ limit }) => limit],
      ['measured', ({ measured }) => measured],
      ['of the limit', ({ share }) => ratio(share)],
      ['met', ({ isMet }) => ({ true: 'yes', false: 'no', null: '–' })[isMet]],
    ],
    goals,
  );
}

export const LEGEND = `\
Where several things were measured, the worst one stands here, and which it was. "of the limit" is what was measured over what is
aimed at: at 1 or less the goal is met.`;
