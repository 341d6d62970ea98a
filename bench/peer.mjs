// The messages that the workers of the other engines share. {type: 'load', …} is answered with {type: 'loaded', version}, {type: 'run'} with {type:
// 'ran', ms, logits}; any failure with {type: 'failed', message}.

/** Answers the messages of this worker's page. `load(request)` returns a version, `run()` the logits as a Float32Array. */
export function answer({ load, run }) {
  self.onmessage = async ({ data }) => {
    try {
      if (data.type === 'load') {
        self.postMessage({ type: 'loaded', version: await load(data) });
        return;
      }
      // From input array to output array: the same interval that our engine reports.
      const start = performance.now();
      const logits = await run();
      const ms = performance.now() - start;
      self.postMessage({ type: 'ran', ms, logits });
    } catch (error) {
      self.postMessage({ type: 'failed', message: String(error?.message ?? error) });
    }
  };
}

export async function fetchBuffer(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response.arrayBuffer();
}
