/**
 * @module The files by which programs turn names into addresses: resolv.conf, hosts, nsswitch.conf.
 *
 * Those of a container are read below its root, which is not ours: no link leads out of it, no special file is opened,
 * and what is longer than any real one is cut.
 * @see resolv.conf(5), hosts(5), nsswitch.conf(5)
 */

import { readFileBelow } from '../../kernel/file-below.ts';
import { sparse } from './sparse.ts';
import type { Resolver } from './types.ts';

const FILE_MAX_BYTES = 256 * 1024;
/** No name and no address is longer. */
const WORD_MAX_LENGTH = 255;

/** The files in `directory` (such as '/etc') below `root` (such as '/proc/4711/root'); undefined when none is there. */
export function readResolver(root: string, directory = '/etc'): Resolver | undefined {
  const read = (name: string): string | undefined => readFileBelow(root, `${directory}/${name}`, FILE_MAX_BYTES);
  const resolvConf = read('resolv.conf');
  const hosts = read('hosts');
  if (resolvConf === undefined && hosts === undefined) return undefined;
  return parseResolver(`${root === '/' ? '' : root}${directory}`, {
    resolvConf,
    hosts,
    nsswitch: read('nsswitch.conf'),
  });
}

export function parseResolver(
  directory: string,
  files: { resolvConf?: string | undefined; hosts?: string | undefined; nsswitch?: string | undefined },
): Resolver {
  const settings = lines(files.resolvConf, /[#;].*$/);
  const valuesOf = (keyword: string): string[][] =>
    settings.filter(([word]) => word === keyword).map(([, ...rest]) => rest);
  return sparse<Resolver>({
    directory,
    nameservers: valuesOf('nameserver').flatMap(([address]) => (address === undefined ? [] : [address])),
    // Of several 'search' and 'domain' lines the last one counts.
    search:
      settings
        .filter(([word]) => word === 'search' || word === 'domain')
        .at(-1)
        ?.slice(1) ?? [],
    options: valuesOf('options').flat(),
    hosts: lines(files.hosts, /#.*$/).flatMap(([address, ...names]) =>
      address === undefined || names.length === 0 ? [] : [{ address, names }],
    ),
    sources: lines(files.nsswitch, /#.*$/)
      .find(([word]) => word === 'hosts:')
      ?.slice(1),
  });
}

/** The words of each line that has any. */
function lines(text: string | undefined, comment: RegExp): string[][] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.replace(comment, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/).filter((word) => word.length <= WORD_MAX_LENGTH));
}
