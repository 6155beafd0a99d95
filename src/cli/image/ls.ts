/**
 * @module `pontoon images`: images in a table. @see docker/cli, command/formatter/image.go
 */

import type { Command } from 'commander';
import { type Columns, printList, tableOf } from '../output/list.ts';
import { ago, goTime, humanSize } from '../output/units.ts';
import { withApi } from '../session.ts';
import { filterOption, filtersOf, formatOption } from '../values.ts';

/** Of GET /images/json. */
export interface ImageSummary {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Created: number;
  readonly Size: number;
  readonly SharedSize: number;
  readonly Containers: number;
}

/** One line: a name of an image, or one that has none. */
interface Row extends ImageSummary {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

interface ImagesFlags {
  readonly all?: true;
  readonly digests?: true;
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly quiet?: true;
  readonly trunc: boolean;
}

const NONE = '<none>';

export function defineImages(command: Command): void {
  command
    .argument('[repository]', 'only those of this name')
    .option('-a, --all', 'intermediate ones too')
    .option('--digests', 'with the digests of their manifests')
    .addOption(filterOption())
    .addOption(formatOption())
    .option('--no-trunc', 'print everything in full')
    .option('-q, --quiet', 'print IDs only')
    .action((repository: string | undefined, flags: ImagesFlags) =>
      withApi(command, async (api) => {
        const { all, digests, filter = [], format, quiet, trunc } = flags;
        const filters = repository === undefined ? filter : [...filter, `reference=${repository}`];
        const images = await api.get<ImageSummary[]>('/images/json', { all, digests, filters: filtersOf(filters) });
        const rows = images.flatMap((image) => rowsOf(image, digests === true || /\.Digest\b/.test(format ?? '')));
        const columns = ['Repository', 'Tag', ...(digests ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size'];
        printList(rows, columnsOf(trunc), { format, table: tableOf(columns), quiet: quiet && 'ID' });
      }),
    );
}

function rowsOf(image: ImageSummary, withDigests: boolean): Row[] {
  const digests = (image.RepoDigests ?? []).map((name) => name.split('@') as [string, string]);
  const tags = (image.RepoTags ?? []).filter((name) => name !== `${NONE}:${NONE}`).map(splitTag);
  const digestOf = (repository: string) => digests.find(([name]) => name === repository)?.[1] ?? NONE;
  const rows = tags.map(([repository, tag]) => ({ ...image, repository, tag, digest: digestOf(repository) }));
  const untagged = digests.filter(([name]) => !tags.some(([repository]) => repository === name));
  for (const [repository, digest] of withDigests || tags.length === 0 ? untagged : []) {
    if (repository !== NONE) rows.push({ ...image, repository, tag: NONE, digest });
  }
  return rows.length > 0 ? rows : [{ ...image, repository: NONE, tag: NONE, digest: NONE }];
}

/** A colon in a host's port is not the one before the tag. */
function splitTag(name: string): [repository: string, tag: string] {
  const colon = name.lastIndexOf(':');
  return [name.slice(0, colon), name.slice(colon + 1)];
}

function columnsOf(trunc: boolean): Columns<Row> {
  return {
    ID: ['IMAGE ID', ({ Id }) => (trunc ? shortImageId(Id) : Id)],
    Repository: ['REPOSITORY', ({ repository }) => repository],
    Tag: ['TAG', ({ tag }) => tag],
    Digest: ['DIGEST', ({ digest }) => digest],
    CreatedSince: ['CREATED', ({ Created }) => ago(Created)],
    CreatedAt: ['CREATED AT', ({ Created }) => goTime(Created)],
    Size: ['SIZE', ({ Size }) => humanSize(Size)],
    VirtualSize: ['SIZE', ({ Size }) => humanSize(Size, 4)],
    Containers: ['CONTAINERS', ({ Containers }) => (Containers < 0 ? 'N/A' : String(Containers))],
    SharedSize: ['SHARED SIZE', ({ SharedSize }) => (SharedSize < 0 ? 'N/A' : humanSize(SharedSize))],
    UniqueSize: ['UNIQUE SIZE', ({ Size, SharedSize }) => (SharedSize < 0 ? 'N/A' : humanSize(Size - SharedSize))],
  };
}

/** 'sha256:93dc59c9b5eb…' → '93dc59c9b5eb'. */
export function shortImageId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
