// ONNX Runtime in a worker of its own. {type: 'load', model, input, size, backend} is answered with 'loaded', {type: 'run'} with
// {type: 'ran', ms, logits}; any failure with {type: 'failed', message}.

let session;
let ort;
let input;
let shape;

async function load(request) {
  ort = await import(`/ort/ort.${request.backend === 'webgpu' ? 'webgpu' : 'wasm'}.min.mjs`);
  ort.env.wasm.wasmPaths = '/ort/';
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.simd = true;
  // This is a worker already.
  ort.env.wasm.proxy = false;
  const response = await fetch(request.input);
  if (!response.ok) throw new Error(`${request.input}: HTTP ${response.status}`);
  input = new Float32Array(await response.arrayBuffer());
  shape = [1, 3, request.size, request.size];
  session = await ort.InferenceSession.create(request.model, {
    executionProviders: [request.backend === 'webgpu' ? 'webgpu' : 'wasm'],
    graphOptimizationLevel: 'all',
  });
  return { type: 'loaded', version: ort.env.versions.web };
}

/** One forward pass, from numbers to numbers: the same span that our engine reports. */
async function run() {
  const start = performance.now();
  const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', input, shape) });
  const logits = await outputs[session.outputNames[0]].getData();
  const ms = performance.now() - start;
  return { type: 'ran', ms, logits: Float32Array.from(logits) };
}

self.onmessage = async ({ data }) => {
  try {
    self.postMessage(await (data.type === 'load' ? load(data) : run()));
  } catch (error) {
    self.postMessage({ type: 'failed', message: String(error?.message ?? error) });
  }
};
