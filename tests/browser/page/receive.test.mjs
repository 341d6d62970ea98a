// Real drags and the real clipboard, in Chromium: from the page itself, from a file manager, from other pages.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { answered, dist, launch, serve, watch } from "../support/harness.mjs";
import { becomes, leadsTo, reads } from "../support/soon.mjs";

const built = (name) => readFileSync(join(dist, "assets", name));
let server, browser, folder, page, seen, debug;

/// A file of that name for the browser to drag; without bytes a folder.
function file(name, bytes) {
  const path = join(folder, name);
  if (bytes === undefined) mkdirSync(path, { recursive: true });
  else writeFileSync(path, bytes);
  return path;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stridescope-drags-"));
  server = await serve();
  browser = await launch();
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
});
after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  page = await browser.context.newPage();
  seen = watch(page, server.url);
  await page.goto(`${server.url}?models=tiny-a&backend=cpu`);
  await answered(page, 1);
  // Every figure stands, so that nothing moves what is aimed at.
  await page.waitForFunction(() => document.querySelector("#address") && document.querySelector("#learn") && !document.querySelector('section[aria-busy="true"]'));
  debug = await browser.context.newCDPSession(page);
});
afterEach(async () => {
  assert.deepEqual(seen, { errors: [], strangers: [] });
  await page.close();
});

/// Drags from outside the page to the middle of an element, and lets go there; the page shows that it takes it, where it is one of `files`.
async function drag(to, { files = [], texts = {} }) {
  // A reader who is led to a section stays there until they move, which a key counts as; and what is aimed at stands still.
  await page.keyboard.press("Shift");
  await to.hover({ trial: true });
  const { x, y, width, height } = await to.boundingBox();
  const items = Object.entries(texts).map(([mimeType, data]) => ({ mimeType, data }));
  const at = { x: x + width / 2, y: y + height / 2, data: { items, files, dragOperationsMask: 19 } };
  for (const type of ["dragEnter", "dragOver"]) await debug.send("Input.dispatchDragEvent", { type, ...at });
  const isOffered = () => page.evaluate(() => document.documentElement.hasAttribute("data-dropping"));
  if (files.length > 0) await becomes(isOffered, true);
  const was = await isOffered();
  await debug.send("Input.dispatchDragEvent", { type: "drop", ...at });
  await becomes(isOffered, false);
  return was;
}

const caption = () => page.locator(".picture figcaption");
const notice = () => page.locator(".notice p");
const shows = (title) => page.waitForFunction((title) => document.querySelector(".picture figcaption b")?.textContent === title, title);

describe("dropped", () => {
  test("a thumbnail of the page's own chooses that sample, and nothing else of the page is taken for a picture", async () => {
    await page.getByRole("button", { name: "A rocket on its pad" }).dragTo(page.locator(".picture .frame"));
    await shows("A rocket on its pad");
    await answered(page, 1);
    await leadsTo(page, /image=rocket/);
    // The pixels that a network reads are a picture of this page, but none to be classified.
    await page.locator(".seen img").first().dragTo(page.locator("h1"));
    await page.locator("nav a").first().dragTo(page.locator("h1"));
    await page.waitForTimeout(500);
    assert.match(await caption().textContent(), /^A rocket on its pad/);
    assert.equal(await notice().count(), 0);
  });

  test("text goes into a field that takes text", async () => {
    const field = page.locator("#address");
    assert.equal(await drag(field, { texts: { "text/plain": "someone/tiny-d" } }), false);
    await becomes(() => field.inputValue(), "someone/tiny-d");
    await field.fill("");
    await drag(field, { texts: { "text/uri-list": "https://example.org/a.safetensors", "text/plain": "https://example.org/a.safetensors" } });
    await becomes(() => field.inputValue(), "https://example.org/a.safetensors");
    assert.equal(await notice().count(), 0);
  });

  test("text and addresses elsewhere leave the page where it is", async () => {
    const url = page.url();
    await drag(page.locator("h1"), { texts: { "text/plain": "some words" } });
    assert.equal(await notice().count(), 0);
    await drag(page.locator("h1"), { texts: { "text/uri-list": "https://photos.example/cat.jpg" } });
    await reads(notice(), /^This page asks photos\.example for nothing by itself/);
    assert.equal(page.url(), url);
    assert.match(await caption().textContent(), /^Chelsea/);
  });

  test("an address of weights is inspected once its reader agrees", async () => {
    await drag(page.locator("h1"), { texts: { "text/uri-list": "https://huggingface.co/someone/tiny-d" } });
    await page.locator(".inside .consent").waitFor();
    await reads(page.locator(".inside .consent"), /can be fetched from huggingface\.co/);
  });

  test("a folder is reported, with what to do", async () => {
    assert.equal(await drag(page.locator("h1"), { files: [file("photos")] }), true);
    await notice().waitFor();
    assert.equal(await notice().textContent(), 'Folders are not looked into: drop a picture or a file of weights out of one. Not used: "photos".');
    assert.match(await caption().textContent(), /^Chelsea/);
  });

  test("of several files the picture and the weights are taken, and the rest is named", async () => {
    const files = [
      file("notes.md.bak", "words"), file("rocket", built("samples/rocket.jpg")), file("photos"), file("model_best", built("weights/tiny-d.safetensors")),
    ];
    await drag(page.locator("h1"), { files });
    await shows("rocket");
    await page.locator(".inside", { hasText: "These are weights for Tiny-D" }).waitFor();
    await reads(notice(), /Folders are not looked into.*Only pictures and files of weights are used here\. Not used: "photos", "notes\.md\.bak"\.$/);
    await answered(page, 1);
  });

  test("a file of names on its own button, while the buttons stay in sight", async () => {
    await drag(page.locator("h1"), { files: [file("mine.safetensors", built("weights/tiny-d.safetensors"))] });
    await page.locator(".inside .offers button").first().click();
    await answered(page, 2);
    const button = page.locator(".whose .pick");
    const names = Array.from({ length: 10 }, (_, index) => `thing ${index}`).join("\n");
    await drag(button, { files: [file("labels.txt", names)] });
    await page.getByText("Named after labels.txt.").waitFor();
    assert.match(await page.locator(".answer .row > span").filter({ hasText: "thing" }).first().textContent(), /^thing \d$/);
    // A picture that misses its own button is a picture all the same, and weights that do are weights.
    await drag(button, { files: [file("cup.png", built("samples/coffee.png"))] });
    await shows("cup.png");
    await drag(page.locator(".add"), { files: [file("other.safetensors", built("weights/tiny-a.safetensors"))] });
    await page.locator(".inside", { hasText: "These are weights for Tiny-A" }).waitFor();
  });
});

describe("pasted", () => {
  /// What the clipboard holds of it: texts, and a picture where `picture` is one.
  const copy = (texts, picture) => page.evaluate(async ([texts, picture]) => {
    const blobs = Object.fromEntries(Object.entries(texts).map(([type, text]) => [type, new Blob([text], { type })]));
    if (picture) blobs["image/png"] = await (await fetch(picture)).blob();
    await navigator.clipboard.write([new ClipboardItem(blobs)]);
  }, [texts, picture]);

  test("text that comes with a picture of itself: its text into a field, its picture elsewhere", async () => {
    await copy({ "text/plain": "words of a table", "text/html": "<table><tr><td>words of a table</td></tr></table>" }, "assets/samples/coffee.png");
    const field = page.locator("#address");
    await field.focus();
    await page.keyboard.press("Control+V");
    await becomes(() => field.inputValue(), "words of a table");
    assert.match(await caption().textContent(), /^Chelsea/);
    await field.blur();
    await page.keyboard.press("Control+V");
    await page.waitForFunction(() => /Your picture/.test(document.querySelector(".picture figcaption").textContent));
    await answered(page, 1);
  });

  test("text alone is ignored, and an address is not fetched", async () => {
    await copy({ "text/plain": "some words" });
    await page.keyboard.press("Control+V");
    await page.waitForTimeout(300);
    assert.equal(await notice().count(), 0);
    await copy({ "text/plain": "https://photos.example/cat.jpg" });
    await page.keyboard.press("Control+V");
    await notice().waitFor();
    await reads(notice(), /^This page asks photos\.example for nothing by itself/);
  });

  test("a file of weights opens as weights", async () => {
    const bytes = built("weights/tiny-d.safetensors").toString("base64");
    await page.evaluate((bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "pasted.safetensors"));
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }, bytes);
    await page.locator(".inside", { hasText: "These are weights for Tiny-D" }).waitFor();
  });
});
