// What a visitor does, figure by figure, in the verbs that every engine has (support/engines.mjs): the same scenarios run in each of them.
import assert from "node:assert/strict";
import { install, press } from "../support/actions.mjs";
import { golden } from "../support/harness.mjs";

/// Imagenette's classes, in the order of the networks' outputs.
export const CLASSES = [
  "tench", "English springer", "cassette player", "chain saw", "church", "French horn", "garbage truck", "gas pump", "golf ball", "parachute",
];
export const samples = golden("tiny-samples.json");
const FIFTY = "?models=resnet50-a,resnet50-b,resnet50-c,resnet50-d";
const PAIR = "?models=tiny-a,tiny-d";

/// Opens the page, lets every figure come, and waits for so many networks to answer.
async function open(browser, site, query, networks) {
  const asked = [query.slice(1), site.extra].filter(Boolean).join("&");
  await browser.goto(`${site.url}?${asked}`);
  await browser.evaluate(install);
  await browser.until("the figures come", () => {
    dispatchEvent(new Event("pointermove"));
    return document.querySelector("#learn") !== null;
  });
  if (networks) await browser.until(`${networks} networks answer`, (networks) => seen.answered(networks), networks);
}

/// Each scenario: `(browser, site)`. A site has its `url`, what every link to it has besides as `extra`, and as `device` how the page calls what it
/// computes on.
export const SCENARIOS = {
  "four networks predict for the cat what PyTorch predicts": async (browser, site) => {
    await open(browser, site, "", 4);
    const cards = await browser.evaluate(() => seen.all(".answer").map((card) => {
      const row = card.querySelector(".row");
      return { net: card.dataset.net, top: row.querySelector("span").textContent, percent: parseFloat(/[\d.]+ %/.exec(row.textContent)?.[0]) };
    }));
    const expected = Object.entries(samples).map(([net, pictures]) => ({ net, top: CLASSES[pictures["chelsea.png"].top] }));
    assert.deepEqual(cards.map(({ net, top }) => ({ net, top })), expected);
    cards.forEach(({ net, percent }) => {
      const p = 100 * samples[net]["chelsea.png"].p;
      assert.ok(Math.abs(percent - p) < 2, `${net} gives its first class ${percent} %, PyTorch ${p} %`);
    });
    assert.match(await browser.evaluate(() => document.querySelector(".why").textContent), site.device);
  },

  "a sample, a file of one's own and a file that is none": async (browser, site) => {
    await open(browser, site, PAIR, 2);
    await press(browser, "A cup of coffee");
    await browser.until("the cup is on show", () => document.querySelector(".picture figcaption b")?.textContent === "A cup of coffee");
    await browser.until("it is none of the ten classes", () => seen.answered(2) && seen.all(".answer .none").length === 2);
    await browser.until("the address names it", () => seen.asked("image") === "coffee");
    await browser.evaluate(() => seen.drop("assets/samples/rocket.jpg", "mine.jpg"));
    await browser.until("the file is on show", () => document.querySelector(".picture figcaption").textContent.startsWith("mine.jpg · 640 × 427"));
    await browser.until("it is answered", () => seen.answered(2));
    await browser.evaluate(() => seen.drop("assets/catalogue.json", "none.jpg"));
    await browser.until("a notice reports what is wrong", () => document.querySelector(".notice p")?.textContent.startsWith("none.jpg"));
    assert.match(await browser.evaluate(() => document.querySelector(".picture figcaption").textContent), /^mine\.jpg/);
    assert.equal(await browser.evaluate(() => seen.answered(2)), true);
  },

  "networks by their letters, and back": async (browser, site) => {
    await open(browser, site, PAIR, 2);
    await browser.evaluate(() => seen.all(".chip").find(({ textContent }) => textContent === "B").click());
    await browser.until("three answer", () => seen.answered(3) && seen.asked("models") === "tiny-a,tiny-b,tiny-d");
    await browser.evaluate(() => history.back());
    await browser.until("two are back", () => seen.asked("models") === "tiny-a,tiny-d" && seen.answered(2));
  },

  "what differs between four ResNet-50s, and what they cost": async (browser, site) => {
    await open(browser, site, `${FIFTY}&node=layer2.0.conv2`);
    await browser.until("four diagrams", () => seen.all("svg.diagram").length === 4);
    assert.deepEqual(await browser.evaluate(() => seen.text(".differences summary")), [
      "2 differences from ResNet-50-A", "6 differences from ResNet-50-A", "8 differences from ResNet-50-A",
    ]);
    await browser.until("the inspector is filled", () => seen.text(".inspector dl").length > 0);
    const inspected = await browser.evaluate(() => seen.text(".inspector dl"));
    assert.match(inspected[0], /stride 1.*28 × 28 × 128 × 3 × 3 × 128 = 115,605,504/);
    await press(browser, "Open all");
    await browser.until("every block is open", () => seen.all(".join").length === 4 * 16);
    const row = await browser.evaluate(() => seen.all("#cost tr").find((row) => row.querySelector("th")?.textContent === "MACs").textContent);
    assert.match(row, /3\.86 G.*4\.09 G.*4\.33 G.*4\.33 G/);
    assert.ok(await browser.evaluate(() => seen.all("#cost svg.chart").length) >= 4);
  },

  "what each path reads, and what is never read": async (browser, site) => {
    await open(browser, site, "", 4);
    await browser.until("four networks' strides", () => seen.all("#strides tbody tr").length === 4);
    assert.deepEqual(await browser.evaluate(() => seen.text("#strides tbody tr")), [
      "Tiny-A100 %100 %25 % / 25 %25 % / 25 %25 % / 25 %",
      "Tiny-B100 %100 %100 % / 25 %100 % / 25 %100 % / 25 %",
      "Tiny-C100 %100 %100 % / 25 %100 % / 25 %100 % / 25 %",
      "Tiny-D100 %100 %100 % / 100 %100 % / 100 %100 % / 100 %",
    ]);
    await press(browser, "Set them to zero");
    await browser.until("it was tried in all four", () => seen.all(".checked", document.querySelector("#strides")).filter(({ textContent }) => textContent).length === 4);
    const [first, ...others] = await browser.evaluate(() => seen.text("#strides .checked"));
    assert.equal(first, "Not one bit of its 10 logits changed.");
    others.forEach((line) => assert.match(line, /^10 of 10 logits changed/));
  },

  "every channel, where a class was seen, and what a position sees": async (browser, site) => {
    await open(browser, site, `${PAIR}&node=layer2.0`, 2);
    const drawn = (figure) => browser.until(`${figure} draws both`, (figure) => seen.all(`${figure} .enlarged img:not(.behind)`).length === 2, figure);
    await press(browser, "Channels", "#features");
    await drawn("#features");
    (await browser.evaluate(() => seen.text("#features article > .cap"))).forEach((line) => assert.match(line, /^channel 0: 0\.00 to \d\.\d\d, mean 0\.\d\d$/));
    assert.ok(await browser.evaluate(() => seen.all("#features .wall img").length) >= 20);
    await press(browser, "Class activation", "#features");
    await browser.until("five classes each", () => seen.all("#features .wall img").length === 10);
    await press(browser, "Compute", "#field");
    await drawn("#field");
    (await browser.evaluate(() => seen.text("#field article > .cap"))).forEach((line) => assert.match(line, /^Row 8, column 8 of 16 × 16\. It can read /));
  },

  "a file of weights is opened, inspected and used": async (browser, site) => {
    await open(browser, site, "?models=tiny-a", 1);
    await browser.evaluate(() => seen.drop("assets/weights/tiny-d.safetensors", "mine.safetensors"));
    await browser.until("it is inspected", () => /These are weights for Tiny-D\. 157 tensors/.test(document.querySelector(".inside")?.textContent ?? ""));
    assert.ok(await browser.evaluate(() => seen.all(".tensors tbody tr").length) > 50);
    await browser.evaluate(() => document.querySelector(".offers button").click());
    await browser.until("it answers as well", () => seen.answered(2));
    assert.match(await browser.evaluate(() => seen.asked("models")), /@file:mine\.safetensors$/);
    // Names of its classes, by their own button and beside it.
    for (const [place, first] of [[".whose .pick", "fish"], ["#weights h2", "shark"]]) {
      const list = [first, ..."bcdefghij"].join("\n");
      await browser.evaluate((list, place) => seen.bring("drop", { files: { "names.txt": list } }, place), list, place);
      await browser.until("its classes have those names", (first) => {
        const rows = seen.all(".answer").flatMap((card) => seen.all(".row > span:first-child", card)).map(({ textContent }) => textContent);
        return rows.some((name) => [first, ..."bcdefghij"].includes(name)) && document.querySelector(".whose [role=status]") !== null && seen.text(".whose .cap").includes("Named after names.txt.");
      }, first);
    }
    assert.equal(await browser.evaluate(() => seen.notices()), "");
  },

  "what is dropped and pasted goes where it belongs, or a notice explains what to do": async (browser, site) => {
    await open(browser, site, "?models=tiny-a", 1);
    const bring = (how, what, on) => browser.evaluate((how, what, on) => seen.bring(how, what, on), how, what, on);
    // A thumbnail, as it comes from another window.
    const thumb = await browser.evaluate(() => document.querySelector('.thumb[aria-label="A cup of coffee"] img').src);
    assert.equal(await bring("drop", { texts: { "text/uri-list": thumb } }, ".picture"), false);
    await browser.until("the cup is on show", () => document.querySelector(".picture figcaption b")?.textContent === "A cup of coffee");
    assert.equal(await browser.evaluate(() => seen.asked("image")), "coffee");
    await browser.until("the field for addresses is there", () => document.querySelector("#address"));
    // A field that takes text is the browser's own, whatever comes beside the text.
    for (const how of ["drop", "paste"]) {
      assert.equal(await bring(how, { texts: { "text/plain": "some words" } }, "#address"), true, how);
      assert.equal(await bring(how, { texts: { "text/plain": "some words" }, files: { "words.png": "their picture" } }, "#address"), true, how);
    }
    assert.equal(await browser.evaluate(() => seen.notices()), "");
    const cases = [
      [{ texts: { "text/uri-list": "https://photos.example/cat.jpg" } }, /^This page asks photos\.example for nothing by itself: save the picture/],
      [{ files: { "labels.txt": "one\ntwo" } }, /^As text only names of classes are read: .*Not used: "labels\.txt"\.$/],
      [{ files: { "a.png": "", "b.png": "" } }, /^2 pictures came at once, and one is looked at at a time: drop one of them\.$/],
      [{ files: { "a.pth": "", "b.pth": "" } }, /^2 files of weights came at once/],
      [{ files: { "none.png": "no picture", "notes": "" } }, /^Only pictures and files of weights are used here\. Not used: "notes"\.$|^none\.png: /],
    ];
    for (const how of ["drop", "paste"]) {
      for (const [what, words] of cases) {
        await bring(how, what, "body");
        await browser.until(`the notice ${words} is shown`, (words) => new RegExp(words).test(seen.notices()), words.source);
        await press(browser, "Close", ".notice");
      }
    }
    assert.equal(await browser.evaluate(() => seen.answered(1)), true);
  },

  "another language, another theme, sharing and the article": async (browser, site) => {
    await open(browser, site, PAIR, 2);
    await browser.evaluate(() => seen.choose("select.language", "ko"));
    await browser.until("it is Korean", () => document.documentElement.lang === "ko" && seen.text("#strides h2")[0] === "보폭");
    await browser.evaluate(() => seen.choose("select.language", "en"));
    await browser.until("it is English", () => document.documentElement.lang === "en" && seen.text("#strides h2")[0] === "Strides");
    await press(browser, "Theme: auto");
    await browser.until("it is dark", () => document.documentElement.dataset.theme === "dark");
    await press(browser, "Share");
    await browser.until("there is a frame to copy", () => /sandbox="allow-scripts/.test(document.querySelector("#share-iframe")?.value ?? ""));
    await press(browser, "Close", "dialog.share");
    await browser.until("the article is there", () => {
      document.querySelector("#learn").scrollIntoView();
      return seen.all("#learn stride-scope").length > 2;
    });
  },
};

/// Those whose numbers come from the device that computes.
export const ON_THE_DEVICE = [
  "four networks predict for the cat what PyTorch predicts", "what each path reads, and what is never read", "every channel, where a class was seen, and what a position sees",
];
