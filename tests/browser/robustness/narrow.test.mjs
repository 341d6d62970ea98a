// The parsers of checkpoints where a size has 32 bits, which is what the engine is compiled for: damaged files are answered, as they are natively.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { random } from "../support/bad_pictures.mjs";
import { isNightly } from "../support/extent.mjs";
import { engine, keeping, launch, project, serve } from "../support/harness.mjs";

const run = promisify(execFile);
const fixtures = join(project, "tests/fixtures/checkpoints");
const seeds = readdirSync(fixtures).filter((name) => /\.(pt|pth|safetensors)$/.test(name));
const CASES = isNightly ? 1_200 : 400;
/// So many of them are read natively as well.
const COMPARED = 60;
/// How large the memory of an engine may be that has read them all, in bytes. Files are of 0.3 MB, and a parser may take 64 MiB.
const MOST_BYTES = 128e6;

/// A damaged copy of a file, beside `random`: the same for the same number, in the page as here.
function damaged(bytes, number) {
  const draw = random(Math.imul(number, 0x9e3779b1));
  const below = (limit) => Math.floor(draw() * limit);
  const EXTREME = [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x1fffffffffffffn, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn];
  // Where formats have their lists: at the beginning, or at the end.
  const place = (copy) => (below(2) ? below(Math.min(copy.length, 8192)) : copy.length - 1 - below(Math.min(copy.length, 8192)));
  const copy = bytes.slice();
  const view = new DataView(copy.buffer, copy.byteOffset, copy.length);
  switch (below(5)) {
    case 0:
      return copy.slice(0, below(copy.length));
    case 1:
      for (let i = 0, count = 1 + below(8); i < count; i += 1) copy[place(copy)] ^= 1 << below(8);
      return copy;
    case 2:
      view.setBigUint64(Math.min(place(copy), copy.length - 8), EXTREME[below(EXTREME.length)], true);
      return copy;
    case 3: {
      const [from, to, length] = [place(copy), place(copy), 1 + below(64)];
      copy.copyWithin(to, from, from + length);
      return copy;
    }
    default: {
      const [at, length] = [place(copy), 1 + below(512)];
      const longer = new Uint8Array(copy.length + length);
      longer.set(copy.subarray(0, at));
      longer.fill(below(256), at, at + length);
      longer.set(copy.subarray(at), at + length);
      return longer;
    }
  }
}

let site, browser, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stridescope-damaged-"));
  site = await serve((path, _request, response) => {
    const name = path.split("/seeds/")[1];
    if (!seeds.includes(name)) return false;
    response.writeHead(200, { "content-type": "application/octet-stream" }).end(readFileSync(join(fixtures, name)));
    return true;
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

test(`${CASES} damaged checkpoints are opened or refused with a sentence, and the engine goes on`, { timeout: 900_000 }, async () => {
  const { page } = await engine(browser.context, site.url, `(${keeping})()`);
  await page.addScriptTag({ content: `globalThis.random = ${random}; globalThis.damaged = ${damaged};` });
  const answers = await page.evaluate(async ([seeds, cases]) => {
    const files = await Promise.all(seeds.map(async (name) => new Uint8Array(await (await fetch(`seeds/${name}`)).arrayBuffer())));
    const answers = [];
    const look = async (source, bytes) => {
      const { event } = await ask("open", { source }, new Blob([bytes]));
      answers.push({ type: event.type, message: event.message ?? "" });
    };
    for (let number = 0; number < cases; number += 1) {
      const at = number % seeds.length;
      const ending = seeds[at].split(".").at(-1);
      await look(`file:damaged-${number}.${ending}`, damaged(files[at], number));
    }
    // None of this harmed it.
    await look("file:whole.safetensors", files[seeds.findIndex((name) => name.endsWith(".safetensors"))]);
    return answers;
  }, [seeds, CASES]);
  assert.equal(answers.pop().type, "opened");
  const refused = answers.filter(({ type }) => type === "failed");
  assert.equal(answers.filter(({ type }) => type === "opened").length + refused.length, CASES);
  assert.ok(refused.length > CASES / 4 && refused.length < CASES, `${refused.length} refused`);
  refused.forEach(({ message }) => assert.match(message, /^.{10,400}$/s));
  const held = await page.workers()[0].evaluate(() => globalThis.wasmBytes());
  console.log(`    ${refused.length} of ${CASES} refused, ${new Set(refused.map(({ message }) => message)).size} different sentences; ${(held / 1e6).toFixed(0)} MB of memory`);
  assert.ok(held < MOST_BYTES, `${held} bytes`);
  await page.close();

  // The verdict of the native program, of 64 bits.
  for (let number = 0; number < COMPARED; number += 1) {
    const name = seeds[number % seeds.length];
    const file = join(folder, `damaged${extname(name)}`);
    writeFileSync(file, damaged(new Uint8Array(readFileSync(join(fixtures, name))), number));
    const native = await run(process.env.STRIDESCOPE_CLI, ["inspect", file]).then(() => "", ({ stderr }) => stderr);
    const { type, message } = answers[number];
    assert.equal(native === "", type === "opened", `${name}, ${number}: in the page "${message}", natively "${native}"`);
  }
});
