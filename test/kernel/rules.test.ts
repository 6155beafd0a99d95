/** @module Policy rules of both families: every match and action that is set is read back. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { KernelError } from '../../src/kernel/error.ts';
import { addRule, deleteRule, listRules, type Rule, type RuleSettings } from '../../src/kernel/rtnetlink/rule.ts';
import { openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

/** What a rule has that says nothing. */
const PLAIN = {
  from: undefined,
  to: undefined,
  incoming: undefined,
  outgoing: undefined,
  mark: undefined,
  protocol: undefined,
  sourcePorts: undefined,
  destinationPorts: undefined,
  users: undefined,
  vrf: false,
  tos: 0,
  invert: false,
  action: 'lookup',
  suppressPrefixLength: undefined,
  target: undefined,
  origin: 3,
} as const;

const CASES: [settings: Omit<RuleSettings, 'family'>, expected: Partial<Rule>][] = [
  [{ priority: 1000 }, { priority: 1000, table: 254 }],
  [
    { priority: 1001, incoming: 'eth7', outgoing: 'eth8', table: 1234 },
    { priority: 1001, incoming: 'eth7', outgoing: 'eth8', table: 1234 },
  ],
  [
    { priority: 1002, mark: { value: 0x10, mask: 0xf0 }, invert: true, suppressPrefixLength: 0 },
    { priority: 1002, table: 254, mark: { value: 0x10, mask: 0xf0 }, invert: true, suppressPrefixLength: 0 },
  ],
  [
    {
      priority: 1003,
      protocol: 17,
      sourcePorts: { first: 1, last: 65_534 },
      destinationPorts: { first: 53, last: 53 },
      action: 'prohibit',
      origin: 4,
    },
    {
      priority: 1003,
      table: 0,
      protocol: 17,
      sourcePorts: { first: 1, last: 65_534 },
      destinationPorts: { first: 53, last: 53 },
      action: 'prohibit',
      origin: 4,
    },
  ],
  [
    { priority: 1004, action: 'goto', target: 2000 },
    { priority: 1004, table: 0, action: 'goto', target: 2000 },
  ],
  [
    { priority: 1005, action: 'blackhole' },
    { priority: 1005, table: 0, action: 'blackhole' },
  ],
];

for (const family of [4, 6] as const) {
  const prefixes = family === 4 ? ['10.1.0.0/16', '192.0.2.7/32'] : ['fd00:1::/64', '2001:db8::7/128'];
  const cases: typeof CASES = [
    ...CASES,
    [
      { priority: 1006, from: prefixes[0]!, to: prefixes[1]!, table: 7 },
      { priority: 1006, from: prefixes[0], to: prefixes[1], table: 7 },
    ],
  ];
  for (const [settings, expected] of cases) {
    test(`IPv${family} ${JSON.stringify(settings)}`, () => {
      const mine = () => listRules(socket, { family }).filter(({ priority }) => priority === settings.priority);
      socket.request(addRule({ family, ...settings }));
      assert.deepEqual(mine(), [{ ...PLAIN, family, ...expected }]);
      assert.throws(
        () => socket.request(addRule({ family, ...settings })),
        (error) => KernelError.isKernel(error, 'EEXIST') && error.message.includes(`IPv${family} rule`),
      );
      socket.request(deleteRule({ family, ...settings }));
      assert.deepEqual(mine(), []);
      assert.throws(
        () => socket.request(deleteRule({ family, ...settings })),
        (error) => KernelError.isKernel(error, 'ENOENT'),
      );
    });
  }
}

test("the kernel's own rules come first, in the order in which they are tried", () => {
  assert.deepEqual(
    listRules(socket).map(({ family, priority, table }) => [family, priority, table]),
    [
      [4, 0, 255],
      [4, 32_766, 254],
      [4, 32_767, 253],
      [6, 0, 255],
      [6, 32_766, 254],
    ],
  );
});
