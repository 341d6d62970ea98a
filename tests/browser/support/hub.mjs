// A local server that stands in for Hugging Face, jsDelivr and a plain host of files: their paths, CORS, ranges and troubles.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
export const HOSTS = ["huggingface.co", "cdn.jsdelivr.net", "files.example.org"];
const cors = { "access-control-allow-origin": "*", "access-control-expose-headers": "Content-Range" };

/** A certificate of our own; the browser under test is configured to accept it. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "stridescope-hub-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=stand-in"], { stdio: "ignore" });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return pair;
}

/** Waits until more can be written, or the connection is closed. */
async function drained(response) {
  const stop = new AbortController();
  await Promise.race(["drain", "close"].map((event) => once(response, event, { signal: stop.signal }).catch(() => {})));
  stop.abort();
}

/** `repositories["user/name"] = {file: bytes}`, `files["/path"] = bytes` of the plain host, `packages["/npm/…"] = bytes`. */
export async function hub({ repositories = {}, files = {}, packages = {} }) {
  /** What goes wrong: `cuts` after so many bytes, one a request, once they have `arrived(bytes)` of the file; a `status`; a `delay` in ms a chunk; no `ranges`; `wrong` bytes; no `cors`; an answer
   * that `ends` early, once, without an error; one that falls silent from `stall` bytes on. */
  const calm = { cuts: [], arrived: async () => {}, status: 0, statusOf: undefined, chunk: 64 << 10, delay: 0, ranges: true, wrong: false, cors: true, ends: 0, stall: 0 };
  const trouble = { ...calm };
  const seen = [];

  const listing = (name) => ({
    id: name, sha: COMMIT,
    siblings: Object.entries(repositories[name]).map(([rfilename, bytes]) => ({
      rfilename, size: bytes.length,
      ...(bytes.length > 10_000 ? { lfs: { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length, pointerSize: 134 } } : {}),
    })),
  });

  function find(host, path) {
    if (host === "cdn.jsdelivr.net") return packages[path];
    if (host === "files.example.org") return files[path];
    const [, user, name, kind, revision, ...rest] = path.split("/");
    if (kind === "resolve" && revision === COMMIT) return repositories[`${user}/${name}`]?.[rest.join("/")];
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/main$/.exec(path);
    return api && repositories[api[1]] ? Buffer.from(JSON.stringify(listing(api[1]))) : undefined;
  }

  async function send(request, response) {
    const host = request.headers.host.split(":")[0];
    const path = decodeURIComponent(new URL(request.url, "https://x").pathname);
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    seen.push({ host, path, from: range ? Number(range[1]) : 0, referer: request.headers.referer, method: request.method });
    const headers = trouble.cors ? { ...cors } : {};
    if (request.method === "OPTIONS") return response.writeHead(204, { ...headers, "access-control-allow-headers": "Range" }).end();
    let bytes = find(host, path);
    const isLarge = bytes && bytes.length > 10_000 && !path.endsWith(".json");
    if (trouble.status && (isLarge || trouble.statusOf?.test(path))) return response.writeHead(trouble.status, headers).end();
    if (!bytes) return response.writeHead(host === "huggingface.co" && path.startsWith("/api/") ? 401 : 404, headers).end();
    if (trouble.wrong && isLarge) bytes = Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1) ^ 1])]);
    const from = range && trouble.ranges ? Number(range[1]) : 0;
    if (from >= bytes.length) return response.writeHead(416, { ...headers, "content-range": `bytes */${bytes.length}` }).end();
    const part = bytes.subarray(from);
    const ends = isLarge && trouble.ends;
    if (ends) trouble.ends = 0;
    const length = ends ? {} : { "content-length": part.length };
    if (from > 0) response.writeHead(206, { ...headers, ...length, "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
    else response.writeHead(200, { ...headers, ...length });
    const cut = isLarge ? trouble.cuts.shift() : undefined;
    for (let at = 0; at < part.length; at += trouble.chunk) {
      if (response.destroyed || (isLarge && trouble.stall && at >= trouble.stall)) return;
      if (ends && at >= ends) break;
      if (cut !== undefined && at >= cut) {
        if (at > 0) await trouble.arrived(from + at);
        return response.destroy();
      }
      if (!response.write(part.subarray(at, at + trouble.chunk))) await drained(response);
      if (trouble.delay && isLarge) await new Promise((resolve) => setTimeout(resolve, trouble.delay));
    }
    response.end();
  }

  const server = createServer(certificate(), (request, response) => void send(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    trouble, seen,
    /** Switches that have the browser come here instead. */
    args: [`--host-resolver-rules=${HOSTS.map((host) => `MAP ${host} 127.0.0.1:${port}`).join(",")}`, "--ignore-certificate-errors"],
    calm: () => { Object.assign(trouble, calm, { cuts: [] }); seen.length = 0; },
    /** First bytes of what was requested, with a range and without. */
    asked: (end) => seen.filter(({ path, method }) => path.endsWith(end) && method === "GET").map(({ from }) => from),
    close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  };
}
