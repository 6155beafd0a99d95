/** @module Links: what is created and set is read back, field by field, and as iproute2 reads it. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { KernelError } from '../../src/kernel/error.ts';
import { hasFeature } from '../../src/kernel/features.ts';
import { listAddresses } from '../../src/kernel/rtnetlink/address.ts';
import {
  createBridge,
  createMacvlan,
  createVeth,
  deleteLink,
  deleteLinkGroup,
  getLink,
  type Link,
  listLinks,
  removeLink,
  setBridgePort,
  setLink,
} from '../../src/kernel/rtnetlink/link.ts';
import { getNamespaceId } from '../../src/kernel/rtnetlink/namespace-id.ts';
import { readSysctl } from '../../src/kernel/sysctl.ts';
import { IPV4_DEVCONF_ARP_NOTIFY, IPV4_DEVCONF_RP_FILTER } from '../../src/kernel/uapi/rtnetlink.ts';
import { createPair, createSandbox, link, linkName, openWorld, until } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

/** What `ip -d -j link show` says of a link. */
function shown(name: string) {
  return JSON.parse(execFileSync('ip', ['-d', '-j', 'link', 'show', 'dev', name], { encoding: 'utf8' }))[0];
}

/** A link that has nothing but its kind. */
const PLAIN = {
  up: false,
  carrier: false,
  mtuBytes: 1500,
  master: undefined,
  peer: undefined,
  peerNamespaceId: undefined,
  group: 0,
  alias: undefined,
  bridge: undefined,
  port: undefined,
};

function compare(actual: Link, expected: Partial<Link>): void {
  const { index, gsoMaxBytes, ...fields } = actual;
  assert.ok(index > 1);
  assert.ok(gsoMaxBytes === undefined || gsoMaxBytes >= 65_536);
  assert.deepEqual(fields, { ...PLAIN, ...expected });
}

test('veth with all that can be set, and its peer in another namespace', () => {
  using sandbox = createSandbox();
  const [name, bridge] = [linkName(), linkName()];
  socket.request(createBridge({ name: bridge }));
  const master = link(socket, bridge).index;
  const mac = '02:00:00:00:01:01';
  const peerMac = '02:00:00:00:01:02';
  socket.request(
    createVeth({
      name,
      mac,
      mtuBytes: 9000,
      master,
      group: 42,
      peer: { name: 'eth0', mac: peerMac, mtuBytes: 1400, group: 43, namespaceFd: sandbox.namespace.fd },
    }),
  );
  const here = link(socket, name);
  const there = link(sandbox.socket, 'eth0');
  compare(here, {
    name,
    kind: 'veth',
    mac,
    mtuBytes: 9000,
    master,
    group: 42,
    peer: there.index,
    peerNamespaceId: getNamespaceId(socket, sandbox.namespace.fd)!,
    port: { state: 'disabled', isolated: false, hairpin: false, learning: true, neighSuppress: false },
  });
  compare(there, {
    name: 'eth0',
    kind: 'veth',
    mac: peerMac,
    mtuBytes: 1400,
    group: 43,
    peer: here.index,
    peerNamespaceId: there.peerNamespaceId,
  });
  socket.batch([deleteLink(name), deleteLink(bridge)]);
  assert.equal(getLink(sandbox.socket, 'eth0'), undefined, 'the peer goes too');
  removeLink(sandbox.socket, 'eth0'); // gone already
  assert.throws(() => removeLink(sandbox.socket, 'lo'), { errno: 'EOPNOTSUPP' });
});

test('a veth end has a carrier when both ends are up', async () => {
  using pair = createPair(socket, { up: false });
  const { left, right } = pair;
  socket.request(setLink(left.index, { up: true }));
  assert.deepEqual([link(socket, left.index).up, link(socket, left.index).carrier], [true, false]);
  socket.request(setLink(right.index, { up: true }));
  await until(() => link(socket, left.index).carrier && link(socket, right.index).carrier, 'carrier on both ends');
});

test('bridge with its settings, set again', () => {
  const name = linkName();
  socket.request(
    createBridge({
      name,
      mac: '02:00:00:00:02:01',
      ageingSeconds: 20,
      forwardDelaySeconds: 7,
      stp: false,
      multicastSnooping: false,
    }),
  );
  compare(link(socket, name), {
    name,
    kind: 'bridge',
    mac: '02:00:00:00:02:01',
    bridge: { ageingSeconds: 20, forwardDelaySeconds: 7, stp: false, multicastSnooping: false },
  });
  socket.request(
    setLink(link(socket, name).index, { ageingSeconds: 0, forwardDelaySeconds: 9, stp: true, multicastSnooping: true }),
  );
  assert.deepEqual(link(socket, name).bridge, {
    ageingSeconds: 0,
    forwardDelaySeconds: 9,
    stp: true,
    multicastSnooping: true,
  });
  const { info_data } = shown(name).linkinfo;
  assert.deepEqual([info_data.ageing_time, info_data.stp_state, info_data.mcast_snooping], [0, 1, 1]);
  socket.request(deleteLink(name));
});

test('each flag of a bridge port, alone', () => {
  using pair = createPair(socket);
  const bridge = linkName();
  socket.request(createBridge({ name: bridge, up: true }));
  const port = pair.left.index;
  socket.request(setLink(port, { master: link(socket, bridge).index }));
  let expected = link(socket, port).port!;
  for (const flag of ['isolated', 'hairpin', 'learning', 'neighSuppress'] as const) {
    for (const value of [!expected[flag], expected[flag]]) {
      socket.request(setBridgePort(port, { [flag]: value }));
      expected = { ...expected, [flag]: value };
      assert.deepEqual(link(socket, port).port, expected, `${flag} ${value}`);
    }
  }
  for (const state of ['disabled', 'forwarding'] as const) {
    socket.request(setBridgePort(port, { state }));
    assert.equal(link(socket, port).port?.state, state);
  }

  assert.deepEqual(
    listLinks(socket, { master: link(socket, bridge).index }).map(({ index }) => index),
    [port],
  );
  socket.request(setLink(port, { master: 0 }));
  assert.deepEqual([link(socket, port).master, link(socket, port).port], [undefined, undefined]);
  assert.throws(
    () => socket.request(setBridgePort(port, { isolated: true })),
    (error) => KernelError.isKernel(error) && error.message.includes(`bridge port ${port}`),
  );
  socket.request(deleteLink(bridge));
});

test('macvlan in each mode', { skip: hasFeature('macvlan') ? false : 'this kernel has no macvlan' }, () => {
  using pair = createPair(socket);
  const parent = pair.left.index;
  for (const mode of ['bridge', 'private', 'vepa', 'passthru', undefined] as const) {
    const name = linkName();
    socket.request(createMacvlan({ name, parent, ...(mode === undefined ? {} : { mode }) }));
    const { mac } = link(socket, name);
    compare(link(socket, name), { name, kind: 'macvlan', mac, peer: parent });
    assert.equal(shown(name).linkinfo.info_data.mode, mode ?? 'bridge');
    socket.request(deleteLink(name));
  }
  using sandbox = createSandbox();
  socket.request(createMacvlan({ name: 'eth0', parent, namespaceFd: sandbox.namespace.fd }));
  assert.equal(link(sandbox.socket, 'eth0').peer, parent);
});

test('each setting of a link that exists, by index and by name', () => {
  using pair = createPair(socket, { up: false });
  const { index } = pair.left;
  const before = link(socket, index);
  const name = linkName();
  const settings = { mac: '02:00:00:00:04:01', mtuBytes: 1300, group: 9, alias: 'Grüße, 世界' };
  for (const [key, value] of Object.entries(settings)) {
    socket.request(setLink(pair.left.name, { [key]: value }));
    assert.deepEqual(link(socket, index), {
      ...before,
      ...Object.fromEntries(Object.entries(settings).slice(0, Object.keys(settings).indexOf(key) + 1)),
    });
  }
  socket.request(setLink(index, { name }));
  assert.deepEqual(link(socket, index), { ...before, ...settings, name });
});

test('a link moves to another namespace; a bridge may not, and the kernel says why', () => {
  using sandbox = createSandbox();
  using pair = createPair(socket);
  const move = { namespaceFd: sandbox.namespace.fd, name: 'moved' };
  socket.request(setLink(pair.right.index, move));
  assert.equal(getLink(socket, pair.right.name), undefined);
  const moved = link(sandbox.socket, 'moved');
  assert.deepEqual([moved.peer, moved.mac, moved.up], [pair.left.index, pair.right.mac, false]);

  const bridge = linkName();
  socket.request(createBridge({ name: bridge }));
  assert.throws(() => socket.request(setLink(link(socket, bridge).index, move)), /netns is immutable/);
  socket.request(deleteLink(bridge));
});

test('IPv4 settings and the link-local address by netlink, as sysctl reads them', async () => {
  using quiet = createPair(socket, { up: false });
  using usual = createPair(socket, { up: false });
  const { index, name } = quiet.left;
  socket.request(setLink(index, { ipv4: { [IPV4_DEVCONF_RP_FILTER]: 2, [IPV4_DEVCONF_ARP_NOTIFY]: 1 } }));
  assert.equal(readSysctl(`net.ipv4.conf.${name}.rp_filter`), '2');
  assert.equal(readSysctl(`net.ipv4.conf.${name}.arp_notify`), '1');

  const ends = [quiet.left, quiet.right, usual.left, usual.right].map((end) => end.index);
  socket.request(setLink(index, { linkLocal: 'none' }));
  for (const end of ends) socket.request(setLink(end, { up: true }));
  const hasLinkLocal = (end: number) => listAddresses(socket, end).some(({ address }) => address.startsWith('fe80:'));
  await until(() => ends.slice(1).every(hasLinkLocal), 'link-local addresses on the others');
  assert.equal(hasLinkLocal(index), false);
});

test('BIG TCP limits', { skip: hasFeature('big-tcp') ? false : 'this kernel has no BIG TCP for IPv4' }, () => {
  const name = linkName();
  socket.request(createVeth({ name, gsoMaxBytes: 200_000, groMaxBytes: 190_000, peer: { name: `${name}p` } }));
  assert.equal(link(socket, name).gsoMaxBytes, 200_000);
  socket.request(setLink(name, { gsoMaxBytes: 150_000 }));
  assert.equal(link(socket, name).gsoMaxBytes, 150_000);
  assert.equal(shown(name).gro_max_size, 190_000);
  socket.request(deleteLink(name));
});

test('lists: all, of one kind; and a group that goes at once', () => {
  const names = Array.from({ length: 5 }, () => linkName());
  socket.batch(names.map((name) => createBridge({ name, group: 5 })));
  using _pair = createPair(socket);
  assert.deepEqual(
    listLinks(socket, { kind: 'bridge' }).map(({ name }) => name),
    names,
  );
  assert.equal(listLinks(socket, { kind: 'veth' }).length, 2);
  assert.ok(
    listLinks(socket).some(({ name, kind, mac }) => name === 'lo' && kind === undefined && mac === '00:00:00:00:00:00'),
  );
  socket.request(deleteLinkGroup(5));
  assert.deepEqual(listLinks(socket, { kind: 'bridge' }), []);
});

test('refusals', () => {
  const name = linkName();
  socket.request(createBridge({ name }));
  const refused = (request: Parameters<typeof socket.request>[0], errno: string, words: RegExp) =>
    assert.throws(
      () => socket.request(request),
      (error) => KernelError.isKernel(error, errno) && words.test(error.message),
      `${request.call} ${request.subject}`,
    );
  refused(createBridge({ name }), 'EEXIST', new RegExp(`bridge ${name}`));
  refused(createBridge({ name: 'a-name-of-16-chr' }), 'ERANGE', /bridge a-name-of-16-chr/);
  refused(createBridge({ name: linkName(), mac: '01:00:00:00:00:01' }), 'EADDRNOTAVAIL', /bridge/);
  refused(createMacvlan({ name: linkName(), parent: 99_999 }), 'ENODEV', /macvlan/);
  refused(setLink('nobody', { up: true }), 'ENODEV', /nobody/);
  refused(deleteLink(99_999), 'ENODEV', /99999/);
  assert.equal(getLink(socket, 'nobody'), undefined);
  assert.equal(getLink(socket, 99_999), undefined);
  socket.request(deleteLink(name));
  assert.deepEqual(
    listLinks(socket).map((one) => one.name),
    ['lo'],
  );
});
