/** @module Says what the engine needs of the kernel and this machine lacks, a line each; exit status 1 then. */

import { missingFeatures } from '../../src/kernel/features.ts';

const missing = missingFeatures();
for (const { message } of missing) console.log(message);
process.exitCode = missing.length === 0 ? 0 : 1;
