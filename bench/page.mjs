// The page's side: runs a network on several engines in turn, each in its own worker.

/** Shortest warm-up, where there is one: a browser compiles hot code again, with more optimisation. */
const WARM_UP_MS = 1_500;

/** Waits for the first message of a worker for which `pick` returns a value; an error of the worker ends the wait. */
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

/** A message of ours, which is externally tagged: `{"ran":{…}}`. */
function told({ json }) {
  const message = JSON.parse(json);
  const [type, body] = typeof message === 'string' ? [message, {}] : Object.entries(message)[0];
  return { type, ...body };
}

/** Our engine, used as by the page: crates/protocol/src/lib.rs. `run` can request outputs of layers too. */
async function startOurs({ net, weights = 'synthetic', size, batch = 1, backend }) {
  const page = await (await fetch('/index.html')).text();
  const [, loader] = /data-engine="\.([^"]+)"/.exec(page);
  const worker = new Worker(loader, { type: 'module' });
  await next(worker, (message) => (told(message).type === 'ready' ? true : undefined));
  const input = batch === 1 ? 'synthetic' : { batch };
  let id = 0;
  const run = async (taps = [], timed = false) => {
    id += 1;
    const answer = next(worker, (message) => {
      const event = told(message);
      // The answer to an unreadable request has the id 0.
      if ((event.id !== id && event.id !== 0) || event.type === 'progress') return undefined;
      if (event.type !== 'ran') throw new Error(`our engine: ${JSON.stringify(event.message ?? event.type)}`);
      const { name, why } = event.backend;
      if (name !== backend) throw new Error(`our engine ran on ${name}: ${JSON.stringify(why)}`);
      if (message.buffers.length !== 1 + taps.length) throw new Error(`our engine sent ${message.buffers.length - 1} taps`);
      return { ms: event.ms, logits: Array.from(new Float32Array(message.buffers[0])), times: event.times };
    });
    worker.postMessage({ json: JSON.stringify({ run: { id, net, weights, input, size, backend, taps: taps.map((node) => ({ node, want: 'values' })), timed } }) });
    return answer;
  };
  return { run, close: () => worker.terminate() };
}

/** Another engine, in a worker with the messages of peer.mjs. */
async function startPeer(name, script, bench) {
  const worker = new Worker(script, { type: 'module' });
  const ask = (request) => {
    const answer = next(worker, (event) => {
      if (event.type === 'failed') throw new Error(`${name}: ${event.message}`);
      return event;
    });
    worker.postMessage(request);
    return answer;
  };
  const [onnx, description, describedWeights, input] = ['onnx', 'description', 'describedWeights', 'input'].map(
    (file) => `/networks/${bench[file]}`,
  );
  const { size, batch, backend } = bench;
  const { version } = await ask({ type: 'load', onnx, description, describedWeights, input, size, batch, backend });
  const run = async () => {
    const { ms, logits } = await ask({ type: 'run' });
    return { ms, logits: Array.from(logits) };
  };
  return { version, run, close: () => worker.terminate() };
}

const START = {
  ours: startOurs,
  ort: (bench) => startPeer('onnxruntime-web', './ort_worker.mjs', bench),
  tfjs: (bench) => startPeer('tfjs', './tfjs_worker.mjs', bench),
};

/** An engine after its first pass, and the time until that pass was answered. */
async function cold(name, bench) {
  const began = performance.now();
  const engine = await START[name](bench);
  const first = await engine.run();
  return { name, engine, first, readyMs: performance.now() - began };
}

/** Rounds of warm-up, then measured ones. `round(turn)` gets the index of a measured round, or undefined in the warm-up. */
async function rounds({ warmUps, rounds }, round) {
  const began = performance.now();
  for (let turn = 0; turn < warmUps || (warmUps > 0 && performance.now() - began < WARM_UP_MS); turn += 1) await round();
  for (let turn = 0; turn < rounds; turn += 1) await round(turn);
}

/**
 * Runs one network on the engines of `order`: the first pass of each alone, in that order, then the passes of all in turn. `bench`: a case of
 * bench/networks/src/plan.rs, with `order`. Returns an entry for each engine.
 */
async function compare(bench) {
  const engines = [];
  for (const name of bench.order) engines.push({ ...(await cold(name, bench)), warm: [] });
  // A page without engines is measured too.
  if (engines.length > 0) await rounds(bench, async (turn) => {
    // The order alternates, so that no engine always follows the same one.
    for (const { engine, warm } of turn % 2 ? engines.toReversed() : engines) {
      const pass = await engine.run();
      if (turn !== undefined) warm.push(pass);
    }
  });
  engines.forEach(({ engine }) => engine.close());
  const result = ({ engine, first, readyMs, warm }) => ({ version: engine.version, first, readyMs, warm });
  return Object.fromEntries(engines.map((entry) => [entry.name, result(entry)]));
}

/** Milliseconds from request to answer of our engine, without taps and with those of `bench`, in turn. */
async function taps(bench) {
  const engine = await startOurs(bench);
  const times = { without: [], with: [] };
  await engine.run();
  await rounds(bench, async (turn) => {
    const turns = [['without', []], ['with', bench.taps]];
    for (const [name, taps] of turn % 2 ? turns.toReversed() : turns) {
      const began = performance.now();
      await engine.run(taps);
      if (turn !== undefined) times[name].push(performance.now() - began);
    }
  });
  engine.close();
  return times;
}

/** Milliseconds until all is answered: one pass of our engine, and one pass on each of two of our engines at the same time, in turn. */
async function pair(bench) {
  const engines = [await startOurs(bench), await startOurs(bench)];
  for (const engine of engines) await engine.run();
  const times = { alone: [], both: [] };
  await rounds(bench, async (turn) => {
    const turns = [['alone', engines.slice(0, 1)], ['both', engines]];
    for (const [name, asked] of turn % 2 ? turns.toReversed() : turns) {
      const began = performance.now();
      await Promise.all(asked.map((engine) => engine.run()));
      if (turn !== undefined) times[name].push(performance.now() - began);
    }
  });
  engines.forEach((engine) => engine.close());
  return times;
}

/** The time of each layer of a network on our engine, `[{node, ms, macs}]`. */
async function time(bench) {
  const engine = await startOurs(bench);
  await rounds({ warmUps: 1, rounds: 0 }, () => engine.run());
  const { times } = await engine.run([], true);
  engine.close();
  return times.timings;
}

/** Version and devices that the browser reports. */
async function describe() {
  const adapter = await navigator.gpu?.requestAdapter();
  const { vendor, architecture, description } = adapter?.info ?? {};
  return {
    isolated: self.crossOriginIsolated,
    adapter: [vendor, architecture, description].filter(Boolean).join(' ') || 'none',
  };
}

self.bench = { compare, taps, pair, time, describe };
