/** @module Raw nftables batches: what they make is what nft lists, all of it or nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PontoonError } from '../../src/errors.ts';
import { KernelError } from '../../src/kernel/error.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { openNetfilter } from '../../src/kernel/netlink/nfnetlink.ts';
import { type NftRequest, type Table, transact } from '../../src/kernel/nftables/batch.ts';
import { type Field, formatFields } from '../../src/kernel/nftables/data.ts';
import * as expression from '../../src/kernel/nftables/expressions.ts';
import { listElements } from '../../src/kernel/nftables/read.ts';
import { Nftables } from '../../src/kernel/nftables/ruleset.ts';
import { addElement, deleteElement, deleteRawElement, type NftSet } from '../../src/kernel/nftables/set.ts';
import { addChain, addRule, addTable, type Chain, deleteTable, PRIORITIES } from '../../src/kernel/nftables/table.ts';
import { assertGolden } from './golden.ts';
import { openWorld } from './support.ts';

openWorld()[Symbol.dispose]();

const table: Table = { family: 'inet', name: 'test' };
const netfilter = openNetfilter();
const nft = new Nftables(NetworkNamespace.current(), 'library');

/** An empty table with these sets, and then the requests on it in one transaction. */
function make(sets: readonly NftSet[], ...requests: NftRequest[]): void {
  transact(netfilter, [addTable(table), deleteTable(table), addTable(table)]);
  nft.run(sets.map(setText));
  transact(netfilter, requests);
}

/** The nft command that makes a set or map. */
function setText({ name, key, data, intervals }: NftSet): string {
  const value = data === undefined ? '' : ` : ${data === 'verdict' ? data : data.join(' . ')}`;
  const flags = intervals === true ? ' flags interval;' : '';
  return `add ${data === undefined ? 'set' : 'map'} inet test ${name} { type ${key.join(' . ')}${value};${flags} }`;
}

test('tables, chains, rules, sets and maps are what nft lists', () => {
  const dispatch: NftSet = { table, name: 'dispatch', key: ['ifname'], data: 'verdict' };
  const ports: NftSet = { table, name: 'ports', key: ['inet_service'], intervals: true };
  const pairs: NftSet = { table, name: 'pairs', key: ['ifname', 'ifname'] };
  const bindings: NftSet = {
    table,
    name: 'bindings',
    key: ['ipv6_addr', 'inet_proto', 'inet_service'],
    data: ['ipv6_addr', 'inet_service'],
    intervals: true,
  };
  const chain: Chain = { table, name: 'one' };
  const base: Chain = {
    table,
    name: 'in',
    base: { type: 'filter', hook: 'input', priority: PRIORITIES.filter, policy: 'drop' },
  };
  make(
    [dispatch, ports, pairs, bindings],
    ...[chain, base].map(addChain),
    addRule(
      base,
      [expression.meta('iif'), expression.equal(expression.uint32(1)), expression.verdict('accept')],
      'own',
    ),
    addRule(base, [
      expression.meta('mark'),
      expression.bitwise(expression.uint32(0xff), expression.uint32(0)),
      expression.notEqual(expression.uint32(7)),
      expression.counter(),
      expression.verdict({ jump: 'one' }),
    ]),
    addElement(dispatch, { key: ['eth0'], data: { verdict: { goto: 'one' } }, comment: 'the first' }),
    addElement(dispatch, { key: ['eth1'], data: { verdict: 'drop' } }),
    addElement(ports, { key: [{ from: 80, to: 90 }] }),
    addElement(ports, { key: [65535] }),
    addElement(pairs, { key: ['br-a', 'br-b'] }),
    addElement(bindings, {
      key: ['::/0', 'tcp', { from: 8000, to: 8999 }],
      data: ['fd00::2', 80],
      comment: 'web',
    }),
    addElement(bindings, { key: ['2001:db8::/48', 'udp', 53], data: ['fd00::3', 53] }),
  );
  assertGolden('batch.nft', nft.listText('table inet test'));
});

test('a transaction is carried out as a whole or not at all, and the error names the request', () => {
  const set: NftSet = { table, name: 's', key: ['inet_service'] };
  make([set]);
  const missing: NftSet = { ...set, name: 'nowhere' };
  assert.throws(
    () =>
      transact(netfilter, [
        addElement(set, { key: [1] }),
        addElement(missing, { key: [2] }),
        addElement(set, { key: [3] }),
      ]),
    (error) =>
      KernelError.isKernel(error, 'ENOENT') && error.message === 'NFT_MSG_NEWSETELEM inet test nowhere { 2 }: ENOENT',
  );
  assert.deepEqual(listElements(netfilter, set), []);
  transact(netfilter, [addElement(set, { key: [4] })]);
  assert.equal(listElements(netfilter, set).length, 1, 'the socket goes on after a refusal');
});

test('thousands of refusals still name the first one, and the socket goes on', () => {
  const set: NftSet = { table, name: 's', key: ['inet_service'] };
  make([set]);
  const requests = Array.from({ length: 5000 }, (_, port) => deleteElement(set, { key: [port] }));
  assert.throws(() => transact(netfilter, [addElement(set, { key: [9] }), ...requests]), /s \{ 0 \}: ENOENT/);
  transact(netfilter, [addElement(set, { key: [4] })]);
  assert.equal(listElements(netfilter, set).length, 1);
});

test('a transaction may be larger than a send buffer', () => {
  const set: NftSet = { table, name: 's', key: ['ipv6_addr', 'inet_service'], data: ['ipv6_addr', 'inet_service'] };
  const all = Array.from({ length: 10_000 }, (_, port) => ({ key: ['fd00::1', port], data: ['fd00::2', port] }));
  make([set], ...all.map((element) => addElement(set, element)));
  assert.equal(listElements(netfilter, set).length, 10_000);
  transact(
    netfilter,
    all.map(({ key }) => deleteElement(set, { key })),
  );
  assert.equal(listElements(netfilter, set).length, 0);
});

test('the kernel refuses a key that is there with other data, and an interval that overlaps another', () => {
  const map: NftSet = { table, name: 'm', key: ['inet_service'], data: ['ipv4_addr'] };
  const ranges: NftSet = { table, name: 'r', key: ['inet_proto', 'inet_service'], intervals: true };
  make([map, ranges], addElement(map, { key: [80], data: ['10.0.0.2'] }));
  transact(netfilter, [addElement(map, { key: [80], data: ['10.0.0.2'] })]); // the same again is fine
  assert.throws(() => transact(netfilter, [addElement(map, { key: [80], data: ['10.0.0.3'] })]), /m \{ 80 \}: EEXIST/);
  transact(netfilter, [addElement(ranges, { key: ['tcp', { from: 80, to: 90 }] })]);
  const overlapping = { key: ['tcp', { from: 85, to: 95 }] };
  assert.throws(() => transact(netfilter, [addElement(ranges, overlapping)]), /r \{ tcp \. 85-95 \}: EEXIST/);
  transact(netfilter, [
    deleteElement(map, { key: [80] }),
    addElement(map, { key: [80], data: ['10.0.0.3'] }),
    deleteElement(ranges, { key: ['tcp', { from: 80, to: 90 }] }),
    addElement(ranges, overlapping),
  ]);
});

test('bad values are refused before anything is sent', () => {
  const set: NftSet = { table, name: 's', key: ['ipv4_addr', 'inet_proto', 'inet_service'], intervals: true };
  const bad: [Field[], RegExp][] = [
    [['10.0.0.1', 'tcp'], /2 fields for ipv4_addr \. inet_proto \. inet_service/],
    [['fd00::1', 'tcp', 80], /'fd00::1' is not of the type ipv4_addr/],
    [['10.0.0.1', 'tpc', 80], /'tpc' is not of the type inet_proto/],
    [['10.0.0.1', 'tcp', 65536], /'65536' is not of the type inet_service/],
    [['10.0.0.1', 'tcp', { from: 90, to: 80 }], /90-80: the first end/],
    [['10.0.0.0/33', 'tcp', 80], /no valid prefix length/],
  ];
  for (const [key, message] of bad) {
    assert.throws(
      () => transact(netfilter, [addElement(set, { key })]),
      (error) => PontoonError.is(error, 'bad-value', 'bad-address') && message.test(error.message),
      formatFields(key),
    );
  }
});

/** Ranges of ports that do not touch each other. */
const disjointRanges = fc
  .uniqueArray(fc.integer({ min: 0, max: 65535 }), { minLength: 2, maxLength: 40 })
  .map((ends) => ends.sort((a, b) => a - b))
  .map((ends) =>
    ends.flatMap((from, index) => (index % 2 === 0 && index + 1 < ends.length ? [{ from, to: ends[index + 1]! }] : [])),
  );

const KINDS: {
  name: string;
  key: NftSet['key'];
  keyOf: (range: { from: number; to: number }) => Field[];
  intervals: boolean;
}[] = [
  { name: 'hash', key: ['inet_service'], keyOf: ({ from }) => [from], intervals: false },
  { name: 'hashes', key: ['ipv4_addr', 'inet_service'], keyOf: ({ from }) => ['10.1.2.3', from], intervals: false },
  { name: 'tree', key: ['inet_service'], keyOf: (range) => [range], intervals: true },
  {
    name: 'pipapo',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    keyOf: (range) => ['10.0.0.0/8', 'udp', range],
    intervals: true,
  },
];

for (const { name, key, keyOf, intervals } of KINDS) {
  test(`random elements of a ${name} are what nft lists, also after some are deleted by either way`, () => {
    fc.assert(
      fc.property(disjointRanges, fc.integer({ min: 1, max: 5 }), (ranges, every) => {
        const set: NftSet = { table, name: 's', key, intervals };
        const expectListed = (expected: typeof ranges) => {
          const text = (range: (typeof ranges)[number]) =>
            formatFields(
              keyOf(range).map((field) => (typeof field === 'object' && field.from === field.to ? field.from : field)),
            );
          assert.deepEqual(listed(), expected.map(text).sort());
        };
        make([set], ...ranges.map((range) => addElement(set, { key: keyOf(range) })));
        expectListed(ranges);
        const gone = ranges.filter((_, index) => index % every === 0);
        const staying = ranges.filter((_, index) => index % every !== 0);
        transact(
          netfilter,
          gone.map((range) => deleteElement(set, { key: keyOf(range) })),
        );
        expectListed(staying);
        nft.run(gone.map((range) => `add element inet test s { ${formatFields(keyOf(range))} }`));
        expectListed(ranges);
        if (name === 'tree') return; // its elements are read as two: the interval's start and its end
        transact(
          netfilter,
          listElements(netfilter, set).map((element) => deleteRawElement(set, element)),
        );
        expectListed([]);
      }),
      { numRuns: 60 },
    );
  });
}

/** The elements of the set s as libnftables gives them, in the notation of formatFields. */
function listed(): string[] {
  const found = nft.list('set inet test s').find((object) => 'set' in object) as { set: { elem?: unknown[] } };
  return (found.set.elem ?? []).map(formatListed).sort();
}

function formatListed(value: unknown): string {
  if (typeof value !== 'object') return String(value);
  const object = value as { concat?: unknown[]; range?: unknown[]; prefix?: { addr: string; len: number } };
  if (object.concat !== undefined) return object.concat.map(formatListed).join(' . ');
  if (object.range !== undefined) return object.range.join('-');
  if (object.prefix !== undefined) return `${object.prefix.addr}/${object.prefix.len}`;
  return String(value);
}
