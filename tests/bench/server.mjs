// A static server for this machine only, with several folders in one origin. It sends no COOP or COEP header, so that the page is
// not cross-origin isolated and no engine gets threads.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/**
 * Serves folders by prefix, `{'/': 'dist', '/ort/': '…'}`; the longest prefix that fits wins.
 * Returns the origin and a function that stops the server.
 */
export async function startServer(mounts) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  const server = createServer((request, response) => {
    // What is no path at all, as `/%`, is a wrong request.
    answer(request, response).catch(() => response.writeHead(400).end());
  });

  async function answer(request, response) {
    const path = locate(new URL(request.url, 'http://localhost').pathname);
    const file = path && (await stat(path).catch(() => null));
    if (!file?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': file.size, 'cache-control': 'no-store' });
    createReadStream(path).on('error', () => response.destroy()).pipe(response);
  }

  /** The file behind a path, or nothing when the path leads out of its folder. */
  function locate(pathname) {
    const prefix = prefixes.find((prefix) => pathname.startsWith(prefix));
    if (!prefix) return null;
    const folder = join(mounts[prefix], sep);
    const path = join(folder, decodeURIComponent(pathname.slice(prefix.length)));
    return path.startsWith(folder) ? path : null;
  }

  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { origin: `http://127.0.0.1:${server.address().port}`, close };
}
