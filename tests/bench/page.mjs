// The page's part: both engines, each in its worker, take turns at the same network.

/** Waits for the message of a worker that `pick` makes something of; an error of the worker ends the wait. */
function next(worker, pick) {
  return new Promise((resolve, reject) => {
    const listening = new AbortController();
    const { signal } = listening;
    const settle = (how, value) => {
      listening.abort();
      how(value);
    };
    worker.addEventListener(
      'message',
      ({ data }) => {
        try {
          const picked = pick(data);
          if (picked !== undefined) settle(resolve, picked);
        } catch (error) {
          settle(reject, error);
        }
      },
      { signal },
    );
    const broken = (event) => settle(reject, new Error(event.message || 'the worker did not load'));
    worker.addEventListener('error', broken, { signal });
  });
}

/** A message of ours, which is tagged from outside: `{"ran":{…}}`. */
function told({ json }) {
  const message = JSON.parse(json);
  const [type, body] = typeof message === 'string' ? [message, {}] : Object.entries(message)[0];
  return { type, ...body };
}

/** Our engine, spoken to as the page does: src/worker/protocol.rs. */
async function startOurs(bench) {
  const worker = new Worker('/worker_loader.js', { type: 'module' });
  await next(worker, (message) => (told(message).type === 'ready' ? true : undefined));
  let id = 0;
  const run = async () => {
    id += 1;
    const answer = next(worker, (message) => {
      const event = told(message);
      if (event.id !== id || event.type === 'progress') return undefined;
      if (event.type !== 'ran') throw new Error(`our engine: ${event.message ?? event.type}`);
      const { name, why } = event.backend;
      if (name !== bench.backend) throw new Error(`our engine ran on ${name}: ${why}`);
      return { ms: event.ms, logits: Array.from(new Float32Array(message.buffers[0])) };
    });
    const { net, weights, size, backend } = bench;
    worker.postMessage({ json: JSON.stringify({ run: { id, net, weights, input: 'formula', size, backend, taps: [] } }) });
    return answer;
  };
  return { run, close: () => worker.terminate() };
}

async function startOrt(bench) {
  const worker = new Worker('./ort_worker.mjs', { type: 'module' });
  const ask = (request) => {
    const answer = next(worker, (event) => {
      if (event.type === 'failed') throw new Error(`onnxruntime-web: ${event.message}`);
      return event;
    });
    worker.postMessage(request);
    return answer;
  };
  const { model, input, size, backend } = bench;
  const { version } = await ask({ type: 'load', model: `/models/${model}`, input: `/models/${input}`, size, backend });
  const run = async () => {
    const { ms, logits } = await ask({ type: 'run' });
    return { ms, logits: Array.from(logits) };
  };
  return { version, run, close: () => worker.terminate() };
}

/** An engine with its first pass done, and how long everything up to that pass's answer took. */
async function cold(start, bench) {
  const began = performance.now();
  const engine = await start(bench);
  const first = await engine.run();
  return { engine, first, readyMs: performance.now() - began };
}

/**
 * Runs one network on both engines: each one's first pass alone, then passes in turns, both times in the order given.
 * `bench`: net, weights, size, backend, model, input, order, warmUps, rounds. Returns an entry for each engine.
 */
async function compare(bench) {
  const start = { ours: startOurs, ort: startOrt };
  const results = {};
  const engines = [];
  for (const name of bench.order) {
    const { engine, first, readyMs } = await cold(start[name], bench);
    results[name] = { version: engine.version, first, readyMs, warm: [] };
    engines.push([name, engine]);
  }
  for (let round = 0; round < bench.warmUps + bench.rounds; round += 1) {
    for (const [name, engine] of engines) {
      const pass = await engine.run();
      if (round >= bench.warmUps) results[name].warm.push(pass);
    }
  }
  engines.forEach(([, engine]) => engine.close());
  return results;
}

/** What the browser says of itself. */
async function describe() {
  const adapter = await navigator.gpu?.requestAdapter();
  const { vendor, architecture, description } = adapter?.info ?? {};
  return {
    isolated: self.crossOriginIsolated,
    adapter: [vendor, architecture, description].filter(Boolean).join(' ') || 'none',
  };
}

self.bench = { compare, describe };
