/**
 * @module `--platform` of commands on images that are here: the API takes it as JSON.
 */

import { Option } from 'commander';
import { PontoonError } from '../../errors.ts';
import { reading } from '../values.ts';

export function platformOption(): Option {
  const description = 'the image of this OS and architecture, such as linux/arm64';
  return new Option('--platform <platform>', description).argParser(reading(platformQuery));
}

/** 'linux/arm/v7' → '{"architecture":"arm","os":"linux","variant":"v7"}'. @throws PontoonError bad-value */
export function platformQuery(text: string): string {
  const [, os, architecture, variant] = /^(\w+)\/(\w+)(?:\/(\w+))?$/.exec(text) ?? [];
  if (os === undefined) {
    throw new PontoonError('bad-value', `cannot read the platform '${text}': write OS/ARCHITECTURE[/VARIANT]`, {
      subject: text,
    });
  }
  return JSON.stringify({ architecture, os, variant });
}
