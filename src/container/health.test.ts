import { expect, test } from 'vitest';
import { checkCommand, HealthMonitor, type HealthResult, judge } from './health.ts';
import type { Health } from './types.ts';

const STARTING: Health = { status: 'starting', failingStreak: 0, log: [] };
const SPEC = { test: ['CMD', 'x'], retries: 2, startPeriodNs: 10e9 };
const result = (exitCode: number, startMs: number): HealthResult => ({ exitCode, startMs, endMs: startMs, output: '' });

test('failures in the start period do not count; those after it do', () => {
  const early = judge(STARTING, result(1, 5000), SPEC, 0);
  expect([early.status, early.failingStreak]).toEqual(['starting', 0]);
  const once = judge(early, result(1, 11_000), SPEC, 0);
  expect([once.status, once.failingStreak]).toEqual(['starting', 1]);
  expect(judge(once, result(1, 12_000), SPEC, 0).status).toBe('unhealthy');
});

test('one success is enough, and ends the start period', () => {
  const healthy = judge(STARTING, result(0, 1000), SPEC, 0);
  expect(healthy.status).toBe('healthy');
  const failed = judge(healthy, result(1, 2000), SPEC, 0);
  expect([failed.status, failed.failingStreak]).toEqual(['healthy', 1]);
  expect(judge(judge(failed, result(1, 3000), SPEC, 0), result(0, 4000), SPEC, 0).failingStreak).toBe(0);
});

test('the last five results are kept', () => {
  let health = STARTING;
  for (let at = 0; at < 7; at++) health = judge(health, result(0, at), SPEC, 0);
  expect(health.log.map(({ startMs }) => startMs)).toEqual([2, 3, 4, 5, 6]);
});

test('a check that is far away does not come at once', async () => {
  let checks = 0;
  using _monitor = new HealthMonitor({
    spec: { test: ['CMD', 'x'], intervalNs: 1000 * 3600 * 1e9 },
    startedMs: Date.now(),
    check: async () => {
      checks++;
      return result(0, 0);
    },
    isPaused: () => false,
    pauses: () => 0,
    onStatus: () => {},
    onError: () => {},
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(checks).toBe(0);
});

test('the command', () => {
  expect(checkCommand({ test: ['CMD', 'a', 'b'] })).toEqual(['a', 'b']);
  expect(checkCommand({ test: ['CMD-SHELL', 'a | b'] })).toEqual(['/bin/sh', '-c', 'a | b']);
  expect(checkCommand({ test: ['NONE'] })).toBeUndefined();
});
