// Downloads: the page's parts as its host sends them, and each engine's files with the same compression.

import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { table } from './text.mjs';

const compress = promisify(brotliCompress);

const isEngine = (path) => /^\/engine-[0-9a-f]{16}\//.test(path);
const isData = (path) => /^\/(weights|samples)-[0-9a-f]{16}\//.test(path);
const isCode = (path) => /\.(js|mjs|wasm)$/.test(path);
/** Code of figures, which is fetched after the page is mounted, as in xtask/src/sizes.rs. */
const isLater = (path) => /\/app-[0-9a-f]{16}\/(app-(split|chunk)_[^/]*|stride-scope\.js)$/.test(path);
/** The parts of the page, by path. */
const PARTS = [
  ['page: code that it starts with', (path) => isCode(path) && !isEngine(path) && !isLater(path)],
  ['page: code of figures', isLater],
  ['page: engine', isEngine],
  ['page: weights and pictures', isData],
  ['page: the rest', (path) => !isCode(path) && !isData(path)],
];
/** The files of an engine, among those that the server sent while only that engine was loaded. */
const OWN = {
  ours: isEngine,
  ort: (path) => path.startsWith('/ort/'),
  tfjs: (path) => path.startsWith('/tfjs-'),
};

/** Bytes of each part of the page. `sent`: path and bytes of each answer. */
export function pageParts(sent) {
  return PARTS.map(([what, takes]) => {
    const answers = sent.filter(({ path }) => takes(path));
    return { what, files: answers.length, bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0) };
  });
}

/** Paths and files of an engine, each once. */
export function engineFiles(engine, sent) {
  return [...new Map(sent.filter(({ path }) => OWN[engine](path)).map(({ path, file }) => [path, file]))];
}

/** Bytes of files as a host would send them, with brotli at its highest quality. The slow results are cached in the folder `cache`. */
export async function compressedBytes(files, cache) {
  await mkdir(cache, { recursive: true });
  let total = 0;
  for (const file of files) total += (await besideBytes(file)) ?? (await keptBytes(file, cache));
  return total;
}

/** Bytes of the compressed file beside a file, as the page's build leaves it. */
async function besideBytes(file) {
  const beside = await stat(`${file}.br`).catch(() => null);
  return beside?.size;
}

async function keptBytes(file, cache) {
  const bytes = await readFile(file);
  const kept = join(cache, createHash('sha256').update(bytes).digest('hex'));
  const known = Number(await readFile(kept, 'utf8').catch(() => 0));
  if (known > 0) return known;
  if (bytes.length > 1e6) console.log(`    compressing ${basename(file)} (about half a minute for 10 MB)`);
  const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = constants;
  const params = { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const { length } = await compress(bytes, { params });
  await writeFile(kept, String(length));
  return length;
}

const thousands = (bytes) => (bytes / 1e3).toFixed(0);

export function wireTable(rows) {
  return table(
    [
      ['what', ({ what }) => what],
      ['files', ({ files }) => files],
      ['KB', ({ bytes }) => thousands(bytes)],
    ],
    rows,
  );
}

export const LEGEND = `\
Thousands of bytes, brotli where it helps. The page's are those of a first visit until it is idle, its first answers given, as a host sends them,
without what the service worker keeps for later. The engines' are the files that each fetches to compute one network, without its weights: tfjs and
onnxruntime-web as their packages ship them, which a bundler could cut.`;
