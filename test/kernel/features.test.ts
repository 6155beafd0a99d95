/** @module Feature probes: they agree with what iproute2 and /proc/net meet, and leave nothing behind. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { PontoonError } from '../../src/errors.ts';
import { KernelError } from '../../src/kernel/error.ts';
import {
  FEATURE_NAMES,
  hasFeature,
  missingFeatures,
  requireEngineFeatures,
  requireFeature,
  withFeature,
} from '../../src/kernel/features.ts';
import { createMacvlan, deleteLink, listLinks } from '../../src/kernel/rtnetlink/link.ts';
import { createPair, linkName, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

const here = () => ({
  namespace: readlinkSync('/proc/thread-self/ns/net'),
  links: listLinks(socket).map(({ name }) => name),
});

test('probing leaves the thread and its namespace as they were', () => {
  const before = here();
  missingFeatures(FEATURE_NAMES);
  for (const name of FEATURE_NAMES) hasFeature(name);
  assert.deepEqual(here(), before);
});

for (const kind of ['veth', 'bridge', 'macvlan', 'ipvlan', 'vxlan', 'vlan', 'dummy'] as const) {
  test(`${kind}: as iproute2 finds it`, (t) => {
    const { stderr } = spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'probe', 'type', kind], {
      encoding: 'utf8',
    });
    assert.equal(hasFeature(kind), !/Unknown device type/i.test(stderr), stderr);
    t.diagnostic(`${kind}: ${hasFeature(kind) ? 'here' : 'missing'}`);
  });
}

test('nftables: as nft finds it', () => {
  const rules = `table inet probe { chain c { type nat hook postrouting priority 100; fib daddr type local masquerade; }; }`;
  const { status, stderr } = spawnSync('unshare', ['--net', 'nft', rules], { encoding: 'utf8' });
  assert.equal(status === 0, hasFeature('nftables') && hasFeature('nat') && hasFeature('fib'), stderr);
});

test('sctp: as /proc/net/protocols lists it after the probe', () => {
  const has = hasFeature('sctp');
  assert.equal(has, /^SCTP /m.test(readFileSync('/proc/net/protocols', 'utf8')));
});

test('what is missing is an error with the name, the option and a way out', () => {
  for (const name of FEATURE_NAMES) {
    if (hasFeature(name)) {
      requireFeature(name);
      continue;
    }
    assert.throws(
      () => requireFeature(name),
      (error) =>
        PontoonError.is(error, 'feature-missing') &&
        error.subject === name &&
        /^this kernel has no .+ \(.+, Linux [\d.]+\): (load the module|run Linux) /.test(error.message) &&
        KernelError.isKernel(error.cause),
    );
  }
  assert.deepEqual(
    missingFeatures(FEATURE_NAMES).map(({ subject }) => subject),
    FEATURE_NAMES.filter((name) => !hasFeature(name)),
  );
});

test('a step that fails for want of a feature says so; one that fails otherwise says that', () => {
  const name = linkName();
  using pair = createPair(socket);
  const make = () => withFeature('macvlan', () => socket.request(createMacvlan({ name, parent: pair.left.index })));
  if (hasFeature('macvlan')) {
    make();
    socket.request(deleteLink(name));
  } else {
    assert.throws(make, {
      message:
        'this kernel has no macvlan links (CONFIG_MACVLAN, Linux 2.6.23): load the module macvlan, or use the bridge driver',
    });
  }
  assert.throws(
    () => withFeature('veth', () => socket.request(deleteLink('nobody'))),
    (error) => KernelError.isKernel(error, 'ENODEV'),
  );
  const other = new KernelError('test', 'EOPNOTSUPP');
  assert.throws(
    () =>
      withFeature('veth', () => {
        throw other;
      }),
    other,
  );
});

test('the engine can work here', () => {
  assert.deepEqual(missingFeatures(), []);
  requireEngineFeatures();
});

test('without privilege that is the one thing that is missing', () => {
  const script = `
    import { missingFeatures } from ${JSON.stringify(import.meta.resolve('../../src/kernel/features.ts'))};
    console.log(JSON.stringify(missingFeatures().map(({ code, message }) => [code, message])));`;
  const output = execFileSync(
    'setpriv',
    ['--bounding-set=-all', '--inh-caps=-all', process.execPath, '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  );
  const [[code, message], ...others] = JSON.parse(output) as [[string, string]];
  assert.equal(code, 'no-privilege');
  assert.match(message, /root/);
  assert.deepEqual(others, []);
});
