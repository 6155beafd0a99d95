/**
 * @module `pontoon topology`: who is joined to whom on this host, as a picture.
 */

import { type Command, Option } from 'commander';
import { buildTopology, drawDot, drawMermaid, drawSvg, drawTree, type Topology } from '../../observe/topology/index.ts';
import { answering } from './question.ts';
import { obtainSnapshot } from './saved.ts';

const FORMATS = {
  text: drawTree,
  json: (topology) => JSON.stringify(topology, undefined, 2),
  svg: drawSvg,
  mermaid: drawMermaid,
  dot: drawDot,
} as const satisfies Record<string, (topology: Topology) => string>;

interface Flags {
  readonly snapshot?: string;
  readonly format: keyof typeof FORMATS;
}

export function defineTopology(command: Command): void {
  command
    .option('--snapshot <file>', 'draw a saved snapshot instead of this host')
    .addOption(new Option('--format <format>', 'how to draw').choices(Object.keys(FORMATS)).default('text'))
    .action((flags: Flags) =>
      answering(async () => {
        const snapshot = await obtainSnapshot(command, flags.snapshot, { rulesOf: () => false, owners: false });
        process.stdout.write(`${FORMATS[flags.format](buildTopology(snapshot))}\n`);
        return 0;
      }),
    );
}
