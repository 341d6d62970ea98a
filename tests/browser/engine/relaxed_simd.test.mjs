// The engine with relaxed SIMD and without.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { engine, golden, launch, relativeL2, serve } from "../support/harness.mjs";

const wanted = golden("synthetic.json")["resnet50-b@224"].logits;
let server, browser;
before(async () => { server = await serve(); browser = await launch(); });
after(async () => { await browser?.close(); await server?.close(); });

async function logits(prelude) {
  const { page, run } = await engine(browser.context, server.url, prelude);
  const { event, logits } = await run({ net: "resnet50-b", size: 224, weights: "synthetic", input: "synthetic", backend: "cpu" });
  assert.equal(event.type, "ran", event.message);
  await page.close();
  return logits;
}

test("an engine without relaxed SIMD computes the same network", async () => {
  const fused = await logits();
  // As in a browser that refuses the module of those instructions.
  const plain = await logits("WebAssembly.validate = () => false");
  for (const found of [fused, plain]) assert.ok(relativeL2(found, wanted) <= 1e-4);
  // They round differently: were they alike, the module would not have been used (or this processor has no fused instruction).
  assert.ok(relativeL2(plain, fused) > 0);
});
