/**
 * @module The first users' commands once more, with `pontoon` in the place of `docker`: the same lines, the same outcomes.
 */

import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PONTOON } from '../api/daemon.ts';

const directory = mkdtempSync(join(tmpdir(), 'cli-first-users-'));
symlinkSync(PONTOON, join(directory, 'docker'));
process.env.PATH = `${directory}:${process.env.PATH}`;

await import('./docker-cli.test.ts');
