/**
 * @module The terminal passes keys as they are typed and output as it comes, until it is disposed.
 */

import { spawnSync } from 'node:child_process';

export function rawTerminal(): Disposable {
  process.stdin.setRawMode(true);
  // Node.js leaves a carriage return before each line feed, by which full-screen programs move straight down.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  return { [Symbol.dispose]: () => void process.stdin.setRawMode(false) };
}
