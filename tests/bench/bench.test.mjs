// The benchmark's arithmetic and its server; the measuring itself is `cargo xtask bench`.

import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { agrees, relativeL2, spread, summarise, table } from './report.mjs';
import { startServer } from './server.mjs';

test('spread takes the middle, or the mean of the two in the middle', () => {
  assert.deepEqual(spread([30, 9, 10]), { min: 9, median: 10, max: 30 });
  assert.deepEqual(spread([4, 1, 100, 2]), { min: 1, median: 3, max: 100 });
});

test('relative L2 is a distance over a length, and infinite where there is none', () => {
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

/** A visit whose passes take the times given, the first one first. */
function visit(ours, ort, logits = [3, 4]) {
  const engine = ([first, ...warm], values) => {
    const pass = (ms) => ({ ms, logits: values });
    return { first: pass(first), readyMs: 10 * first, warm: warm.map(pass) };
  };
  return { ours: engine(ours, logits), ort: engine(ort, [3, 4]) };
}

const BENCH = { net: 'resnet50-d', weights: 'formula', size: 224, backend: 'cpu' };

test('first passes come from the browser where the engine came first, warm ones from both', () => {
  const row = summarise(BENCH, [visit([700, 300, 310], [999, 100, 110]), visit([999, 320, 330], [800, 120, 130])]);
  assert.deepEqual(row.ours, { warm: { min: 300, median: 315, max: 330 }, firstMs: 700, readyMs: 7000 });
  assert.deepEqual(row.ort, { warm: { min: 100, median: 115, max: 130 }, firstMs: 800, readyMs: 8000 });
  assert.equal(row.ratio, 315 / 115);
  assert.ok(agrees(row));
  const lines = table([row]).split('\n');
  assert.equal(new Set(lines.map((line) => line.length)).size, 1, 'the columns line up');
  assert.match(lines[2], /resnet50-d, 224 px \| formula \| CPU .* 315 \(300–330\) \| 115 \(100–130\) \| 2\.74 /);
});

test('one pass with other logits is enough to disagree, and a GPU is allowed more', () => {
  const same = visit([1, 1], [1, 1]);
  const row = (logits, backend) => summarise({ ...BENCH, backend }, [same, visit([1, 1], [1, 1], logits)]);
  assert.equal(agrees(row([3, 4.0004], 'cpu')), true);
  assert.equal(agrees(row([3, 4.001], 'cpu')), false);
  assert.equal(agrees(row([3, 4.001], 'webgpu')), true);
  assert.equal(agrees(row([3, 4.01], 'webgpu')), false);
});

test('the server keeps to its folders and isolates nothing', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  context.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'site'));
  await writeFile(join(folder, 'site/worker_bg.wasm'), 'wasm');
  await writeFile(join(folder, 'secret'), 'secret');
  const server = await startServer({ '/': join(folder, 'site') });
  context.after(() => server.close());
  // fetch would tidy the paths up.
  const get = (path) =>
    new Promise((resolve, reject) => {
      request(server.origin, { path }, (response) => resolve(response.resume())).on('error', reject).end();
    });
  const found = await get('/worker_bg.wasm');
  assert.equal(found.statusCode, 200);
  assert.equal(found.headers['content-type'], 'application/wasm');
  assert.equal(found.headers['cross-origin-opener-policy'], undefined);
  for (const path of ['/', '/missing', '/../secret', '/%2e%2e/secret', '/..%2fsecret', '/%', '//']) {
    const { statusCode } = await get(path).catch(() => ({ statusCode: 'none' }));
    assert.notEqual(statusCode, 200, path);
  }
});
