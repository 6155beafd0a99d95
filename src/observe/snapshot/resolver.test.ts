import { expect, test } from 'vitest';
import { parseResolver } from './resolver.ts';

test('resolv.conf, hosts and nsswitch.conf as the C library reads them', () => {
  const resolver = parseResolver('/etc', {
    resolvConf:
      '# comment\ndomain first.example\nnameserver 127.0.0.11\nnameserver\n  nameserver fd00::53 ; two\nsearch a b\noptions ndots:0 edns0\n',
    hosts: '127.0.0.1\tlocalhost loop # self\n\n10.0.0.1\n::1 localhost\n',
    nsswitch: 'passwd: files\nhosts:  files [NOTFOUND=return] dns # last\n',
  });
  expect(resolver).toEqual({
    directory: '/etc',
    nameservers: ['127.0.0.11', 'fd00::53'],
    search: ['a', 'b'],
    options: ['ndots:0', 'edns0'],
    hosts: [
      { address: '127.0.0.1', names: ['localhost', 'loop'] },
      { address: '::1', names: ['localhost'] },
    ],
    sources: ['files', '[NOTFOUND=return]', 'dns'],
  });
});

test('files that are not there say nothing', () => {
  expect(parseResolver('/etc', {})).toEqual({ directory: '/etc', nameservers: [], search: [], options: [], hosts: [] });
});

test('a word longer than any name is left out', () => {
  const { hosts } = parseResolver('/etc', { hosts: `10.0.0.1 ${'x'.repeat(300)} web\n` });
  expect(hosts).toEqual([{ address: '10.0.0.1', names: ['web'] }]);
});
