/**
 * @module `pontoon tag`, `rmi` and `history`.
 */

import { type Command, Option } from 'commander';
import { ApiError } from '../api/client.ts';
import { type Columns, printList, tableOf } from '../output/list.ts';
import { ellipsis } from '../output/text.ts';
import { ago, humanSize } from '../output/units.ts';
import { attemptEach, printLine, withApi } from '../session.ts';
import { formatOption, reading, repeated } from '../values.ts';
import { shortImageId } from './ls.ts';
import { platformOption, platformQuery } from './platform.ts';
import { splitReference } from './reference.ts';

export function defineTag(command: Command): void {
  command
    .argument('<image>', 'name or ID')
    .argument('<name>', 'another name: NAME[:TAG]')
    .action((image: string, name: string) =>
      withApi(command, (api) => {
        const { repository: repo, tag = 'latest' } = splitReference(name);
        return api.post(`/images/${image}/tag`, { query: { repo, tag } });
      }),
    );
}

interface RemoveFlags {
  readonly force?: true;
  readonly platform?: readonly string[];
  readonly prune: boolean;
}

export function defineRemove(command: Command): void {
  command
    .argument('<image...>', 'names or IDs')
    .option('-f, --force', 'even if a stopped container uses it; one that is not there is no error')
    .option('--no-prune', 'keep untagged parents')
    .addOption(
      new Option('--platform <platform>', 'only if it is of this one').argParser(repeated(reading(platformQuery))),
    )
    .action((refs: string[], { force, platform: platforms, prune }: RemoveFlags) =>
      withApi(command, (api) =>
        attemptEach(refs, async (ref) => {
          try {
            const query = { force, noprune: !prune, platforms };
            const gone = await api.delete<{ Untagged?: string; Deleted?: string }[]>(`/images/${ref}`, query);
            for (const { Untagged, Deleted } of gone) {
              printLine(Deleted === undefined ? `Untagged: ${Untagged}` : `Deleted: ${Deleted}`);
            }
          } catch (error) {
            if (!force || !ApiError.is(error, 404)) throw error;
            process.stderr.write(`pontoon: ${error.message}\n`);
          }
        }),
      ),
    );
}

/** Of GET /images/NAME/history. */
interface Layer {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Size: number;
  readonly Comment: string;
}

interface HistoryFlags {
  readonly format?: string;
  readonly human?: boolean;
  readonly platform?: string;
  readonly quiet?: true;
  readonly trunc: boolean;
}

export function defineHistory(command: Command): void {
  command
    .argument('<image>', 'name or ID')
    .addOption(formatOption())
    .option('-H, --human', 'sizes and times for people (default)')
    .option('--no-human', 'sizes in bytes, times as dates')
    .option('--no-trunc', 'print everything in full')
    .addOption(platformOption())
    .option('-q, --quiet', 'print IDs only')
    .action((image: string, { format, human = true, platform, quiet, trunc }: HistoryFlags) =>
      withApi(command, async (api) => {
        const layers = await api.get<Layer[]>(`/images/${image}/history`, { platform });
        const created = human ? 'CreatedSince' : 'CreatedAt';
        printList(layers, columnsOf(human, trunc), {
          format,
          table: tableOf(['ID', created, 'CreatedBy', 'Size', 'Comment']),
          quiet: quiet && 'ID',
        });
      }),
    );
}

function columnsOf(human: boolean, trunc: boolean): Columns<Layer> {
  return {
    ID: ['IMAGE', ({ Id }) => (trunc ? shortImageId(Id) : Id)],
    CreatedSince: ['CREATED', ({ Created }) => (Created <= 0 ? 'N/A' : ago(Created))],
    CreatedAt: ['CREATED AT', ({ Created }) => new Date(Created * 1000).toISOString().replace(/\.\d+/, '')],
    CreatedBy: [
      'CREATED BY',
      ({ CreatedBy }) => {
        const line = CreatedBy.replaceAll('\t', ' ');
        return trunc ? ellipsis(line, 45) : line;
      },
    ],
    Size: ['SIZE', ({ Size }) => (human ? humanSize(Size) : String(Size))],
    Comment: ['COMMENT', ({ Comment }) => Comment],
  };
}
