// What the reporter prints of passing, failing and absent tests.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const REPORTER = new URL("reporter.mjs", import.meta.url).href;
const FILES = {
  "first.test.mjs": `import { describe, test } from "node:test";
    describe("a suite", () => { test("good", () => {}); test("bad", () => { throw new Error("one\\nand a second line"); }); });`,
  "second.test.mjs": `import { test } from "node:test"; test("later", () => {}); test("left", { skip: "no GPU" }, () => {});`,
  "unreadable.test.mjs": "this is no script",
};

function run(names, options = []) {
  const folder = mkdtempSync(join(tmpdir(), "stridescope-reporter-"));
  try {
    const paths = names.map((name) => join(folder, name));
    names.forEach((name, at) => writeFileSync(paths[at], FILES[name]));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const line = ["--test", "--test-concurrency=1", `--test-reporter=${REPORTER}`, ...options, ...paths];
    const { stdout, status } = spawnSync(process.execPath, line, { cwd: folder, env, encoding: "utf8" });
    return { lines: stdout.split("\n").map((line) => line.trimEnd()), status };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("each file has its line, and every failure stands at the end once more", () => {
  const { lines, status } = run(["first.test.mjs", "second.test.mjs", "unreadable.test.mjs"]);
  const text = lines.join("\n");
  assert.equal(status, 1);
  assert.match(text, /^ {4}first\.test\.mjs: \d+\.\d s, 1 passed, 1 FAILED$/m);
  assert.match(text, /^ {4}second\.test\.mjs: \d+\.\d s, 2 passed$/m);
  assert.match(text, /^ {4}skipped: left \(no GPU\)$/m);
  const tail = text.slice(text.indexOf("what failed:"));
  assert.match(tail, /^FAILED first\.test\.mjs: bad\n {4}Error: one\n {4}and a second line$/m);
  assert.match(tail, /^FAILED unreadable\.test\.mjs: [^]*SyntaxError/m);
  assert.match(tail, /^2 passed, 2 failed, 1 skipped$/m);
  assert.equal(text.split("FAILED first.test.mjs: bad").length, 3, "once at its place and once at the end");
});

test("a run in which nothing passes fails", () => {
  assert.equal(run(["second.test.mjs"]).status, 0);
  const { lines, status } = run(["second.test.mjs"], ["--test-name-pattern=^nothing has this name$"]);
  assert.equal(status, 1);
  assert.ok(lines.includes("no test passed: nothing was run that could show that the page works"), lines.join("\n"));
});
