/** @module Sealed copies of programs: they run, nobody changes them, and an upgrade of the program is noticed. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SealedProgram } from '../../src/container/runtime/sealed-program.ts';

const directory = mkdtempSync(join(tmpdir(), 'sealed-'));
after(() => rmSync(directory, { recursive: true }));
const program = join(directory, 'crun'); // one of those that are copied
copyFileSync('/bin/echo', program);
const sealed = new SealedProgram(program);

test('the copy runs, is the program, and cannot be changed', () => {
  const path = sealed.path();
  assert.notEqual(path, program);
  assert.equal(execFileSync(path, ['said'], { encoding: 'utf8' }), 'said\n');
  assert.deepEqual(readFileSync(path), readFileSync(program));
  assert.throws(() => appendFileSync(path, 'more'), { code: 'EPERM' });
  assert.equal(sealed.path(), path);
});

test('an upgrade is copied anew; a program that is gone is named by its own path', () => {
  rmSync(program);
  assert.equal(sealed.path(), program);
  copyFileSync('/bin/cat', program);
  assert.equal(execFileSync(sealed.path(), { input: 'through', encoding: 'utf8' }), 'through');
});
