import { launch, serve } from "./harness.mjs";
const server = await serve(); const b = await launch();
for (const [w,t] of [[360,"light"],[360,"dark"],[1600,"dark"],[1600,"light"]]) {
const page = await b.context.newPage(); await page.setViewportSize({width:w,height:900});
await page.goto(server.url + "?theme="+t+(process.argv[2]??""));
await page.waitForFunction(() => document.querySelectorAll(".answer .row").length >= 20 || document.querySelectorAll(".answer .problem").length, null, {timeout:60000});
await page.waitForTimeout(300);
await page.screenshot({path:`/tmp/dbg/${w}-${t}.png`, fullPage:true});
await page.close(); }
await b.close(); await server.close();
