/**
 * @module Every check that needs no kernel and no root, all at once: types, format and lint, layers, repository.
 *
 * One line for each; the output only of what failed. NAME as argument runs just those: node scripts/check.ts types
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const CHECKS: Record<string, readonly [command: string, ...args: string[]]> = {
  types: ['tsc', '--project', '.'],
  style: ['biome', 'check'],
  layers: ['node', 'scripts/check-layers.ts'],
  repository: ['vitest', 'run', 'test/'],
};

function check(name: string): Promise<boolean> {
  const [command, ...args] = CHECKS[name]!;
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stderr.on('data', (chunk) => chunks.push(chunk));
  child.on('error', reject);
  child.on('close', (code) => {
    const ok = code === 0;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${[command, ...args].join(' ')}, ${seconds} s`);
    if (!ok) console.log(Buffer.concat(chunks).toString().trimEnd().replaceAll(/^/gm, '  | '));
    resolve(ok);
  });
  return promise;
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CHECKS);
const unknown = names.filter((name) => !Object.hasOwn(CHECKS, name));
if (unknown.length > 0) {
  console.error(`check: no such check: ${unknown.join(', ')} (${Object.keys(CHECKS).join(', ')})`);
  process.exit(1);
}
const failed = (await Promise.all(names.map(check))).filter((ok) => !ok).length;
console.log(`check: ${names.length} checks, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
