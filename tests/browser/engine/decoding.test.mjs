// What networks read of random pictures, in every engine, held against what the command line reads of them, which is the reference's to the bit
// (tests/image.rs): the same for opaque lossless pictures of 8 bits, and for 16 bits, a grey level off for those with
// alpha, two for JPEG.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium, firefox, webkit } from "../support/engines.mjs";
import { isNightly } from "../support/extent.mjs";
import { loader, serve, startEngine } from "../support/harness.mjs";

const PICTURES = process.env.STRIDESCOPE_PICTURES;
/// Every kind once, or three times.
const COUNT = isNightly ? 60 : 20;
/// Side of the square that a small network reads, in pixels.
const SIZE = 128;
/// Share of a JPEG's pixels that may be further off: browsers may upsample colours in steps of their own.
const FURTHER = 0.001;

const list = readFileSync(join(PICTURES, "list.tsv"), "utf8").trim().split("\n").slice(0, COUNT).map((line) => line.split("\t")[0]);

/// Grey levels that a value may be off.
function tolerance(name) {
  if (name.includes("-jpeg-")) return 2;
  return /-(png-(rgb|grey)|png-[a-z-]+-16|webp-(rgb|exif-\d))-\d+x/.test(name) ? 0 : 1;
}

async function site() {
  return serve((path, _request, response) => {
    const name = path.split("/").at(-1);
    if (name === "blank.html") response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>engine</title>");
    else if (list.includes(name)) response.writeHead(200, { "content-type": "application/octet-stream" }).end(readFileSync(join(PICTURES, name)));
    else return false;
    return true;
  });
}

/// The values of the square that a network reads of a picture.
async function read(name) {
  const { event } = await ask("picture", {}, await (await fetch(name)).blob());
  if (event.type !== "picture") return { error: event.message };
  const ran = await ask("run", { net: "tiny-a", size: 128, seen: true, backend: "cpu" });
  if (ran.event.type !== "ran") return { error: ran.event.message };
  return { values: btoa(String.fromCharCode(...ran.numbers.at(-1))) };
}

for (const start of [chromium, firefox, webkit]) {
  test(`${start.name} reads random pictures as the reference does`, { timeout: 900_000 }, async () => {
    const server = await site();
    const browser = await start();
    try {
      await browser.goto(`${server.url}blank.html`);
      await browser.evaluate(startEngine, ["", loader()]);
      const wrong = [];
      for (const name of list) {
        const { values, error } = await browser.evaluate(read, name);
        const wanted = readFileSync(join(PICTURES, name.replace(/\.\w+$/, ".rgb")));
        const got = Buffer.from(values ?? "", "base64");
        if (error !== undefined || got.length !== wanted.length) {
          wrong.push(`${name}: ${error ?? `${got.length} values`}`);
          continue;
        }
        const off = wanted.map((value, i) => Math.abs(value - got[i]));
        const most = off.reduce((a, b) => Math.max(a, b));
        const allowed = tolerance(name);
        let beyond = 0;
        for (let pixel = 0; pixel < SIZE * SIZE; pixel += 1) {
          if (Math.max(off[3 * pixel], off[3 * pixel + 1], off[3 * pixel + 2]) > allowed) beyond += 1;
        }
        const isRight = name.includes("-jpeg-") ? beyond <= FURTHER * SIZE * SIZE : beyond === 0;
        if (!isRight) wrong.push(`${name}: ${beyond} pixels are more than ${allowed} off, at most ${most}`);
      }
      console.log(`# ${start.name}: ${list.length - wrong.length} of ${list.length} pictures`);
      assert.deepEqual(wrong, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
}
