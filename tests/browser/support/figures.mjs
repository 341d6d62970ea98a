// The figures, from the files that tests/tables.rs holds to the table of figures.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "./harness.mjs";

const text = (name) => readFileSync(join(project, name), "utf8");
const [, header] = /<nav lang="en"[^>]*>(.*?)<\/nav>/.exec(text("index.html"));
const [, types] = /type Figure = ([^;]+);/.exec(text("assets/stridescope.d.ts"));

/// The sections that the header leads to, in the page's order.
export const SECTIONS = [...header.matchAll(/href="#([\w-]+)"/g)].map(([, id]) => id);
/// The figures that another page can embed.
export const EMBEDDABLE = [...types.matchAll(/"([\w-]+)"/g)].map(([, name]) => name);
