// How much of the browser tests a run takes, by STRIDESCOPE_TESTS: `quick`, `whole` (also where it is not set) or `nightly`.
//
// `quick` runs a few files whole, which `cargo xtask test quick` chooses; within a file it is like `whole`.
// `whole` runs on every change. It has a test of every kind of fault: each figure, fault, host and engine is met at least once.
// `nightly` has everything. What only it does is the same again in another setting: another host, another size of the window in an engine whose
// other size is tested, more strings drawn by chance, more rounds of what is repeated, networks of full size where a small one takes the same code.

const EXTENTS = ["quick", "whole", "nightly"];
const extent = process.env.STRIDESCOPE_TESTS || "whole";
if (!EXTENTS.includes(extent)) throw new Error(`STRIDESCOPE_TESTS is "${extent}", but must be one of ${EXTENTS.join(", ")}`);

export const isNightly = extent === "nightly";

/// Options of a test or a suite that runs nightly only.
export const NIGHTLY = isNightly ? {} : { skip: "runs nightly" };
