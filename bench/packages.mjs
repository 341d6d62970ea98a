// The npm packages, which the benchmark shares with the browser tests.

import { createRequire } from 'node:module';

/** Loads a package of tests/package.json. */
export const packages = createRequire(new URL('../tests/package.json', import.meta.url));
