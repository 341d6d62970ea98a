// Draws the pictures that stand for the page and its figures where links are shown: assets/og/*.png, from the built page.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch, project, serve } from "./harness.mjs";

const folder = join(project, "assets/og");
const size = { width: 1200, height: 630 };
/// What is shown, and what must be there before.
const PICTURES = {
  page: ["?theme=light&lang=en", ".answer .top .row >> nth=19"],
  architecture: ["?embed=architecture&controls=0&theme=light&lang=en&models=resnet50-a,resnet50-b,resnet50-c,resnet50-d", ".diagram .node"],
  strides: ["?embed=strides&controls=0&autorun=1&theme=light&lang=en", ".path .whole img"],
  features: ["?embed=features&controls=0&autorun=1&theme=light&lang=en&node=layer1.0.conv2", ".wall [data-channel]"],
  field: ["?embed=field&controls=0&autorun=1&theme=light&lang=en&node=layer2.0", ".lit img >> nth=7"],
  cost: ["?embed=cost&controls=0&theme=light&lang=en&models=resnet50-a,resnet50-b,resnet50-c,resnet50-d", ".charts svg"],
  predict: ["?embed=predict&controls=0&autorun=1&theme=light&lang=en", ".answer .top .row >> nth=19"],
};

mkdirSync(folder, { recursive: true });
const site = await serve();
const browser = await launch();
for (const [name, [query, there]] of Object.entries(PICTURES)) {
  const page = await browser.context.newPage();
  await page.setViewportSize(size);
  await page.goto(site.url + query);
  await page.locator(there).first().waitFor();
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
}
await browser.close();
await site.close();
