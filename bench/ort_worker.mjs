// ONNX Runtime in a worker of its own; the messages are those of peer.mjs.

import { answer, fetchBuffer } from './peer.mjs';

let session;
let ort;
let input;
let shape;

async function load({ backend, onnx, input: url, batch, size }) {
  ort = await import(`/ort/ort.${backend === 'webgpu' ? 'webgpu' : 'wasm'}.min.mjs`);
  ort.env.wasm.wasmPaths = '/ort/';
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.simd = true;
  // This code already runs in a worker.
  ort.env.wasm.proxy = false;
  input = new Float32Array(await fetchBuffer(url));
  shape = [batch, 3, size, size];
  session = await ort.InferenceSession.create(onnx, {
    executionProviders: [backend === 'webgpu' ? 'webgpu' : 'wasm'],
    graphOptimizationLevel: 'all',
    // The model file leaves these dimensions open. Set here, they are as good as constants.
    freeDimensionOverrides: { batch, height: size, width: size },
  });
  return ort.env.versions.web;
}

async function run() {
  const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', input, shape) });
  return Float32Array.from(await outputs[session.outputNames[0]].getData());
}

answer({ load, run });
