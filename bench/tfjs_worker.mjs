// tfjs in a worker of its own; the messages are those of peer.mjs.

import { answer, fetchBuffer } from './peer.mjs';
import { build, channelsLast } from './tfjs_network.mjs';

let forward;
let input;
let shape;

async function load({ backend, description, describedWeights, input: url, batch, size }) {
  // These are no modules: they add to the global `self.tf`, one after another.
  await import('/tfjs-core/tf-core.es2017.min.js');
  await import(`/tfjs-${backend === 'webgpu' ? 'webgpu' : 'wasm'}/tf-backend-${backend === 'webgpu' ? 'webgpu' : 'wasm'}.es2017.min.js`);
  const { tf } = self;
  tf.enableProdMode();
  if (backend !== 'webgpu') tf.wasm.setWasmPaths('/tfjs-wasm/');
  const wanted = backend === 'webgpu' ? 'webgpu' : 'wasm';
  await tf.setBackend(wanted);
  await tf.ready();
  // tfjs falls back without an error.
  if (tf.getBackend() !== wanted) throw new Error(`it chose the backend ${tf.getBackend()}`);
  const [graph, weights, values] = await Promise.all([description, describedWeights, url].map(fetchBuffer));
  const described = JSON.parse(new TextDecoder().decode(graph));
  forward = build(tf, described, new Float32Array(weights));
  shape = [batch, size, size, described.channels];
  input = channelsLast(new Float32Array(values), shape);
  return tf.version_core;
}

async function run() {
  const { tf } = self;
  const x = tf.tensor4d(input, shape);
  const y = forward(x);
  const logits = await y.data();
  tf.dispose([x, y]);
  return Float32Array.from(logits);
}

answer({ load, run });
