/**
 * @module `pontoon ps`, `inspect` and `sandbox`: the sandboxes, and what becomes of them.
 */

import type { Command } from 'commander';
import type { Sandbox } from '../network/types.ts';
import { addressesOf, formatBinding, formatNamespace, formatTable, shortId } from './format.ts';
import { addNamespaceOptions, type NamespaceFlags, namespaceSpec } from './namespaces.ts';
import { forEachNamed, inspectEach, print, withEngine } from './session.ts';

export function addSandboxCommands(program: Command): void {
  program
    .command('ps')
    .description('list the sandboxes with their networks, addresses and published ports')
    .option('-q, --quiet', 'print IDs only')
    .addHelpText('after', '\nExample:\n  pontoon ps --format json')
    .action((flags: { quiet?: true }, command: Command) =>
      withEngine(command, (engine) => {
        const sandboxes = engine.listSandboxes();
        print(command, sandboxes, () =>
          flags.quiet ? sandboxes.map(({ id }) => shortId(id)).join('\n') : tableOf(sandboxes),
        );
      }),
    );

  program
    .command('inspect')
    .description('show everything about sandboxes, as JSON')
    .argument('<sandbox...>', 'names or IDs')
    .addHelpText('after', '\nExample:\n  pontoon inspect web')
    .action((refs: string[], _flags: unknown, command: Command) =>
      inspectEach(command, refs, (engine, ref) => engine.inspectSandbox(ref)),
    );

  const sandbox = program
    .command('sandbox')
    .description('remove, stop and start sandboxes')
    .addHelpText('after', '\nExample:\n  pontoon sandbox stop web\n  pontoon sandbox start web');

  sandbox
    .command('rm')
    .description('remove sandboxes with all their endpoints; a namespace that Pontoon did not make stays')
    .argument('<sandbox...>', 'names or IDs')
    .addHelpText('after', '\nExample:\n  pontoon sandbox rm web db')
    .action((refs: string[], _flags: unknown, command: Command) =>
      forEachNamed(command, refs, (engine, ref) => engine.removeSandbox(ref)),
    );

  sandbox
    .command('stop')
    .description('take the interfaces of sandboxes away, but keep what they should be, with their static addresses')
    .argument('<sandbox...>', 'names or IDs')
    .addHelpText('after', '\nExample:\n  pontoon sandbox stop web')
    .action((refs: string[], _flags: unknown, command: Command) =>
      forEachNamed(command, refs, (engine, ref) => engine.stopSandbox(ref)),
    );

  const start = sandbox
    .command('start')
    .description('give a stopped sandbox its interfaces again')
    .argument('<sandbox>', 'name or ID');
  addNamespaceOptions(start)
    .addHelpText('after', '\nExample:\n  pontoon sandbox start web --netns /run/netns/web')
    .action((ref: string, flags: NamespaceFlags, command: Command) =>
      withEngine(command, async (engine) => {
        const started = await engine.startSandbox(ref, namespaceSpec(flags));
        print(command, started, () => started.name);
      }),
    );
}

function tableOf(sandboxes: readonly Sandbox[]): string {
  return formatTable(
    ['SANDBOX ID', 'NAME', 'NAMESPACE', 'NETWORKS', 'ADDRESSES', 'PORTS'],
    sandboxes.map((sandbox) => [
      shortId(sandbox.id),
      sandbox.name,
      formatNamespace(sandbox),
      sandbox.endpoints.map(({ networkName }) => networkName).join(', '),
      sandbox.endpoints.flatMap(addressesOf).join(', '),
      sandbox.endpoints.flatMap(({ ports }) => ports.map(formatBinding)).join(', '),
    ]),
  );
}
