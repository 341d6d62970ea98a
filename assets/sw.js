// Caches this version of the site on the device, so that the page works offline. Online, responses come from the site, except for files in folders
// with a hash in their name, which never change. A page refers to its files by these names, so it never gets a file of another version.

// Both lists are written by the build, as {path below this file's folder: SHA-256}: files cached at install, and files cached on first use.
const FILES = {};
const LATER = {};
const VERSION = "";

const SITE = self.registration.scope;
// Other sites of the same origin have their own caches.
const STORES = `stridescope ${SITE} `;
const PATIENCE_MS = 2500;

/// Whether the last navigation failed: cached files then take precedence, until a navigation succeeds.
let isAway = false;

const address = (path) => new URL(path, SITE).href;
const store = () => caches.open(STORES + VERSION);
const HASH = /^([a-z]+)-[0-9a-f]{16}\//;
const isFixed = (path) => HASH.test(path);
/// A file's path without the hash, the same in every version.
const plain = (path) => path.replace(HASH, "$1/");

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "version") event.ports[0]?.postMessage(VERSION);
  if (event.data === "apply") event.waitUntil(self.skipWaiting());
  if (event.data === "used") event.waitUntil(keepUsed());
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  // Other sites, range requests, unlisted files and requests that bypass caches are left to the browser.
  if (request.method !== "GET" || request.headers.has("range") || request.cache === "reload" || !request.url.startsWith(SITE)) return;
  const name = new URL(request.url).pathname.slice(new URL(SITE).pathname.length);
  const path = name === "" || name === "index.html" ? "./" : name;
  if (Object.hasOwn(FILES, path) || Object.hasOwn(LATER, path)) event.respondWith(answer(event, path));
});

/// Caches all of FILES or fails, and of LATER what the previous version had cached. Only changed files are downloaded.
async function install() {
  const cache = await store();
  const older = new Map();
  for (const name of await olderStores()) {
    const kept = await caches.open(name);
    for (const { url } of await kept.keys()) older.set(url.slice(SITE.length), kept);
  }
  const put = async ([path, integrity]) => {
    const kept = isFixed(path) ? await older.get(path)?.match(address(path), { ignoreVary: true }) : undefined;
    if (kept) await cache.put(address(path), kept);
    else await cache.add(new Request(address(path), { cache: "no-cache", integrity }));
  };
  await Promise.all(Object.entries(FILES).map(put));
  const used = new Set([...older.keys()].map(plain));
  await Promise.allSettled(Object.entries(LATER).filter(([path]) => used.has(plain(path))).map(put));
}

async function activate() {
  await Promise.all((await olderStores()).map((name) => caches.delete(name)));
  await self.clients.claim();
  await keepUsed();
}

async function olderStores() {
  return (await caches.keys()).filter((name) => name.startsWith(STORES) && name !== STORES + VERSION);
}

/// Responds from the site or from the cache, and caches a file of LATER at its first use.
async function answer(event, path) {
  const { request } = event;
  const isPage = request.mode === "navigate";
  const kept = await (await store()).match(address(path), { ignoreVary: true });
  if (kept && (isFixed(path) || (isAway && !isPage))) return kept;
  if (!kept) {
    const response = await fetch(request);
    if (response.ok && Object.hasOwn(LATER, path)) event.waitUntil(keep(path, response.clone()));
    return response;
  }
  // The query is for the page itself.
  const asked = isPage ? new Request(address(path), { cache: request.cache, redirect: "manual" }) : request;
  const response = await soon(asked).catch(() => undefined);
  const isAnswer = response !== undefined && response.status < 500;
  if (isPage) isAway = !isAnswer;
  return isAnswer ? response : kept;
}

/// Fetches with a timeout for the response to start.
async function soon(request) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    return await fetch(request, { signal: patience.signal });
  } finally {
    clearTimeout(timer);
  }
}

/// Caches what the page fetched before this worker controlled it, from the browser's HTTP cache, so nothing is downloaded again.
async function keepUsed() {
  const cache = await store();
  await Promise.allSettled(Object.keys(LATER).map(async (path) => {
    if (await cache.match(address(path), { ignoreVary: true })) return;
    await keep(path, await fetch(address(path), { cache: "only-if-cached", mode: "same-origin" }));
  }));
}

/// Caches a file if it belongs to this version, and returns whether it does: the site may have a newer one already.
async function keep(path, response) {
  const copy = response.clone();
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  const isOurs = LATER[path] === `sha256-${btoa(String.fromCharCode(...sum))}`;
  if (isOurs) await (await store()).put(address(path), copy);
  return isOurs;
}
