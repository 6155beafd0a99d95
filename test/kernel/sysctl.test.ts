/** @module Sysctls: those of the namespace that the thread is in, and of no other. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { PontoonError } from '../../src/errors.ts';
import { KernelError } from '../../src/kernel/error.ts';
import { createBridge, deleteLink } from '../../src/kernel/rtnetlink/link.ts';
import { readSysctl, sysctlPart, writeSysctl } from '../../src/kernel/sysctl.ts';
import { createSandbox, openWorld } from './support.ts';

const socket = openWorld();
after(() => socket[Symbol.dispose]());

test('what is written in a namespace is read back there, and stays there', () => {
  using one = createSandbox();
  using two = createSandbox();
  const name = 'net.ipv4.ip_forward';
  const before = readSysctl(name);
  one.namespace.enter(() => writeSysctl(name, 1));
  two.namespace.enter(() => writeSysctl(name, '0'));
  assert.equal(
    one.namespace.enter(() => readSysctl(name)),
    '1',
  );
  assert.equal(
    two.namespace.enter(() => readSysctl(name)),
    '0',
  );
  assert.equal(readSysctl(name), before);
  // The ordinary /proc says the same.
  const ordinary = () => readFileSync('/proc/thread-self/root/proc/sys/net/ipv4/ip_forward', 'utf8').trim();
  assert.equal(one.namespace.enter(ordinary), '1');
  assert.equal(two.namespace.enter(ordinary), '0');
});

test('two hundred namespaces, each with a value of its own: over every renewal of the instance', () => {
  const sandboxes = Array.from({ length: 200 }, () => createSandbox());
  sandboxes.forEach(({ namespace }, index) => {
    namespace.enter(() => writeSysctl('net.ipv4.ip_default_ttl', 1 + index));
  });
  sandboxes.forEach(({ namespace }, index) => {
    assert.equal(
      namespace.enter(() => readSysctl('net.ipv4.ip_default_ttl')),
      String(1 + index),
    );
  });
  for (const sandbox of sandboxes) sandbox[Symbol.dispose]();
});

test('an interface whose name has a dot', () => {
  socket.request(createBridge({ name: 'br0.100' }));
  const name = `net.ipv4.conf.${sysctlPart('br0.100')}.rp_filter`;
  assert.equal(name, 'net.ipv4.conf.br0/100.rp_filter');
  writeSysctl(name, 2);
  assert.equal(readSysctl(name), '2');
  assert.equal(readFileSync('/proc/sys/net/ipv4/conf/br0.100/rp_filter', 'utf8'), '2\n');
  socket.request(deleteLink('br0.100'));
});

test('a value of several words, and one that is empty', () => {
  writeSysctl('net.ipv4.ip_local_port_range', '20000 30000');
  assert.match(readSysctl('net.ipv4.ip_local_port_range'), /^20000\s30000$/);
  assert.equal(readSysctl('net.ipv4.ip_local_reserved_ports'), '');
});

test('errors name the setting', () => {
  assert.throws(
    () => readSysctl('net.ipv4.no_such_setting'),
    (error) =>
      KernelError.isKernel(error, 'ENOENT') && error.message === 'read sysctl net.ipv4.no_such_setting: ENOENT',
  );
  assert.throws(
    () => writeSysctl('net.ipv4.ip_default_ttl', 'soon'),
    (error) =>
      KernelError.isKernel(error, 'EINVAL') && error.message === "write sysctl net.ipv4.ip_default_ttl: EINVAL: 'soon'",
  );
  for (const name of ['', '.', 'net.//.//.version', 'net..ipv4', 'net./.ipv4']) {
    assert.throws(
      () => readSysctl(name),
      (error) => PontoonError.is(error, 'bad-name'),
    );
  }
});
