import { expect, test } from 'vitest';
import { describeChange } from './index.ts';

test('a line for each change, with time, namespace and interface', () => {
  const change = { time: '2026-03-01T12:00:01.234Z', namespace: 'web', kind: 'address', action: 'added' } as const;
  expect(describeChange({ ...change, interface: 'eth0', text: '10.0.0.2/24' })).toBe(
    '12:00:01.234  web               address      added    eth0: 10.0.0.2/24',
  );
  expect(describeChange({ ...change, kind: 'link', interface: 'eth0', text: 'eth0 set up' })).toMatch(
    /added {4}eth0 set up$/,
  );
});

test('no name steers the terminal', () => {
  const change = { time: '2026-03-01T12:00:01.234Z', namespace: 'a\u001b[31m', kind: 'link', action: 'added' } as const;
  expect(describeChange({ ...change, interface: null, text: 'x\r\n' })).not.toMatch(/\p{Cc}/u);
});
