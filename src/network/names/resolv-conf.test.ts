import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseResolvConf, renderResolvConf } from './resolv-conf.ts';

const HOST = parseResolvConf(`# written by hand
nameserver 127.0.0.53
nameserver\t192.0.2.1
nameserver 2001:db8::53
nameserver nonsense
domain old.test
search a.test b.test
options edns0 trust-ad
options timeout:2
sortlist 192.0.2.0
; the end`);

const base = { host: HOST, hostPath: '/etc/resolv.conf', resolver: true, ipv6: true };

test('the host file is read', () => {
  expect(HOST).toEqual({
    nameservers: ['127.0.0.53', '192.0.2.1', '2001:db8::53'],
    search: ['a.test', 'b.test'],
    options: ['edns0', 'trust-ad', 'timeout:2'],
    other: ['sortlist 192.0.2.0'],
    invalid: ['nonsense'],
  });
});

test('with a resolver the file names it, and the servers of the host become its upstreams', () => {
  const { text, upstreams, forwardSingleLabels } = renderResolvConf(base);
  expect(text).toBe(`nameserver 127.0.0.11
search a.test b.test
options edns0 trust-ad timeout:2 ndots:0
sortlist 192.0.2.0

# Based on host file: '/etc/resolv.conf' (internal resolver)
# ExtServers: [host(127.0.0.53) host(192.0.2.1) host(2001:db8::53)]
# Invalid nameservers: [nonsense]
# Overrides: []
# Option ndots from: internal
`);
  expect(upstreams).toEqual([
    { address: '127.0.0.53', from: 'host' },
    { address: '192.0.2.1', from: 'host' },
    { address: '2001:db8::53', from: 'host' },
  ]);
  expect(forwardSingleLabels).toBe(true);
});

test('what the user sets replaces what the host has, and is asked from the sandbox', () => {
  const settings = { nameservers: ['192.0.2.9', '127.0.0.11'], search: ['.'], options: ['ndots:2'] };
  const { text, upstreams, forwardSingleLabels } = renderResolvConf({ ...base, settings });
  expect(text).toBe(`nameserver 127.0.0.11
options ndots:2
sortlist 192.0.2.0

# Based on host file: '/etc/resolv.conf' (internal resolver)
# ExtServers: [192.0.2.9]
# Invalid nameservers: [nonsense]
# Overrides: [nameservers search options]
# Option ndots from: override
`);
  expect(upstreams).toEqual([{ address: '192.0.2.9', from: 'sandbox' }]);
  expect(forwardSingleLabels).toBe(false);
});

test('without a resolver the file has the servers that the sandbox can reach', () => {
  const { text, upstreams } = renderResolvConf({ ...base, resolver: false, ipv6: false });
  expect(text).toBe(`nameserver 192.0.2.1
search a.test b.test
options edns0 trust-ad timeout:2
sortlist 192.0.2.0

# Based on host file: '/etc/resolv.conf' (legacy)
# Invalid nameservers: [nonsense]
# Overrides: []
`);
  expect(upstreams).toEqual([]);
});

test("on the host's own stack the file has all of the host's servers", () => {
  const host = parseResolvConf('nameserver 127.0.0.53\nnameserver ::1\nnameserver fe80::1%eth0');
  const { text } = renderResolvConf({ ...base, host, resolver: false, hostStack: true, ipv6: false });
  expect(parseResolvConf(text).nameservers).toEqual(host.nameservers);
});

test('an ndots that is no number is replaced', () => {
  const host = parseResolvConf('nameserver 192.0.2.1\noptions ndots:many');
  expect(renderResolvConf({ ...base, host }).text).toContain('options ndots:0\n');
});

test('no servers is said in the file', () => {
  const { text, upstreams } = renderResolvConf({ ...base, host: parseResolvConf('') });
  expect(text).toContain('# No upstream servers');
  expect(upstreams).toEqual([]);
});

test('any text can be read, and what is written reads back', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { text: written } = renderResolvConf({ ...base, host: parseResolvConf(text) });
      expect(parseResolvConf(written).nameservers).toEqual(['127.0.0.11']);
    }),
  );
});
