/**
 * @module Checks the version of Node.js, then runs the command line: the sources in a checkout, dist in a package.
 *
 * Old syntax and CommonJS (see package.json beside this file), so that an old Node.js reads far enough to say that it
 * is too old instead of failing on a word that it does not know.
 */
var fs = require('fs');
var path = require('path');

var NEEDED = [24, 15];
var root = path.dirname(__dirname);
var source = path.join(root, 'src', 'cli', 'main.ts');
var isCheckout = fs.existsSync(source);

var version = process.versions.node.split('.').map(Number);
if (version[0] < NEEDED[0] || (version[0] === NEEDED[0] && version[1] < NEEDED[1])) {
  console.error(
    'pontoon: Node.js ' +
      process.versions.node +
      ' is too old, ' +
      NEEDED.join('.') +
      ' or later is needed: ' +
      (isCheckout ? 'run make setup in ' + root : 'install it, or put a newer one first in PATH'),
  );
  process.exit(1);
}

// The daemon lives long and has little to do at a time: its young objects get 1 MB, where V8 would let them take 32 MB and
// keep them. This comes before the cache, whose contents depend on the flags.
if (process.argv[2] === 'daemon') require('v8').setFlagsFromString('--semi-space-growth-factor=1');

// With the cache the command starts in 45 ms instead of 110: the types are taken out of the sources once. The folder is the
// checkout's own, because the default is below /tmp, where another user could have put code for root to run.
if (isCheckout) require('module').enableCompileCache(path.join(root, '.cache', 'compile'));

import(require('url').pathToFileURL(isCheckout ? source : path.join(root, 'dist', 'cli', 'main.js')));
