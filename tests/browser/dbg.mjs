import { launch, serve } from "./harness.mjs";
const server = await serve(); const b = await launch();
const page = await b.context.newPage(); await page.setViewportSize({width:1600,height:900});
page.on("console", m=>console.log("console", m.type(), m.text())); page.on("pageerror", e=>console.log("pageerror", e.message));
await page.goto(server.url + (process.argv[2] ?? ""));
for (let i=0;i<12;i++){ await page.waitForTimeout(1500); console.log(await page.$$eval(".answer", cs=>cs.map(c=>c.dataset.net+":"+c.querySelectorAll(".row").length+":"+(c.querySelector(".waiting p")?.textContent??""))), await page.evaluate(()=>document.querySelector(".notice p")?.textContent)); if (process.argv[3] && i===1) await page.getByRole("button",{name:process.argv[3]}).click(); if (i==5) await page.screenshot({path:"/tmp/dbg/1.png", fullPage:true}); }
await b.close(); await server.close();
