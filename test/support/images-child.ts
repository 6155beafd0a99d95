/** @module A process that loads, tags and removes images until it is killed: node images-child.ts ROOT ARCHIVE... */

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { openImages } from '../../src/container/images/index.ts';

const [root = '', ...archives] = process.argv.slice(2);
const images = await openImages({ dataRoot: join(root, 'data'), runRoot: join(root, 'run') });
console.log('open');
for (let turn = 0; ; turn++) {
  const [image] = await images.load(createReadStream(archives[turn % archives.length] as string));
  images.tag(image?.id ?? '', `turn:${turn % 3}`);
  if (turn % 2 === 1) await images.remove(image?.id ?? '', { force: true });
}
