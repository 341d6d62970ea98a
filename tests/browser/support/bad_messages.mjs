// Messages as a hostile page might send them to a figure.

/// Runs in a page, beside `random` of bad_pictures.mjs: sends `count` messages of some kinds to a window, drawn by chance, and returns how many
/// of them could be sent.
export function send(target, kinds, seed, count) {
  const draw = globalThis.random(seed);
  const one = (list) => list[Math.floor(draw() * list.length)];
  const cyclic = { stridescope: 2, type: "set" };
  cyclic.state = { models: cyclic, self: [cyclic] };
  const endless = [];
  endless.push(endless);
  const KEYS = ["models", "node", "image", "size", "shift", "probe", "at", "channel", "sort", "colours", "scale", "count", "level", "base", "theme", "lang", "embed"];
  const STRANGE = ["__proto__", "constructor", "toString", "then", "", "a".repeat(10_000), "models[]", "<script>"];
  /// No parameter has any of these for a value.
  const values = () => one([
    "tiny-e", "", "<img src=x onerror=globalThis.hit=1>", "a".repeat(100_000), -1, 1.5, NaN, Infinity, 1e21, {}, { models: "tiny-d" }, [{}], [[], [[]]], "__proto__",
    new Date(0), /x/, new Error("x"), new Map([[1, 2]]), new Uint8Array(1_000), new Blob(["x"]), 10n, Array(50_000).fill("tiny-e"), Object(true), [cyclic], endless, Array(300_000).fill("tiny-d"), new ArrayBuffer(8),
  ]);
  const prototype = (value) => JSON.parse(`{"__proto__": ${JSON.stringify(value)}}`);
  const right = { stridescope: 1, type: "set", state: { models: "tiny-d", node: "layer3.0", image: "rocket" } };
  const ours = [
    () => ({ ...right, type: one(["Set", "", 1, null, {}, "ready", "constructor", "a".repeat(10_000)]) }),
    () => ({ ...right, state: one([null, undefined, "tiny-d", 1, true, ["tiny-d"], { [one(STRANGE)]: values() }, prototype({ models: "tiny-d" })]) }),
    () => ({ ...right, state: { [one(KEYS)]: values() } }),
    () => ({
      stridescope: 1, type: "classify", models: one(["tiny-a", "tiny-e", ["tiny-a"], { 0: "tiny-a" }]),
      image: one([null, 1, {}, "https://stranger.example/a.png", "file:///etc/passwd", "javascript:hit=1", "//stranger.example/a", "data:,x", new Blob(["no"])]),
    }),
  ];
  const KINDS = {
    // Nothing that a figure is meant to receive; some of it cannot even be sent.
    others: () => one([
      null, undefined, 0, "set", true, 1n, [], [1], {}, cyclic, Array(300_000).fill(1), new Map([["stridescope", 1]]), new Date(), new Float64Array(50_000),
      () => 1, Symbol("x"),
      { get stridescope() { throw new DOMException("not to be read", "DataCloneError"); } }, { ...right, stridescope: undefined }, prototype(right), Object.create(right),
    ]),
    // Right but for their version.
    versions: () => ({ ...right, stridescope: one([0, 2, "1", true, [1], null, NaN, 1n, Object(1), -1, 1.5]) }),
    // Of the right version, and no sense.
    ours: () => one(ours)(),
    // What would be done for the right sender.
    right: () => ({ ...right }),
  };
  let sent = 0;
  for (let number = 0; number < count; number += 1) {
    const message = KINDS[one(kinds)]();
    if (message && Object.hasOwn(message, "type")) message.id = one([number, `${number}`, { number }, null, [number]]);
    try {
      target.postMessage(message, "*");
      sent += 1;
    } catch (error) {
      if (error.name !== "DataCloneError") throw error;
    }
  }
  return sent;
}
