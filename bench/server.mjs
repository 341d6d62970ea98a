// A static server on localhost, with several folders in one origin. It sends no COOP or COEP header, so that the page is not cross-origin isolated
// and no engine gets threads.

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
  '.webmanifest': 'application/manifest+json',
};
/** A folder with a hash in its name, as in deploy/nginx.conf. */
const HASHED = /\/[a-z]+-[0-9a-f]{16}\//;

/**
 * Serves folders by prefix, `{'/': 'dist', '/ort/': '…'}`; the longest matching prefix wins. With `asHost` it behaves as a real host: it sends the
 * compressed file where there is one beside the original, and the cache headers of deploy/. Otherwise every file is sent in full each time.
 *
 * Returns the origin, a function that stops the server, and `sent`, which lists path, file and bytes of each answer since its last call.
 */
export async function startServer(mounts, { asHost = false } = {}) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  let log = [];
  const server = createServer((request, response) => {
    // A path that cannot be decoded, such as `/%`, is a bad request.
    answer(request, response).catch(() => response.writeHead(400).end());
  });

  async function answer(request, response) {
    const { pathname } = new URL(request.url, 'http://localhost');
    const path = locate(asHost && pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    const file = path && (await found(path));
    if (!file) {
      response.writeHead(404).end();
      return;
    }
    const headers = { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', 'cache-control': 'no-store' };
    let [source, { size }] = [path, file];
    if (asHost) {
      // An HTTP date has no milliseconds.
      const changed = new Date(Math.floor(file.mtimeMs / 1000) * 1000);
      headers['cache-control'] = HASHED.test(pathname) ? 'public, max-age=31536000, immutable' : 'no-cache';
      headers['last-modified'] = changed.toUTCString();
      headers.vary = 'accept-encoding';
      if (Date.parse(request.headers['if-modified-since']) >= changed.getTime()) {
        log.push({ path: pathname, file: path, bytes: 0 });
        response.writeHead(304, headers).end();
        return;
      }
      const compressed = /\bbr\b/.test(request.headers['accept-encoding'] ?? '') && (await found(`${path}.br`));
      if (compressed) {
        [source, size] = [`${path}.br`, compressed.size];
        headers['content-encoding'] = 'br';
      }
    }
    log.push({ path: pathname, file: path, bytes: size });
    response.writeHead(200, { ...headers, 'content-length': size });
    createReadStream(source).on('error', () => response.destroy()).pipe(response);
  }

  async function found(path) {
    const file = await stat(path).catch(() => null);
    return file?.isFile() ? file : null;
  }

  /** The file of a path; null where the path leaves its folder. */
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
  const sent = () => {
    const before = log;
    log = [];
    return before;
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, close, sent };
}
