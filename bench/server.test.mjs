// The benchmark's server.

import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { startServer } from './server.mjs';

/** A server of a folder with these files, and a request function that does not normalise paths as fetch would. */
async function serve(context, files, options) {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  context.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'site'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const server = await startServer({ '/': join(folder, 'site') }, options);
  context.after(() => server.close());
  const get = (path, headers = {}) =>
    new Promise((resolve, reject) => {
      request(server.origin, { path, headers }, async (response) => {
        const parts = await response.toArray();
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() });
      }).on('error', reject).end();
    });
  return { folder, server, get };
}

test('the server stays within its folders and sends no isolation headers', async (context) => {
  const { get } = await serve(context, { 'site/worker_bg.wasm': 'wasm', secret: 'secret' });
  const found = await get('/worker_bg.wasm');
  assert.equal(found.status, 200);
  assert.equal(found.headers['content-type'], 'application/wasm');
  assert.equal(found.headers['cross-origin-opener-policy'], undefined);
  for (const path of ['/', '/missing', '/../secret', '/%2e%2e/secret', '/..%2fsecret', '/%', '//']) {
    const { status } = await get(path).catch(() => ({ status: 'none' }));
    assert.notEqual(status, 200, path);
  }
});

test('a host sends compressed files, and unchanged files only once', async (context) => {
  const files = {
    'site/index.html': '<!doctype html>',
    'site/worker_bg.wasm': 'plain',
    'site/worker_bg.wasm.br': 'br',
    'site/app-0123456789abcdef/app.js': '1',
  };
  const { folder, server, get } = await serve(context, files, { asHost: true });
  const changed = new Date('2026-11-24T10:00:00.700Z');
  await utimes(join(folder, 'site/worker_bg.wasm'), changed, changed);

  assert.equal((await get('/')).text, '<!doctype html>');
  const plain = await get('/worker_bg.wasm');
  assert.deepEqual([plain.text, plain.headers['cache-control'], plain.headers['content-encoding']], ['plain', 'no-cache', undefined]);
  const compressed = await get('/worker_bg.wasm', { 'accept-encoding': 'gzip, br' });
  assert.deepEqual([compressed.text, compressed.headers['content-encoding'], compressed.headers['content-type']], ['br', 'br', 'application/wasm']);
  assert.match((await get('/app-0123456789abcdef/app.js')).headers['cache-control'], /immutable/);

  const date = plain.headers['last-modified'];
  assert.equal((await get('/worker_bg.wasm', { 'if-modified-since': date })).status, 304);
  const earlier = new Date(Date.parse(date) - 1_000).toUTCString();
  assert.equal((await get('/worker_bg.wasm', { 'if-modified-since': earlier })).status, 200);
  assert.equal((await get('/worker_bg.wasm', { 'if-modified-since': 'yesterday' })).status, 200);

  assert.deepEqual(server.sent().map(({ path, bytes }) => [path, bytes]), [
    ['/', 15],
    ...[5, 2].map((bytes) => ['/worker_bg.wasm', bytes]),
    ['/app-0123456789abcdef/app.js', 1],
    ...[0, 5, 5].map((bytes) => ['/worker_bg.wasm', bytes]),
  ]);
  assert.deepEqual(server.sent(), [], 'each answer is listed once');
});

test('without a host\'s behaviour every file is sent in full each time', async (context) => {
  const { get } = await serve(context, { 'site/worker_bg.wasm': 'plain', 'site/worker_bg.wasm.br': 'br' });
  const answer = await get('/worker_bg.wasm', { 'accept-encoding': 'br', 'if-modified-since': new Date(Date.now() + 1e6).toUTCString() });
  assert.deepEqual([answer.status, answer.text, answer.headers['cache-control']], [200, 'plain', 'no-store']);
});
