// Waits for what is to be: they end early where it is so, and else only after a time that no machine takes, however busy it is.
import assert from "node:assert/strict";

/// Longest wait.
export const PATIENCE_MS = 180_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// Repeats a check until none of its assertions fails, and returns what it returns.
export async function soon(check) {
  for (const end = Date.now() + PATIENCE_MS; ; await pause(50)) {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof assert.AssertionError) || Date.now() > end) throw error;
    }
  }
}

/// The page's address comes to match. The browser tells its driver of a new address after the page has it.
export const leadsTo = (page, pattern) => soon(() => assert.match(page.url(), pattern));

/// The first of the elements comes to read so.
export const reads = (locator, pattern) => soon(async () => assert.match(await locator.first().textContent(), pattern));

/// There come to be so many of the elements.
export const numbers = (locator, count) => soon(async () => assert.equal(await locator.count(), count));

/// What `ask` returns comes to equal it.
export const becomes = (ask, expected) => soon(async () => assert.deepEqual(await ask(), expected));

/// Text of sw.js which waits for the site's page as long as it takes; how long that may be is for one test alone (offline.test.mjs).
export function patient(worker) {
  const text = worker.replace("setTimeout(() => patience.abort(), PATIENCE_MS)", "setTimeout(() => request.url !== SITE && patience.abort(), PATIENCE_MS)");
  assert.notEqual(text, worker, "sw.js waits in another way");
  return text;
}
