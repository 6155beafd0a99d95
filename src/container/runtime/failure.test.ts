import { expect, test } from 'vitest';
import { reason, startExitCode, startFailure } from './failure.ts';

test.each([
  [
    'time="2026-11-21T06:00:00Z" level=error msg="runc create failed: unable to start container process: exec: \\"nope\\": executable file not found in $PATH"\n',
    'exec: "nope": executable file not found in $PATH',
    127,
  ],
  [
    '2026-11-21T06:00:00.123456Z: executable file `nope` not found in $PATH: No such file or directory\n',
    'exec: "nope": executable file not found in $PATH',
    127,
  ],
  [
    'crun: executable file `/nope` not found in $PATH: No such file or directory',
    'exec: "/nope": stat /nope: no such file or directory',
    127,
  ],
  ['crun: open executable: Permission denied', 'exec: "/etc": permission denied', 126],
  [
    'exec failed: unable to start container process: exec: "/etc": permission denied',
    'exec: "/etc": permission denied',
    126,
  ],
  ['crun: mount `/x` to `y`: Invalid argument', 'mount `/x` to `y`: Invalid argument', 128],
  ['crun: mount `/x` to `y`: Not a directory', 'mount `/x` to `y`: not a directory', 127],
  ['', 'the runtime gave no reason', 128],
])('%s', (words, expected, exitCode) => {
  expect(reason(words, '/etc')).toBe(expected);
  expect(startExitCode(startFailure('create', 'crun', words))).toBe(exitCode);
});

test('a failure that is not the fault of the program has the exit code of the caller', () => {
  expect(startExitCode(new Error('unable to find user nobodyy'), 126)).toBe(126);
  expect(startExitCode(new Error('chdir `/nosuch`: no such file or directory'), 126)).toBe(126);
  expect(startExitCode(new Error('exec: "x": executable file not found in $PATH'), 126)).toBe(127);
});

test('the whole message is one that clients know', () => {
  expect(startFailure('create', 'runc', 'exec: "nope": executable file not found in $PATH').message).toBe(
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown',
  );
});
