// What travels: the page's parts as its host sends them, and each engine's files, compressed alike.

import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { table } from './text.mjs';

const compress = promisify(brotliCompress);

/** The parts of the page, by path; what none of them takes is the last one's. */
const PARTS = [
  ['engine', (path) => /^\/worker[^/]*$/.test(path)],
  ['weights and pictures', (path) => /^\/assets\/(weights|samples)\//.test(path)],
  ['page, code', (path) => /\.(js|mjs|wasm)$/.test(path)],
  ['page, the rest', () => true],
];
/** Which files are an engine's, of those that the benchmark's server sent while it was alone. */
const OWN = {
  ours: (path) => /^\/worker[^/]*$/.test(path),
  ort: (path) => path.startsWith('/ort/'),
  tfjs: (path) => path.startsWith('/tfjs-'),
};

/** Bytes of each part of the page. `sent`: path and bytes of each answer. */
export function pageParts(sent) {
  const part = ({ path }) => PARTS.find(([, takes]) => takes(path))[0];
  const files = PARTS.map(([name]) => [name, sent.filter((answer) => part(answer) === name)]);
  return files.map(([name, answers]) => ({ what: name, files: answers.length, bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0) }));
}

/** Paths and files of an engine, each once. */
export function engineFiles(engine, sent) {
  return [...new Map(sent.filter(({ path }) => OWN[engine](path)).map(({ path, file }) => [path, file]))];
}

/** The bytes of files as a host would send them, brotli at its highest quality; what took long to find out is kept in `cache`. */
export async function compressedBytes(files, cache) {
  await mkdir(cache, { recursive: true });
  let total = 0;
  for (const file of files) {
    const bytes = await readFile(file);
    const kept = join(cache, createHash('sha256').update(bytes).digest('hex'));
    let size = Number(await readFile(kept, 'utf8').catch(() => NaN));
    if (!(size > 0)) {
      if (bytes.length > 1e6) console.log(`    compressing ${basename(file)} (about half a minute for 10 MB)`);
      const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = constants;
      const params = { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
      size = (await compress(bytes, { params })).length;
      await writeFile(kept, String(size));
    }
    total += size;
  }
  return total;
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
Thousands of bytes, brotli where it helps. The page's are those of a first visit until its first answer, as a host sends them, without what the
service worker keeps for later. The engines' are the files that each fetches to compute one network, without its weights: tfjs and
onnxruntime-web as their packages ship them, which a bundler could cut.`;
