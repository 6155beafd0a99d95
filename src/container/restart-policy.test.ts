import { describe, expect, test } from 'vitest';
import { restartDelay, restartsAfterExit, startsWithDaemon } from './restart-policy.ts';
import type { RestartPolicy } from './types.ts';

const policy = (name: RestartPolicy['name'], maximumRetries = 0): RestartPolicy => ({ name, maximumRetries });
const ended = { exitCode: 1, stoppedByHand: false, restartCount: 0 };

describe('after an exit', () => {
  test.each([
    ['no', ended, false],
    ['always', ended, true],
    ['always', { ...ended, exitCode: 0 }, true],
    ['always', { ...ended, stoppedByHand: true }, false],
    ['unless-stopped', ended, true],
    ['unless-stopped', { ...ended, stoppedByHand: true }, false],
    ['on-failure', ended, true],
    ['on-failure', { ...ended, exitCode: 0 }, false],
    ['on-failure', { ...ended, stoppedByHand: true }, false],
  ] as const)('%s, %o: %s', (name, exit, expected) => {
    expect(restartsAfterExit(policy(name), exit)).toBe(expected);
  });

  test('on-failure gives up after so many retries', () => {
    expect(restartsAfterExit(policy('on-failure', 3), { ...ended, restartCount: 2 })).toBe(true);
    expect(restartsAfterExit(policy('on-failure', 3), { ...ended, restartCount: 3 })).toBe(false);
  });
});

test('with the daemon, whoever has run before', () => {
  const before = { startedMs: 1, stoppedByHand: false };
  expect(startsWithDaemon(policy('always'), before)).toBe(true);
  expect(startsWithDaemon(policy('always'), { ...before, stoppedByHand: true })).toBe(true);
  expect(startsWithDaemon(policy('unless-stopped'), before)).toBe(true);
  expect(startsWithDaemon(policy('unless-stopped'), { ...before, stoppedByHand: true })).toBe(false);
  expect(startsWithDaemon(policy('on-failure'), before)).toBe(false);
  expect(startsWithDaemon(policy('always'), { ...before, startedMs: undefined })).toBe(false);
});

test('the delay doubles up to a minute, and begins anew after ten steady seconds', () => {
  const delays = [restartDelay(undefined, 0)];
  while (delays.length < 12) delays.push(restartDelay(delays.at(-1), 0));
  expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(delays.at(-1)).toBe(60_000);
  expect(restartDelay(60_000, 10_000)).toBe(100);
});
