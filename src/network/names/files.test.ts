import { expect, test } from 'vitest';
import { renderHostname, renderHosts } from './files.ts';

test('/etc/hosts is as Docker writes it', () => {
  const text = renderHosts({
    hostname: 'web',
    domainName: 'example.test',
    addresses: [{ address: '172.17.0.2', names: ['web', 'api'] }, { address: 'fd00::2' }],
    extraHosts: [{ name: 'db', address: '192.0.2.7' }],
  });
  expect(text).toBe(
    [
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      'fe00::\tip6-localnet',
      'ff00::\tip6-mcastprefix',
      'ff02::1\tip6-allnodes',
      'ff02::2\tip6-allrouters',
      '192.0.2.7\tdb',
      '172.17.0.2\tweb.example.test web api',
      'fd00::2\tweb.example.test web',
      '',
    ].join('\n'),
  );
});

test('/etc/hosts has the bare name of a host whose name is fully qualified', () => {
  const text = renderHosts({ hostname: 'a.b.c', addresses: [{ address: '172.17.0.2' }], ipv6: false });
  expect(text).toContain('172.17.0.2\ta.b.c a\n');
});

test('/etc/hosts without IPv6 has no IPv6 line', () => {
  const addresses = [{ address: '172.17.0.2' }, { address: 'fd00::2' }];
  const text = renderHosts({ hostname: 'web', addresses, ipv6: false });
  expect(text).toBe('127.0.0.1\tlocalhost\n172.17.0.2\tweb\n');
});

test('/etc/hostname is the name and a newline', () => {
  expect(renderHostname('web')).toBe('web\n');
});
