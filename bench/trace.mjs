// The longest task of a page, from the browser's trace.

const CATEGORIES = ['toplevel', 'devtools.timeline', 'v8.wasm', 'blink.user_timing'];
const TASK = 'ThreadControllerImpl::RunTask';
/** The parts of a task, and the trace events of each. The events do not overlap. */
const PARTS = new Map([
  ['compiling functions of WebAssembly on their first call', ['wasm.CompileLazy']],
  ['styles and layout', ['UpdateLayoutTree', 'Layout']],
  ['parsing HTML', ['ParseHTML']],
  ['painting', ['PrePaint', 'Paint', 'Layerize', 'Commit']],
]);

/** Starts a trace of a page; `longest(mark)` ends it and returns the longest task of the main thread after a mark of performance.mark. */
export async function startTrace(context, page) {
  const session = await context.newCDPSession(page);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: CATEGORIES } });
  return {
    async longest(mark) {
      const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
      await session.send('Tracing.end');
      await complete;
      return longest(events, mark);
    },
  };
}

/** From trace events, `{ms, cpuMs, parts: [[what, ms]]}` of the longest task after the mark on the mark's thread, the largest part first. */
export function longest(events, mark) {
  const { pid, tid, ts } = events.find(({ name, cat }) => name === mark && cat.includes('blink.user_timing'));
  const spans = events.filter((event) => event.ph === 'X' && event.pid === pid && event.tid === tid && event.ts + event.dur > ts);
  const task = spans.filter(({ name }) => name === TASK).reduce((most, next) => (most && most.dur >= next.dur ? most : next), null);
  if (!task) return undefined;
  const inside = spans.filter((event) => event.ts >= task.ts && event.ts + event.dur <= task.ts + task.dur);
  const sum = (names) => inside.filter(({ name }) => names.includes(name)).reduce((sum, { dur }) => sum + dur, 0) / 1000;
  const parts = [...PARTS].map(([what, names]) => [what, sum(names)]).sort(([, a], [, b]) => b - a);
  return { ms: task.dur / 1000, cpuMs: task.tdur / 1000, parts };
}
