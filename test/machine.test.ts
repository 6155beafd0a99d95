/** @module The comparison that tells whether the tests left the machine as it was. */
import { expect, test } from 'vitest';
import { compareMachines, leftoverProcesses, readMachine } from '../scripts/machine.ts';

const machine = { interface: ['lo', 'eth0'], 'named network namespace': ['blue'] };

test('nothing is said of a machine that is as it was', () => {
  expect(compareMachines(machine, structuredClone(machine))).toEqual([]);
});

test('what is new and what is gone is named with its kind', () => {
  const after = { interface: ['lo', 'veth0'], 'named network namespace': ['blue', 'red'] };
  expect(compareMachines(machine, after)).toEqual([
    'new interface: veth0',
    'lost interface: eth0',
    'new named network namespace: red',
  ]);
});

test('this machine has a loopback interface', () => {
  expect(readMachine().interface).toContain('lo');
});

test('a run that started no process left none', async () => {
  expect(await leftoverProcesses('a run that never was')).toEqual([]);
});
