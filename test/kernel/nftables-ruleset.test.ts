/** @module Rulesets through libnftables and through nft: the same results, errors that name the command, one namespace each. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { KernelError } from '../../src/kernel/error.ts';
import { NetworkNamespace } from '../../src/kernel/namespace.ts';
import { openNetfilter } from '../../src/kernel/netlink/nfnetlink.ts';
import { transact } from '../../src/kernel/nftables/batch.ts';
import { type Commands, Nftables, type NftablesBackend } from '../../src/kernel/nftables/ruleset.ts';
import { addElement, deleteElement, type NftSet } from '../../src/kernel/nftables/set.ts';
import { createBridge } from '../../src/kernel/rtnetlink/link.ts';
import { assertGolden } from './golden.ts';
import { createSandbox, openWorld } from './support.ts';

openWorld()[Symbol.dispose]();

const BACKENDS: readonly NftablesBackend[] = ['library', 'command'];

/** The host's side of port bindings, as docs/decisions/0002-nftables.md recommends it. */
const BINDINGS = `
table inet pontoon {
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map address4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map address6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map ranges4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }
  map ranges6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval; }
  set bridges { typeof iifname; }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }
  chain published {
    meta nfproto ipv4 meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @any4
    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @address4
    dnat ip to ip daddr . meta l4proto . th dport map @ranges4
    meta nfproto ipv6 meta l4proto { tcp, udp, sctp } dnat ip6 to meta l4proto . th dport map @any6
    meta l4proto { tcp, udp, sctp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @address6
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @ranges6
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname @bridges oifname != @bridges masquerade
  }
}
`;

const T = { family: 'inet', table: 't' };
const addTable = { add: { table: { family: 'inet', name: 't' } } };
const addChain = { add: { chain: { ...T, name: 'c' } } };
const rule = (chain: string, ...expr: unknown[]) => ({ add: { rule: { ...T, chain, expr } } });

interface Case {
  readonly name: string;
  readonly commands: Commands;
  /** Where the kernel or libnftables refuses: what the message begins with, and the errno. */
  readonly refused?: { readonly message: string; readonly errno: string };
}

const CASES: readonly Case[] = [
  { name: 'text', commands: ['table inet t {\nchain c {\ntcp dport 80 accept\n}\n}', 'add rule inet t c drop'] },
  { name: 'one script', commands: 'add table inet t\nadd chain inet t c\nadd rule inet t c iif lo accept' },
  { name: 'JSON', commands: [addTable, addChain, rule('c', { counter: null }, { accept: null })] },
  { name: 'nothing', commands: [] },
  {
    name: 'a chain that is not there, in text',
    commands: ['add table inet t', 'add chain inet t c', 'add rule inet t gone accept', 'add rule inet t c accept'],
    refused: { message: 'nft add rule inet t gone accept: ENOENT', errno: 'ENOENT' },
  },
  {
    name: 'a chain that is not there, in JSON',
    commands: [addTable, addChain, rule('gone', { accept: null }), rule('c', { accept: null })],
    refused: { message: 'nft {"add":{"rule":{"family":"inet","table":"t","chain":"gone"', errno: 'ENOENT' },
  },
  {
    name: 'a table that is there',
    commands: [addTable, { create: { table: { family: 'inet', name: 't' } } }],
    refused: { message: 'nft {"create":{"table":{"family":"inet","name":"t"}}}: EEXIST', errno: 'EEXIST' },
  },
  {
    name: 'words that nft does not know',
    commands: ['add table inet t', 'add chain inet t c', 'add rule inet t c acept'],
    refused: { message: 'nft add rule inet t c acept: EINVAL: syntax error', errno: 'EINVAL' },
  },
  {
    name: 'JSON that nft does not know',
    commands: [addTable, addChain, rule('c', { acept: null })],
    refused: {
      message: 'nft {"add":{"rule":{"family":"inet","table":"t","chain":"c","expr":[{"acept":null}]}}}: EINVAL',
      errno: 'EINVAL',
    },
  },
];

for (const { name, commands, refused } of CASES) {
  test(`both back ends, ${name}: the same`, () => {
    const [library, command] = BACKENDS.map((backend) => {
      using sandbox = createSandbox();
      using nft = new Nftables(sandbox.namespace, backend);
      let failure: KernelError | undefined;
      try {
        nft.run(commands);
      } catch (error) {
        if (!KernelError.isKernel(error)) throw error;
        failure = error;
      }
      return {
        message: failure?.message,
        errno: failure?.errno,
        text: nft.listText('ruleset'),
        json: nft.list('ruleset'),
      };
    });
    assert.deepEqual(library, command);
    assert.equal(library?.errno, refused?.errno);
    if (refused === undefined) return;
    assert.equal(library?.message?.startsWith(refused.message), true, library?.message);
    assert.equal(library?.message?.includes('\n'), false);
    assert.equal(library?.text, '', 'nothing of a refused transaction stays');
  });
}

test('a listing of what is not there is an error', () => {
  using sandbox = createSandbox();
  for (const backend of BACKENDS) {
    using nft = new Nftables(sandbox.namespace, backend);
    assert.throws(() => nft.list('table inet gone'), /^PontoonError: nft list table inet gone: ENOENT/);
  }
});

test('the ruleset of port bindings, with elements changed by batches in between, is what nft lists', () => {
  using sandbox = createSandbox();
  using nft = new Nftables(sandbox.namespace);
  using netfilter = sandbox.namespace.enter(openNetfilter);
  const table = { family: 'inet', name: 'pontoon' } as const;
  const any4: NftSet = {
    table,
    name: 'any4',
    key: ['inet_proto', 'inet_service'],
    data: ['ipv4_addr', 'inet_service'],
  };
  const address6: NftSet = {
    table,
    name: 'address6',
    key: ['ipv6_addr', 'inet_proto', 'inet_service'],
    data: ['ipv6_addr', 'inet_service'],
  };
  const ranges4: NftSet = {
    table,
    name: 'ranges4',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    data: ['ipv4_addr'],
    intervals: true,
  };
  const bridges: NftSet = { table, name: 'bridges', key: ['ifname'] };
  nft.run(BINDINGS);
  transact(netfilter, [
    addElement(any4, { key: ['tcp', 9001], data: ['172.17.0.2', 80] }),
    addElement(any4, { key: ['udp', 53], data: ['172.17.0.3', 53] }),
    addElement(ranges4, { key: ['0.0.0.0/0', 'tcp', { from: 20000, to: 20999 }], data: ['172.17.0.2'] }),
    addElement(bridges, { key: ['pontoon0'] }),
  ]);
  nft.run([
    'add element inet pontoon any4 { tcp . 9002 : 172.17.0.4 . 80 }',
    'add element inet pontoon bridges { br-x }',
  ]);
  transact(netfilter, [
    deleteElement(any4, { key: ['udp', 53] }),
    addElement(address6, { key: ['2001:db8::1', 'sctp', 7], data: ['fd00::2', 7] }),
    addElement(ranges4, { key: ['127.0.0.1', 'udp', { from: 5000, to: 5010 }], data: ['172.17.0.2'] }),
  ]);
  assertGolden('bindings.nft', nft.listText('table inet pontoon'));
});

test('what is listed can be run again, as text and as JSON', () => {
  using first = createSandbox();
  using second = createSandbox();
  using nft = new Nftables(first.namespace);
  using other = new Nftables(second.namespace);
  nft.run(BINDINGS);
  other.run(nft.listText('ruleset'));
  assert.equal(other.listText('ruleset'), nft.listText('ruleset'));
  // Not all in JSON: libnftables 1.0.6 lists a map with concatenated data so, but does not read it.
  nft.run(['flush ruleset', 'table inet t {\nmap m { type inet_proto . inet_service : ipv4_addr; }\nchain c { }\n}']);
  other.run([{ flush: { ruleset: null } }, ...nft.list('ruleset').map((object) => ({ add: object }))]);
  assert.equal(other.listText('ruleset'), nft.listText('ruleset'));
});

test('two hundred namespaces never see each other, whichever back end looks', () => {
  const worlds = Array.from({ length: 200 }, (_, index) => {
    const sandbox = createSandbox();
    // The same index is another interface in each namespace, and libnftables writes names for indices.
    sandbox.socket.request(createBridge({ name: `only${index}` }));
    return { sandbox, nft: new Nftables(sandbox.namespace, 'library'), table: `t${index}` };
  });
  for (const [index, { nft, table }] of worlds.entries()) {
    nft.run([`add table ip ${table}`, `add chain ip ${table} c`, `add rule ip ${table} c iif only${index} accept`]);
  }
  for (let round = 0; round < 5; round++) {
    for (const [index, { sandbox, nft, table }] of worlds.entries()) {
      const expected = `table ip ${table} {\n\tchain c {\n\t\tiif "only${index}" accept\n\t}\n}\n`;
      assert.equal(nft.listText('ruleset'), expected);
      if (round > 0 || index % 20 !== 0) continue;
      using fresh = new Nftables(sandbox.namespace, 'library');
      using program = new Nftables(sandbox.namespace, 'command');
      assert.equal(fresh.listText('ruleset'), expected);
      assert.equal(program.listText('ruleset'), expected);
    }
  }
  using here = NetworkNamespace.current();
  using home = new Nftables(here);
  assert.equal(home.listText('ruleset'), '');
  for (const { sandbox, nft } of worlds) {
    nft[Symbol.dispose]();
    sandbox[Symbol.dispose]();
  }
});

test('nothing is left in the temporary directory', () => {
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith('pontoon-nft-')),
    [],
  );
});
