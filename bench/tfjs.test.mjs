// The tfjs networks, checked against plain loops.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { packages } from './packages.mjs';
import { build, channelsLast } from './tfjs_network.mjs';

const tf = packages('@tensorflow/tfjs-core');
packages('@tensorflow/tfjs-backend-wasm');

before(async () => {
  await tf.setBackend('wasm');
  await tf.ready();
  assert.equal(tf.getBackend(), 'wasm');
});

/** Distinct values of either sign. */
const values = (count) => Float32Array.from({ length: count }, (_, at) => ((at * 7) % count) - count / 2);

/** Slides a window over one channel of `side` by `side`; `combine` gets each position inside the map, as its value and its index in the kernel. */
function slide(input, side, { kernel, stride, padding, ceil = false }, combine) {
  const positions = (ceil ? Math.ceil : Math.floor)((side + 2 * padding - kernel) / stride) + 1;
  const output = [];
  for (let y = 0; y < positions; y += 1) {
    for (let x = 0; x < positions; x += 1) {
      const inside = [];
      for (let tap = 0; tap < kernel * kernel; tap += 1) {
        const [row, column] = [y * stride - padding + Math.floor(tap / kernel), x * stride - padding + (tap % kernel)];
        if (row >= 0 && row < side && column >= 0 && column < side) inside.push([input[row * side + column], tap]);
      }
      output.push(combine(inside));
    }
  }
  return output;
}

/** The output of a network with this one layer, for one channel. */
async function run(layer, weights, input, side) {
  const forward = build(tf, { input: 'input', layers: [{ id: 'out', inputs: ['input'], ...layer }] }, weights);
  const x = tf.tensor4d(input, [1, side, side, 1]);
  return [...(await forward(x).data())];
}

function close(found, expected, what) {
  assert.equal(found.length, expected.length, what);
  found.forEach((value, at) => assert.ok(Math.abs(value - expected[at]) < 1e-4, `${what}: ${found} instead of ${expected}`));
}

test('convolutions pad on every side, add their bias, and apply a fused ReLU', async () => {
  const cases = [
    [4, 3, 2, 1, false],
    [5, 3, 2, 1, true],
    [4, 1, 2, 0, true],
    [7, 7, 2, 3, false],
    [5, 3, 1, 1, true],
  ];
  for (const [side, kernel, stride, padding, relu] of cases) {
    const filter = values(kernel * kernel);
    const [weight, bias] = [{ shape: [kernel, kernel, 1, 1], at: 0 }, { shape: [1], at: filter.length }];
    const layer = { op: 'conv', stride, padding, dilation: 1, relu, weight, bias };
    const input = values(side * side);
    const expected = slide(input, side, { kernel, stride, padding }, (inside) => {
      const sum = inside.reduce((sum, [value, tap]) => sum + value * filter[tap], 0.5);
      return relu ? Math.max(0, sum) : sum;
    });
    close(await run(layer, Float32Array.of(...filter, 0.5), input, side), expected, `${kernel}x${kernel}/${stride} of ${side}`);
  }
});

test('padding of a pooling is never the maximum and does not count in a mean', async () => {
  const maximum = (inside) => Math.max(...inside.map(([value]) => value));
  const mean = (inside) => inside.reduce((sum, [value]) => sum + value, 0) / inside.length;
  const cases = [
    ['maxpool', 4, { kernel: 3, stride: 2, padding: 1, ceil: false }, maximum],
    ['maxpool', 5, { kernel: 3, stride: 2, padding: 1, ceil: false }, maximum],
    ['avgpool', 4, { kernel: 2, stride: 2, padding: 0, ceil: true }, mean],
    ['avgpool', 5, { kernel: 2, stride: 2, padding: 0, ceil: true }, mean],
  ];
  for (const [op, side, window, combine] of cases) {
    // All values are below zero, which is the padding.
    const input = values(side * side).map((value) => value - 100);
    close(await run({ op, ...window }, new Float32Array(), input, side), slide(input, side, window, combine), `${op} of ${side}`);
  }
  const layer = { op: 'avgpool', kernel: 3, stride: 2, padding: 1, ceil: true };
  await assert.rejects(run(layer, new Float32Array(), values(16), 4), /no pooling of 3 by 2/);
});

test('a map that is read twice is available both times, and a pass leaves no tensor but its logits', async () => {
  const layers = [
    {
      ...{ id: 'conv', op: 'conv', inputs: ['input'], stride: 1, padding: 0, dilation: 1, relu: false },
      ...{ weight: { shape: [1, 1, 2, 2], at: 0 }, bias: { shape: [2], at: 4 } },
    },
    { id: 'add', op: 'add', inputs: ['conv', 'input'] },
    { id: 'relu', op: 'relu', inputs: ['add'] },
    { id: 'mean', op: 'mean', inputs: ['relu'] },
    { id: 'fc', op: 'linear', inputs: ['mean'], weight: { shape: [2, 3], at: 6 }, bias: { shape: [3], at: 12 } },
  ];
  // conv: a' = a + 3 b + 1, b' = 2 a + 4 b - 50; fc: 1, 2 and 3 times the first mean plus 10, 20 and 30 times the second, and 0, 1, 2.
  const weights = Float32Array.of(1, 2, 3, 4, 1, -50, 1, 2, 3, 10, 20, 30, 0, 1, 2);
  const forward = build(tf, { input: 'input', layers }, weights);
  // Two images of one row and two columns, with the channels a and b.
  const pictures = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]];
  const x = tf.tensor4d(pictures.flat(2), [2, 1, 2, 2]);
  const expected = pictures.flatMap((picture) => {
    const mean = (of) => picture.reduce((sum, position) => sum + Math.max(0, of(position)), 0) / picture.length;
    const [a, b] = [mean(([a, b]) => a + 3 * b + 1 + a), mean(([a, b]) => 2 * a + 4 * b - 50 + b)];
    return [1, 2, 3].map((times, at) => times * a + 10 * times * b + at);
  });
  const before = tf.memory().numTensors;
  for (const pass of ['first', 'second']) {
    const logits = forward(x);
    close([...(await logits.data())], expected, pass);
    logits.dispose();
    assert.equal(tf.memory().numTensors, before, pass);
  }
});

test('channels come last', () => {
  // Two images, three channels, two rows of one column: each value is composed of image, channel and row.
  const values = [111, 112, 121, 122, 131, 132, 211, 212, 221, 222, 231, 232];
  assert.deepEqual([...channelsLast(values, [2, 2, 1, 3])], [111, 121, 131, 112, 122, 132, 211, 221, 231, 212, 222, 232]);
});
