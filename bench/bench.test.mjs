// The benchmark's arithmetic; the measuring itself is `cargo xtask bench`.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { goals, goalsTable } from './goals.mjs';
import { fits, fitsTable, point, profile, profilesTable, worstOff } from './growth.mjs';
import { line, relativeL2, spread } from './numbers.mjs';
import { agrees, coldTable, orders, summarise, warmTable } from './peers.mjs';
import { document, gpuSection, memoryRow, merged, pairRow, tapsRow } from './report.mjs';
import { longest } from './trace.mjs';
import { longestTask } from './visits.mjs';
import { compressedBytes, engineFiles, pageParts } from './wire.mjs';

test('the section of a GPU and the rest of the file are each written without the other', () => {
  const facts = [['Machine', 'two cores']];
  const row = tapsRow({ net: 'tiny-d', size: 128, backend: 'webgpu', taps: ['a'] }, { without: [10], with: [11] });
  const whole = (command) => document(command, '2026-11-25', facts, { taps: [row] });
  const section = (native) => gpuSection('cargo xtask bench --gpu', '2026-11-26', facts, { taps: [row], native });
  const both = merged(whole('first'), section('card one'));
  assert.ok(both.startsWith(whole('first')));
  assert.match(both, /## On a real GPU\n\nWritten by `cargo xtask bench --gpu` on 2026-11-26\.[^]*All blocks tapped, WebGPU, against none[^]*### Taps[^]*card one/);
  assert.equal(both.includes('not measured in this run', both.indexOf('## On a real GPU')), false, 'goals of other parts are left out');
  assert.equal(merged(both, section('card two')), both.replace('card one', 'card two'));
  assert.equal(merged(both, whole('second')), both.replace('first', 'second'));
  assert.equal(merged('', section('card')), section('card'));
  assert.equal(merged('', whole('first')), whole('first'));
});

test('the middle of a spread is the median', () => {
  assert.deepEqual(spread([30, 9, 10]), { min: 9, median: 10, max: 30 });
  assert.deepEqual(spread([4, 1, 100, 2]), { min: 1, median: 3, max: 100 });
});

test('relative L2 is a distance over a norm, and infinite where it is not defined', () => {
  const cases = [
    [[3, 4], [3, 4], 0],
    [[3, 4.5], [3, 4], 0.1],
    [[3, NaN], [3, 4], Infinity],
    [[3, 4, 0], [3, 4], Infinity],
    [[3], [3, 4], Infinity],
    [[1], [0], Infinity],
  ];
  for (const [values, reference, expected] of cases) assert.equal(relativeL2(values, reference), expected, `${values}`);
});

test('a line has the least relative error, and its worst point is named', () => {
  const exact = line([[1, 12], [2, 14], [10, 30]]);
  for (const [found, expected] of [[exact.base, 10], [exact.slope, 2], [exact.worst, 0]]) assert.ok(Math.abs(found - expected) < 1e-9, `${found}`);

  const points = [[1, 11], [2, 19], [4, 44], [8, 78]];
  const { base, slope, worst, at } = line(points);
  const off = ([base, slope]) => points.reduce((sum, [x, y]) => sum + ((y - base - slope * x) / y) ** 2, 0);
  // No line nearby has a smaller error.
  for (const step of [[0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]]) {
    assert.ok(off([base + step[0], slope + step[1]]) > off([base, slope]), `${step}`);
  }
  const [x, y] = points[at];
  assert.equal(worst, Math.abs(y / (base + slope * x) - 1));
  assert.ok(points.every(([x, y]) => Math.abs(y / (base + slope * x) - 1) <= worst));
});

/** A visit with these times of the engines' passes, the first pass first. */
function visit(ours, ort, tfjs, logits = [3, 4]) {
  const engine = ([first, ...warm], values) => {
    const pass = (ms) => ({ ms, logits: values });
    return { first: pass(first), readyMs: 10 * first, warm: warm.map(pass) };
  };
  return { ours: engine(ours, logits), ort: engine(ort, [3, 4]), tfjs: engine(tfjs, [3, 4]) };
}

const BENCH = { net: 'resnet50-d', weights: 'synthetic', size: 224, batch: 1, backend: 'cpu', visits: 3, rounds: 2 };

test('in three browsers every engine is the first once', () => {
  assert.deepEqual(orders(3), [['ours', 'ort', 'tfjs'], ['ort', 'tfjs', 'ours'], ['tfjs', 'ours', 'ort']]);
});

test('first passes are taken where the engine was the first, warm passes everywhere', () => {
  const row = summarise(BENCH, [
    visit([700, 300, 310], [999, 100, 110], [998, 200, 210]),
    visit([999, 320, 330], [800, 120, 130], [997, 220, 230]),
    visit([999, 340, 350], [996, 140, 150], [900, 240, 250]),
  ]);
  assert.deepEqual(row.ours, { warm: { min: 300, median: 325, max: 350 }, firstMs: 700, readyMs: 7000 });
  assert.deepEqual(row.ort, { warm: { min: 100, median: 125, max: 150 }, firstMs: 800, readyMs: 8000 });
  assert.deepEqual(row.tfjs, { warm: { min: 200, median: 225, max: 250 }, firstMs: 900, readyMs: 9000 });
  assert.deepEqual([row.overOrt, row.overTfjs, row.overFaster], [325 / 125, 325 / 225, 325 / 125]);
  assert.ok(agrees(row));
  const lines = warmTable([row]).split('\n');
  assert.equal(new Set(lines.map((line) => line.length)).size, 1, 'the columns line up');
  assert.match(lines[2], /resnet50-d, 224 px \| synthetic \| CPU .* 325 \(300–350\) \| 125 \(100–150\) \| 225 \(200–250\) /);
  assert.match(lines[2], /\| 2\.60 .* \| 1\.44 .* \| 6 /);
  assert.match(coldTable([row]).split('\n')[2], /\| 700 .* \| 800 .* \| 900 .* \| 7000 .* \| 8000 .* \| 9000 /);
});

test('one browser has a first pass of its first engine only', () => {
  const row = summarise({ ...BENCH, batch: 8, visits: 1 }, [visit([700, 300], [999, 100], [998, 200])]);
  assert.deepEqual([row.ours.firstMs, row.ort.firstMs, row.tfjs.readyMs], [700, null, null]);
  assert.equal(coldTable([row]).split('\n').length, 2, 'it is left out');
  assert.match(warmTable([row]), /resnet50-d, 224 px, batch 8 /);
});

test('one pass with other logits is a disagreement, and a GPU has a larger tolerance', () => {
  const same = visit([1, 1], [1, 1], [1, 1]);
  const row = (logits, backend) => summarise({ ...BENCH, backend }, [same, visit([1, 1], [1, 1], [1, 1], logits)]);
  assert.equal(agrees(row([3, 4.0004], 'cpu')), true);
  assert.equal(agrees(row([3, 4.001], 'cpu')), false);
  assert.equal(agrees(row([3, 4.001], 'webgpu')), true);
  assert.equal(agrees(row([3, 4.01], 'webgpu')), false);
  const others = visit([1, 1], [1, 1], [1, 1]);
  others.tfjs.warm[0].logits = [3, 4.1];
  assert.equal(agrees(summarise(BENCH, [others])), false);
});

/** A point of growth from two browsers. */
function growing(series, net, gmacs, ms, peak) {
  const passes = [{ warm: [ms, ms + 1, ms + 2], peak }, { warm: [ms - 1, ms, ms + 1], peak: peak && peak + 5e6 }];
  return point({ series, net, size: 224, macs: gmacs * 1e9, params: 1e6 }, passes);
}

test('a point of growth has the fastest of all passes and the smaller of its peaks', () => {
  const { gmacs, warmMs, peak } = growing('depth', 'a', 2, 100, 3e6);
  assert.deepEqual([gmacs, warmMs, peak], [2, 99, 3e6]);
  assert.equal(growing('depth', 'a', 2, 100, null).peak, null);
});

test('each series has its line, and a network in two series counts once in the line of all', () => {
  const straight = [1, 2, 4].map((gmacs) => growing('depth', `d${gmacs}`, gmacs, 100 * gmacs, 50e6 * gmacs));
  const bent = [['d2', 2, 200], ['s3', 3, 390], ['s6', 6, 600], ['s9', 9, 900]].map((one) => growing('size', ...one, 100e6));
  const { time, memory } = fits([...straight, ...bent]);
  assert.deepEqual(time.map(({ series }) => series), ['depth', 'size', 'all']);
  assert.ok(time[0].worst < 0.01 && Math.abs(time[0].slope - 100) < 1, `${time[0].slope}`);
  assert.ok(time[1].worst > 0.1 && time[1].at === 's3, 224 px', JSON.stringify(time[1]));
  assert.deepEqual(memory.map(({ series }) => series), ['depth', 'size']);
  assert.ok(Math.abs(memory[0].slope - 50e6) < 1 && memory[1].worst < 1e-9);
  assert.equal(worstOff(time).value, Math.max(...time.map(({ worst }) => worst)));
  assert.match(worstOff(time).what, /^s3, 224 px of (size|all)$/);
  assert.match(fitsTable({ time, memory }), /\| memory \| depth +\| .*50\.0 MB a GMAC +\| 0 %, .*\| yes/);

  const once = fits([...straight, ...bent.slice(1)]).time.at(-1);
  assert.deepEqual([once.slope, once.base], [time[2].slope, time[2].base]);
  assert.deepEqual(fits(straight.slice(1)), { time: [], memory: [] }, 'two points are always on a line');
  assert.deepEqual(fits(straight.map((point) => ({ ...point, peak: null }))).memory, []);
});

test('layers are summed by kind, and kinds with few MACs have no rate', () => {
  const plan = { net: 'a', size: 224, kinds: { conv1: '3 × 3', conv2: '3 × 3', pool: 'the rest' } };
  const found = profile(plan, [{ node: 'conv1', ms: 30, macs: 4e8 }, { node: 'pool', ms: 2, macs: 0 }, { node: 'conv2', ms: 20, macs: 6e8 }]);
  assert.deepEqual(found.kinds, { '3 × 3': { ms: 50, gmacs: 1 }, 'the rest': { ms: 2, gmacs: 0 } });
  const other = profile({ ...plan, kinds: { fc: 'classifier' } }, [{ node: 'fc', ms: 1, macs: 0 }]);
  assert.match(profilesTable([found, other]), /a, 224 px \| 50 ms, 50 a GMAC \| 2\.0 ms +\| – +\|\n\| a, 224 px \| – +\| – +\| 1\.0 ms/);
});

test('the longest task of a trace is that of the main thread after the mark', () => {
  const event = (name, ts, dur, more) => ({ name, cat: 'toplevel', ph: 'X', pid: 1, tid: 2, ts, dur, tdur: dur / 2, ...more });
  const task = 'ThreadControllerImpl::RunTask';
  const events = [
    { name: 'usableMs', cat: 'blink.user_timing', ph: 'I', pid: 1, tid: 2, ts: 200_000 },
    event(task, 0, 150_000), event(task, 300_000, 80_000), event('wasm.CompileLazy', 310_000, 30_000), event('Layout', 350_000, 10_000),
    event('UpdateLayoutTree', 345_000, 2_000), event(task, 400_000, 60_000), event('Layout', 410_000, 50_000), event(task, 300_000, 900_000, { tid: 3 }),
  ];
  const { ms, cpuMs, parts } = longest(events, 'usableMs');
  assert.deepEqual([ms, cpuMs], [80, 40]);
  assert.deepEqual(parts.filter(([, ms]) => ms > 0), [['compiling functions of WebAssembly on their first call', 30], ['styles and layout', 12]]);
  assert.equal(longest(events.slice(0, 2), 'usableMs'), undefined);
});

test('the longest task overlaps the interval', () => {
  const tasks = [[0, 300], [400, 460], [500, 575], [900, 980]];
  const cases = [[[310, 390], 0], [[410, 420], 60], [[450, 550], 75], [[460, 500], 0], [[0, 1000], 300]];
  for (const [span, expected] of cases) assert.equal(longestTask(tasks, span), expected, `${span}`);
  assert.equal(longestTask([], [0, 1]), 0);
});

test('goals compare the worst measurement with the limit', () => {
  const row = (net, overOrt, bench = {}, overFaster = overOrt) => ({ bench: { ...BENCH, net, ...bench }, overOrt, overFaster });
  const visits = (usableMs, answeredMs, computingTaskMs) => [{ usableMs, answeredMs, computingTaskMs }];
  const results = {
    rows: [
      row('resnet50-a', 0.6), row('resnet50-b', 0.76), row('resnet18-d', 0.9), row('resnet50-d', 0.85, { size: 64 }),
      row('resnet50-c', 0.8, { batch: 8 }), row('tiny-d', 0.5, { backend: 'webgpu', size: 128 }, 0.84),
    ],
    taps: [{ bench: { net: 'resnet50-d', backend: 'cpu' }, ratio: 1.125 }],
    visits: { cold: visits(500, 3000, 0), again: visits(100, 700, 0), reopened: visits(100, 700, 60) },
    longestTaskMs: 0,
    scrolled: { frames: { min: 16, median: 17, max: 18 }, tiles: 300 },
    audited: [
      { what: 'one', desktop: [99, 97, 98], phone: [100, 80, 96] }, { what: 'other', desktop: [100, 100, 100], phone: [92, 94, 90] },
    ],
  };
  const runs = (all) => all.filter(({ what }) => !what.startsWith('Download of the '));
  const found = runs(goals(results)).map(({ share, isMet, measured }) => [share && Number(share.toFixed(2)), isMet, measured]);
  assert.deepEqual(found, [
    [0.95, true, '0.76 ×, resnet50-b, 224 px'],
    [1.13, false, '0.90 ×, resnet18-d, 224 px'],
    [1.05, false, '0.84 ×, tiny-d, 128 px'],
    [0.9, true, '1.13 ×, resnet50-d'],
    [null, null, 'not measured in this run'],
    [1.2, false, '60 ms'],
    [0.85, true, '17 ms'],
    [0.5, true, '500 ms'],
    [1.2, false, '3000 ms'],
    [0.88, true, '700 ms'],
    [0.4, true, '2.0, one'],
    [1.6, false, '8.0, other'],
    [null, null, 'not measured in this run'],
    [null, null, 'not measured in this run'],
  ]);
  const time = [{ series: 'depth', at: 'x', worst: 0.1 }, { series: 'all', at: 'y', worst: 0.3 }];
  const growth = { time, memory: [{ series: 'size', at: 'z', worst: 0.2 }] };
  const grown = goals({ ...results, visits: undefined, growth });
  assert.deepEqual(grown.slice(-2).map(({ isMet, measured }) => [isMet, measured]), [[false, '30 %, y of all'], [true, '20 %, z of size']]);
  assert.deepEqual([grown[5].isMet, grown[5].measured], [true, '0.0 ms, none over 50 ms'], 'no task over 50 ms is known');
  assert.deepEqual(runs(goals({})).map(({ isMet }) => isMet), Array(14).fill(null));
  const sizes = goals({}).filter((goal) => !runs([goal]).length);
  assert.deepEqual(sizes.map(({ what, limit, isMet }) => [what, limit, isMet]), [
    ['Download of the element, as recorded', '5.0 kB', true],
    ['Download of the engine, as recorded', '1600.0 kB', true],
    ['Download of the figures, as recorded', '360.0 kB', true],
    ['Download of the page, as recorded', '300.0 kB', true],
  ]);
  assert.match(goalsTable(goals(results)), /\| 0\.95 +\| yes \|[^]*\| 1\.20 +\| no +\|[^]*\| – +\| – +\|/);
});

test('downloads are counted by part, and an engine\'s files once', () => {
  const sent = [
    ['/', 10],
    ['/app-0123456789abcdef/app.js', 200],
    ['/app-0123456789abcdef/app_bg.wasm', 3000],
    ['/app-0123456789abcdef/app-chunk_7.wasm', 40],
    ['/app-0123456789abcdef/app-split_cost.wasm', 50],
    ['/engine-0123456789abcdef/worker_loader.js', 4],
    ['/engine-0123456789abcdef/worker_bg.wasm', 50000],
    ['/weights-0123456789abcdef/tiny-a.safetensors', 600000],
    ['/samples-0123456789abcdef/chelsea.png', 7],
    ['/app-0123456789abcdef/styles.css', 1],
    ['/ort/a.wasm', 5],
    ['/ort/a.wasm', 5],
    ['/tfjs-wasm/b.js', 5],
  ].map(([path, bytes]) => ({ path, bytes, file: `/files${path}` }));
  assert.deepEqual(pageParts(sent.slice(0, 10)).map(({ what, files, bytes }) => [what, files, bytes]), [
    ['page: code that it starts with', 2, 3200],
    ['page: code of figures', 2, 90],
    ['page: engine', 2, 50004],
    ['page: weights and pictures', 2, 600007],
    ['page: the rest', 2, 11],
  ]);
  assert.deepEqual(engineFiles('ort', sent), [['/ort/a.wasm', '/files/ort/a.wasm']]);
  assert.deepEqual(engineFiles('ours', sent).map(([path]) => path), ['/engine-0123456789abcdef/worker_loader.js', '/engine-0123456789abcdef/worker_bg.wasm']);
  assert.deepEqual(engineFiles('tfjs', sent).map(([path]) => path), ['/tfjs-wasm/b.js']);
});

test('compressed sizes are cached by content', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  context.after(() => rm(folder, { recursive: true }));
  const [file, cache] = [join(folder, 'a.js'), join(folder, 'cache')];
  await writeFile(file, 'stride '.repeat(1000));
  const once = await compressedBytes([file], cache);
  assert.ok(once > 0 && once < 100, `${once}`);
  assert.equal(await compressedBytes([file, file], cache), 2 * once);
  await writeFile(file, 'another text');
  assert.notEqual(await compressedBytes([file], cache), once);
  await writeFile(`${file}.br`, 'four');
  assert.equal(await compressedBytes([file], cache), 4, 'what the build left beside it');
});

test('memory is what an engine takes over an empty page', () => {
  const peak = (page, gpu) => ({ page, gpu });
  const row = memoryRow(BENCH, { none: peak(100, 10), ours: peak(300, 11), ort: peak(500, 12), tfjs: peak(400, 13) });
  assert.deepEqual([row.page, row.gpu], [{ ours: 200, ort: 400, tfjs: 300 }, { ours: 1, ort: 2, tfjs: 3 }]);
  const unknown = memoryRow(BENCH, { none: peak(null, null), ours: peak(null, null) });
  assert.deepEqual(unknown.page, { ours: null });
});

test('the file has the goals first, and only sections with measurements', () => {
  const bench = { net: 'resnet50-d', size: 224, backend: 'cpu', taps: ['layer1.0', 'layer1.1'] };
  const taps = [tapsRow(bench, { without: [100, 110, 120], with: [121, 121, 140] })];
  const pairs = [pairRow(bench, { alone: [100, 100, 130], both: [120, 125, 140] }), pairRow(bench, { alone: [100], both: [130] })];
  const text = document('cargo xtask bench', '2026-11-25', [['Machine', 'two cores']], { taps, pairs });
  assert.match(text, /^# Benchmark results\n\nWritten by `cargo xtask bench` on 2026-11-25\.\n\n- Machine: two cores\n\n## Goals\n/);
  assert.deepEqual([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title), ['Goals', 'Taps', 'Two engines at once']);
  assert.match(text, /\| resnet50-d, 224 px \| CPU +\| 2 +\| 110 \(100–120\) \| 121 \(121–140\) \| 1\.10 +\|/);
  assert.match(text, /\| 100 \(100–130\) \| 125 \(120–140\) \| 1\.60 × \| may pay +\|[^]*\| 1\.54 × \| cannot pay \|/);
});
