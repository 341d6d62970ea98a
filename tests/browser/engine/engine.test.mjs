// The engine in Chromium against PyTorch's golden values, on the CPU and on WebGPU (SwiftShader).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { NIGHTLY, isNightly } from "../support/extent.mjs";
import { disguised, engine, golden, keeping, launch, nodeDistance, relativeL2, serve } from "../support/harness.mjs";

const synthetic = golden("synthetic.json");
const samples = golden("resnet50-a-samples.json");
const tinySamples = golden("tiny-samples.json");

/// What a run is asked for of a layer: its whole output, or the mean over its channels.
const whole = (node) => ({ node, want: "values" });
const mean = (node) => ({ node, want: "mean" });

async function compare(engine, name, backend, tolerance, more = {}) {
  const [net, size] = name.split("@");
  const wanted = synthetic[name];
  const taps = Object.keys(wanted.nodes);
  const { event, logits, taps: got } = await engine.run({ net, size: Number(size), weights: "synthetic", input: "synthetic", backend, taps: taps.map(whole), ...more });
  assert.equal(event.type, "ran", event.message);
  assert.equal(event.backend.name, backend);
  const distance = relativeL2(logits, wanted.logits);
  assert.ok(distance <= tolerance, `${name}: logits are ${distance} off`);
  assert.equal(got.length, taps.length);
  for (const tap of got) {
    const off = nodeDistance(tap, wanted.nodes[tap.id]);
    assert.ok(off <= tolerance, `${name} ${tap.id}: ${off} off`);
  }
  console.log(`# ${name} on ${[backend, ...Object.values(more)].join(", ")}: logits ${distance.toExponential(1)} off, ${got.length} nodes`);
  return logits;
}

function topFive(event) {
  return event.top.map(({ index, p }) => ({ index, p }));
}

describe("on the CPU", () => {
  let server, browser, cpu;
  before(async () => {
    server = await serve();
    browser = await launch();
    cpu = await engine(browser.context, server.url, `(${keeping})()`);
  });
  after(async () => { await browser?.close(); await server?.close(); });

  test("the four ResNet-50s agree with PyTorch at every node, and with each other in nothing", async () => {
    const logits = {};
    for (const letter of "abcd") logits[letter] = await compare(cpu, `resnet50-${letter}@224`, "cpu", 1e-4);
    for (const one of "abcd") for (const other of "abcd") {
      if (one !== other) assert.ok(relativeL2(logits[one], logits[other]) > 1e-2, `${one} and ${other} answer alike`);
    }
  });

  test("tiny-a to tiny-d predict what PyTorch predicts for every sample", async () => {
    for (const [net, pictures] of Object.entries(tinySamples)) {
      for (const [file, wanted] of Object.entries(pictures)) {
        assert.equal((await cpu.picture(`assets/samples/${file}`)).type, "picture");
        const { event, logits } = await cpu.run({ net, backend: "cpu" });
        assert.equal(event.type, "ran", event.message);
        assert.equal(event.top[0].index, wanted.top, `${net} ${file}`);
        assert.ok(Math.abs(event.top[0].p - wanted.p) <= 0.01, `${net} ${file}: ${event.top[0].p}`);
        assert.ok(relativeL2(logits, wanted.logits) < 0.02, `${net} ${file}`);
        assert.equal(event.none_of_its_classes, true, `${net} names a class on ${file}`);
        assert.ok(event.card.accuracy.top1 > 80);
      }
    }
  });

  test("resnet50-a with its real weights predicts what the reference predicts for every sample", async () => {
    for (const [file, wanted] of Object.entries(samples)) {
      await cpu.picture(`assets/samples/${file}`);
      const { event } = await cpu.run({ net: "resnet50-a", backend: "cpu" });
      assert.equal(event.type, "ran", event.message);
      const got = topFive(event);
      assert.deepEqual(got.map(({ index }) => index), wanted.top5, file);
      got.forEach(({ p }, i) => assert.ok(Math.abs(p - wanted.p[i]) <= 0.01, `${file}: ${p} is not ${wanted.p[i]}`));
    }
  });

  test("tapping the output of every block changes no logit", async () => {
    const blocks = [3, 4, 6, 3].flatMap((count, stage) => Array.from({ length: count }, (_, block) => `layer${stage + 1}.${block}`));
    const run = (taps) => cpu.run({ net: "resnet50-d", size: 64, weights: "synthetic", input: "synthetic", backend: "cpu", taps: taps.map(whole) });
    const [none, all] = [await run([]), await run(blocks)];
    assert.equal(all.event.type, "ran", all.event.message);
    assert.deepEqual(all.taps.map(({ id }) => id), blocks);
    assert.deepEqual(all.logits, none.logits);
  });

  /// Networks whose layers are walked through, of which the shortcuts of one pool.
  const WALKED = isNightly ? ["resnet50-a", "resnet50-d"] : ["resnet50-d"];
  test(`walking through every layer of ${WALKED.join(" and ")} twice ends where the first walk ended`, async () => {
    const walk = () => cpu.page.evaluate(async (walked) => {
      let values = 0;
      for (const [net, nodes] of walked) {
        for (const node of nodes) {
          const { event, numbers } = await ask("run", { net, size: 64, weights: "synthetic", input: "synthetic", backend: "cpu", taps: [{ node, want: "values" }] });
          if (event.type !== "ran") throw new Error(event.message);
          values += numbers[1].length;
        }
      }
      return values;
    }, WALKED.map((net) => [net, Object.keys(synthetic[`${net}@224`].nodes)]));
    const debug = await browser.context.newCDPSession(cpu.page);
    // The engine's memory of wasm never shrinks; what the page holds is looked at after garbage collection.
    const held = async () => {
      await debug.send("HeapProfiler.collectGarbage");
      return { engine: await cpu.page.workers()[0].evaluate(() => wasmBytes()), page: (await debug.send("Runtime.getHeapUsage")).usedSize };
    };
    const values = await walk();
    const first = await held();
    assert.equal(await walk(), values);
    const second = await held();
    console.log(`# ${(values / 1e6).toFixed(1)} million values walked; after one walk and after two ${JSON.stringify([first, second])} bytes`);
    assert.equal(second.engine, first.engine);
    assert.ok(second.page <= 1.1 * first.page, `${first.page} and ${second.page}`);
  });

  test("requests that cannot be met are answered with a sentence", async () => {
    const cases = [
      [{ net: "resnet50-e" }, /there is no network "resnet50-e"/],
      [{ net: "resnet101-b" }, /no weights for resnet101-b yet/],
      [{ net: "tiny-a", size: 16 }, /must be between 32 and 512/],
      [{ net: "tiny-a", input: "synthetic", taps: [whole("layer9")] }, /no layer "layer9"/],
      [{ net: "tiny-a", weights: "synthetic" }, /know no pictures/],
    ];
    for (const [request, words] of cases) {
      const { event } = await cpu.run({ backend: "cpu", ...request });
      assert.equal(event.type, "failed");
      assert.match(event.message, words);
    }
  });
});

describe("on WebGPU, SwiftShader", () => {
  let server, browser, gpu;
  before(async () => {
    server = await serve();
    browser = await launch({ webgpu: true });
    gpu = await engine(browser.context, server.url);
  });
  after(async () => { await browser?.close(); await server?.close(); });

  test("a software adapter is not taken unasked, and the reason is given", async () => {
    const { event } = await gpu.run({ net: "tiny-a", weights: "synthetic", input: "synthetic", size: 64, backend: "auto" });
    assert.equal(event.backend.name, "cpu");
    assert.match(event.backend.why, /only GPU here is software \(.*swiftshader.*\)/i);
  });

  test("a small network is answered by the CPU before a card is started, and by the card afterwards", async () => {
    const card = await engine(browser.context, server.url, `(${disguised})()`);
    try {
      const asked = { net: "tiny-d", weights: "synthetic", input: "synthetic", size: 64, backend: "auto" };
      const all = [card.run(asked), card.run({ ...asked, net: "tiny-a" })];
      for (const { event } of await Promise.all(all)) {
        assert.equal(event.backend?.name, "cpu", event.message);
        assert.match(event.backend.why, /the GPU \(acme a card\) starts after this answer/);
      }
      const [first, again] = [await all[0], await card.run(asked)];
      assert.equal(again.event.backend?.name, "webgpu", again.event.message);
      assert.match(again.event.backend.why, /checked against the CPU/);
      assert.ok(relativeL2(again.logits, first.logits) <= 1e-3);
    } finally {
      await card.page.close();
    }
    // What is no trifle for the CPU, or is about the device, waits for the card.
    for (const more of [{ net: "resnet18-a", size: 224 }, { net: "tiny-a", size: 64, timed: true }]) {
      const card = await engine(browser.context, server.url, `(${disguised})()`);
      const { event } = await card.run({ weights: "synthetic", input: "synthetic", backend: "auto", ...more });
      assert.equal(event.backend?.name, "webgpu", event.message);
      await card.page.close();
    }
  });

  // The page's kernels are the tiled ones.
  for (const kernels of ["stock", "tiled"]) {
    test(`resnet50-d agrees with PyTorch at every node, by ${kernels} kernels`, kernels === "stock" ? NIGHTLY : {}, async () => {
      await compare(gpu, "resnet50-d@224", "webgpu", 1e-3, { kernels });
    });
  }

  test("tiny-a to tiny-d predict what PyTorch predicts", async () => {
    for (const [net, pictures] of Object.entries(tinySamples)) {
      const [file, wanted] = Object.entries(pictures)[0];
      await gpu.picture(`assets/samples/${file}`);
      const { event, logits } = await gpu.run({ net, backend: "webgpu" });
      assert.equal(event.type, "ran", event.message);
      assert.equal(event.backend.name, "webgpu");
      assert.match(event.backend.why, /checked against the CPU/);
      const cpu = await gpu.run({ net, backend: "cpu" });
      assert.ok(relativeL2(logits, cpu.logits) <= 1e-3, `${net}: ${relativeL2(logits, cpu.logits)} from the CPU`);
      assert.equal(event.top[0].index, wanted.top);
      assert.ok(Math.abs(event.top[0].p - wanted.p) <= 0.01);
    }
  });

  test("a replayed pass predicts for each picture what the CPU predicts", async () => {
    const files = Object.keys(tinySamples["tiny-d"]).slice(0, 2);
    const run = (request) => gpu.page.evaluate(async (request) => {
      const { event, numbers } = await ask("run", request);
      return { event, parts: numbers.map((values) => [...values]) };
    }, request);
    // Launched, recorded, replayed; and others in between.
    for (const [turn, net] of ["tiny-d", "tiny-a", "tiny-d", "tiny-a", "tiny-d", "tiny-d"].entries()) {
      await gpu.picture(`assets/samples/${files[turn % 2]}`);
      const taps = [...(turn === 4 ? [] : [whole("layer2")]), mean("layer1")];
      const asked = { net, taps, cams: 1 };
      const found = await run({ ...asked, backend: "webgpu", kernels: "tiled" });
      assert.equal(found.event.backend?.name, "webgpu", found.event.message);
      const wanted = await run({ ...asked, backend: "cpu" });
      assert.equal(found.parts.length, 2 + taps.length);
      for (const [i, values] of found.parts.entries()) assert.ok(relativeL2(values, wanted.parts[i]) <= 1e-3, `${net}, turn ${turn}, part ${i}`);
    }
  });

  test("what is never read does not change A, and changes D, on either device", async () => {
    await gpu.picture("assets/samples/chelsea.png");
    for (const backend of ["webgpu", "cpu"]) {
      for (const net of ["tiny-a", "tiny-d"]) {
        for (const fill of ["zero", "noise"]) {
          const edits = ["layer1", "layer2", "layer3"].map((node) => ({ node, area: "unread", fill }));
          const { event, logits, changed } = await gpu.run({ net, backend, edits });
          assert.equal(event.backend?.name, backend, event.message);
          assert.equal(event.changed.top.length, 5);
          assert.deepEqual([logits.length, changed.length], [10, 10]);
          const moved = logits.filter((logit, i) => logit !== changed[i]).length;
          assert.equal(moved, net === "tiny-a" ? 0 : 10, `${net} on ${backend} with ${fill}`);
        }
      }
    }
  });

  test("means, class activation maps, gradients, edits and moved pictures come back as requested", async () => {
    await gpu.picture("assets/samples/chelsea.png");
    const gradients = {};
    for (const backend of ["webgpu", "cpu"]) {
      const { event } = await gpu.run({ net: "tiny-d", backend, taps: [mean("input"), mean("layer1")], cams: 2 });
      assert.deepEqual(event.taps, [{ ...mean("input"), shape: [1, 1, 128, 128] }, { ...mean("layer1"), shape: [1, 1, 32, 32] }]);
      assert.deepEqual(event.cams.map(({ class: index }) => index), event.top.slice(0, 2).map(({ index }) => index));
      // The reverse pass is the processor's, over what the device computed.
      const back = await gpu.page.evaluate((backend) => ask("run", { net: "tiny-d", backend, cams: 1, cam_at: "layer3", gradients: [{ node: "layer2", channel: null, y: 8, x: 8 }] }), backend);
      assert.deepEqual(back.event.cams.map(({ shape }) => shape), [[1, 1, 8, 8]]);
      assert.deepEqual(back.event.gradients, [{ ...whole("layer2"), shape: [1, 3, 128, 128] }]);
      gradients[backend] = Object.values(back.numbers[2]);
      const moved = await gpu.run({ net: "tiny-d", backend, shift: [8, 0] });
      assert.notDeepEqual(moved.event.top, event.top);
      const outside = await gpu.run({ net: "tiny-d", backend, edits: [{ node: "layer1", area: { square: { y: 32, x: 0, side: 1 } }, fill: "zero" }] });
      assert.match(outside.event.message, /row 32, column 0 lies outside the 32 × 32 positions of layer1/);
    }
    assert.ok(relativeL2(gradients.webgpu, gradients.cpu) <= 1e-2, `${relativeL2(gradients.webgpu, gradients.cpu)}`);
  });
});
