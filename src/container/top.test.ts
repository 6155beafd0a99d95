import { expect, test } from 'vitest';
import { selectProcesses } from './top.ts';

test('the rows of the container, the command whole', () => {
  const output = '  PID TTY      CMD\n    1 ?        init\n   42 pts/0    sleep 10   20\n   43 ?        other\n';
  expect(selectProcesses(output, new Set([42]))).toEqual({
    titles: ['PID', 'TTY', 'CMD'],
    processes: [['42', 'pts/0', 'sleep 10 20']],
  });
  expect(() => selectProcesses('CMD\nsleep\n', new Set([42]))).toThrow("Couldn't find PID field in ps output");
});
