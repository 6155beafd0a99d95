/**
 * @module `make bench`: measures Pontoon beside its peers, in one run, in a private world, and prints what came out.
 *
 *   node bench/main.ts [--rounds N] [--full] [--json FILE] [SECTION...]
 *
 * A benchmark and not a test: it ends with status 0 also when a goal is missed.
 */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isMet, machine, type Row, type Section, table } from './lib/report.ts';
import { settle } from './lib/settle.ts';
import { inWorld, layOut, reenter } from './lib/world.ts';
import { attach, stall } from './sections/attach.ts';
import { daemon } from './sections/daemon.ts';
import { dataplane } from './sections/dataplane.ts';
import { names } from './sections/names.ts';
import { networks } from './sections/networks.ts';
import { observe, truth } from './sections/observe.ts';
import { connections, publish } from './sections/publish.ts';

const SECTIONS: readonly Section[] = [
  attach,
  networks,
  publish,
  connections,
  dataplane,
  names,
  stall,
  daemon,
  observe,
  truth,
];

const HELP = `usage: node bench/main.ts [--rounds N] [--full] [--json FILE] [SECTION...]

${SECTIONS.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --rounds N   repeat each measurement so often, interleaved (default 3; the data plane and names at least 5)
  --full       also what takes the peers minutes: 900 endpoints, 200 networks, thousands of ports
  --json FILE  write the rows as JSON too`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** The sections asked for, in the bench's own order. */
function chosen(): readonly Section[] {
  const unknown = positionals.filter((name) => !SECTIONS.some((section) => section.name === name));
  if (unknown.length > 0)
    throw new Error(
      `bench: no section ${unknown.join(', ')}; there are ${SECTIONS.map((section) => section.name).join(', ')}`,
    );
  return positionals.length === 0 ? SECTIONS : SECTIONS.filter(({ name }) => positionals.includes(name));
}

async function measure(): Promise<void> {
  const options = { rounds: Math.max(1, Number(values.rounds) || 3), full: values.full };
  const on = machine();
  const results: (Row & { section: string; met: boolean | undefined })[] = [];
  console.log(`${on}\n`);
  for (const section of chosen()) {
    const rows = await section.run(options);
    console.log(`${section.name}: ${section.about}\n${table(rows)}\n`);
    results.push(...rows.map((row) => ({ section: section.name, ...row, met: isMet(row) })));
    await settle();
  }
  const judged = results.filter(({ met }) => met !== undefined);
  console.log(`${judged.filter(({ met }) => met).length} of ${judged.length} goals met`);
  if (values.json)
    writeFileSync(values.json, `${JSON.stringify({ machine: on, ...options, rows: results }, null, 2)}\n`);
}

/** An error with all that is in it: a failing disposal hides the failure before it. */
function describe(error: unknown): string {
  if (error instanceof SuppressedError) return `${describe(error.suppressed)}\nand then: ${describe(error.error)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

if (values.help) {
  console.log(HELP);
} else if (inWorld()) {
  try {
    await layOut();
    await measure();
    process.exit(0);
  } catch (error) {
    console.error(describe(error));
    process.exit(1);
  }
} else {
  process.exitCode = await reenter();
}
