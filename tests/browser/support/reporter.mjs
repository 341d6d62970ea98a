// What `cargo xtask test` prints of the browser tests: a line for each file as it ends, with its seconds, and at the end the slowest tests and every
// failure once more, since a log is often cut to its tail.
import { basename, relative } from "node:path";

const SLOWEST = 10;
/// Characters of what a file wrote before it failed as a whole.
const LAST = 2_000;
/// Tests that a pattern left out are no news; other skipped tests are.
const LEFT_OUT = "test name does not match pattern";

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const short = (file) => relative(process.cwd(), file) || basename(file);

/// Files run one at a time, so that events belong to the file that began last.
export default async function* report(events) {
  const tests = [];
  let file = null;
  const end = () => {
    if (file === null) return "";
    const own = tests.filter((test) => test.file === file.name);
    const failed = own.filter((test) => test.error).length;
    return `    ${file.name}: ${seconds(performance.now() - file.begun)}, ${own.length - failed} passed${failed ? `, ${failed} FAILED` : ""}\n`;
  };

  for await (const { type, data } of events) {
    if (type === "test:stdout" || type === "test:stderr") yield data.message;
    if (type === "test:stderr" && file !== null) file.stderr = (file.stderr + data.message).slice(-LAST);
    if (type === "test:dequeue" && data.nesting === 0 && data.name.endsWith(".test.mjs")) {
      yield end();
      file = { name: short(data.name), begun: performance.now(), stderr: "" };
    }
    const isResult = (type === "test:pass" || type === "test:fail") && data.details?.type !== "suite";
    if (isResult && !(type === "test:pass" && data.skip === LEFT_OUT)) {
      const error = type === "test:fail" && data.details.error;
      // A test above one that failed says nothing of its own.
      if (error?.failureType === "subtestsFailed") continue;
      // Of a file that could not be run there is only what it wrote.
      const wrote = error && data.name.endsWith(".test.mjs") ? file?.stderr : undefined;
      const test = { file: file?.name ?? "", name: data.name, ms: data.details.duration_ms, skip: data.skip, error, wrote };
      tests.push(test);
      if (error) yield failure(test);
      else if (data.skip !== undefined && data.skip !== false) yield `    skipped: ${test.name}${data.skip === true ? "" : ` (${data.skip})`}\n`;
    } else if (type === "test:fail" && data.details.error?.failureType !== "subtestsFailed") {
      // A suite of which a hook failed.
      const test = { file: file?.name ?? "", name: data.name, ms: 0, error: data.details.error };
      tests.push(test);
      yield failure(test);
    }
  }
  yield end();

  const slowest = tests.filter(({ skip }) => !skip).sort((one, other) => other.ms - one.ms).slice(0, SLOWEST);
  yield `\nthe slowest tests:\n${slowest.map(({ ms, file, name }) => `${seconds(ms).padStart(10)}  ${file}: ${name}\n`).join("")}`;
  const failed = tests.filter(({ error }) => error);
  if (failed.length > 0) yield `\nwhat failed:\n${failed.map(failure).join("")}`;
  const skipped = tests.filter(({ skip }) => skip !== undefined && skip !== false).length;
  const passed = tests.length - failed.length - skipped;
  yield `\n${passed} passed, ${failed.length} failed, ${skipped} skipped\n`;
  if (passed === 0) {
    yield "no test passed: nothing was run that could show that the page works\n";
    process.exitCode = 1;
  }
}

/// A failed test with its error.
function failure({ file, name, error, wrote }) {
  const cause = error.cause ?? error;
  const stack = String(cause?.stack ?? cause?.message ?? cause).split("\n").filter((line) => !/^ +at .*\bnode:internal\//.test(line));
  const text = [...stack, ...(wrote?.trimEnd().split("\n") ?? [])].join("\n");
  return `FAILED ${file}: ${name}\n${text.replace(/^/gm, "    ")}\n`;
}
