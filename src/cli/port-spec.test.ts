import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PontoonError } from '../errors.ts';
import { parseHostSide, parsePortSpec } from './port-spec.ts';

describe('what -p takes', () => {
  it.each([
    ['80', { protocol: 'tcp', port: 80 }],
    ['80/', { protocol: 'tcp', port: 80 }],
    ['080', { protocol: 'tcp', port: 80 }],
    ['8080:80', { protocol: 'tcp', port: 80, hostPort: 8080 }],
    ['0:80', { protocol: 'tcp', port: 80 }],
    [':80', { protocol: 'tcp', port: 80 }],
    ['8080:80/UDP', { protocol: 'udp', port: 80, hostPort: 8080 }],
    ['3456/sctp', { protocol: 'sctp', port: 3456 }],
    ['127.0.0.1:8080:80', { protocol: 'tcp', port: 80, hostPort: 8080, hostAddress: '127.0.0.1' }],
    ['127.0.0.1::80', { protocol: 'tcp', port: 80, hostAddress: '127.0.0.1' }],
    ['0.0.0.0:8080:80', { protocol: 'tcp', port: 80, hostPort: 8080, hostAddress: '0.0.0.0' }],
    ['[::1]:8080:80', { protocol: 'tcp', port: 80, hostPort: 8080, hostAddress: '::1' }],
    ['[2001:db8::68]::333', { protocol: 'tcp', port: 333, hostAddress: '2001:db8::68' }],
    ['2001:db8::68::333', { protocol: 'tcp', port: 333, hostAddress: '2001:db8::68' }],
    ['::1:80:80', { protocol: 'tcp', port: 80, hostPort: 80, hostAddress: '::1' }],
    ['::::80', { protocol: 'tcp', port: 80, hostAddress: '::' }],
    ['7000-7010', { protocol: 'tcp', port: [7000, 7010] }],
    ['7000-7010:7000-7010', { protocol: 'tcp', port: [7000, 7010], hostPort: [7000, 7010] }],
    ['7000-7000:80', { protocol: 'tcp', port: 80, hostPort: 7000 }],
    ['8000-9000:80', { protocol: 'tcp', port: 80, hostPort: [8000, 9000] }],
    [
      '0.0.0.0:1234-1235:3333-3334/tcp',
      { protocol: 'tcp', port: [3333, 3334], hostPort: [1234, 1235], hostAddress: '0.0.0.0' },
    ],
  ])('reads %s', (text, spec) => {
    expect(parsePortSpec(text)).toEqual(spec);
  });

  it.each([
    ['', 'no port of the sandbox'],
    ['8080:', 'no port of the sandbox'],
    ['/tcp', 'no port of the sandbox'],
    ['http', "'http' is not a port"],
    ['-1', "'-1' is not a port"],
    ['1-2-3', "'1-2-3' is not a port"],
    ['+80', "'+80' is not a port"],
    ['65536', 'port 65536 is above 65535'],
    ['80:65536', 'port 65536 is above 65535'],
    ['90-80', 'the range 90-80 ends before it begins'],
    ['8080:80-81', 'the ranges 8080 and 80-81 differ in size'],
    ['8080-8082:80-81', 'the ranges 8080-8082 and 80-81 differ in size'],
    ['80/icmp', "'icmp' is not tcp, udp or sctp"],
    ['80/tcp/udp', "'tcp/udp' is not tcp, udp or sctp"],
    ['localhost:8080:80', "'localhost' is not an IP address"],
    ['192.168.1.100', "'192.168.1.100' is not a port"],
    ['[::1:8080:80', "'[::1' is not an IP address"],
    ['[fe80::1%eth0]:8080:80', "'[fe80::1%eth0]' is not an IP address"],
    ['1:2:3:4', "'1:2' is not an IP address"],
  ])('refuses %s', (text, why) => {
    expect(() => parsePortSpec(text)).toThrow(why);
    expect(() => parsePortSpec(text)).toThrow(PontoonError);
  });

  it('reads back whatever is written in its grammar', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    const range = fc.tuple(port, port).filter(([first, last]) => first < last);
    const protocol = fc.constantFrom('tcp', 'udp', 'sctp');
    const host = fc.option(fc.oneof(fc.ipV4(), fc.constantFrom('::', '::1', '2001:db8::1')), { nil: undefined });
    const write = (value: number | [number, number]) => (typeof value === 'number' ? String(value) : value.join('-'));
    fc.assert(
      fc.property(host, fc.oneof(port, range), port, protocol, (hostAddress, hostPort, inside, name) => {
        const address = hostAddress?.includes(':') ? `[${hostAddress}]` : hostAddress;
        const text = `${address === undefined ? '' : `${address}:`}${write(hostPort)}:${inside}/${name}`;
        const expected = { protocol: name, port: inside, hostPort };
        expect(parsePortSpec(text)).toEqual(hostAddress === undefined ? expected : { ...expected, hostAddress });
      }),
    );
  });
});

describe('what unpublish takes', () => {
  it.each([
    ['8080', { hostPort: 8080, protocol: 'tcp' }],
    ['53/udp', { hostPort: 53, protocol: 'udp' }],
    ['127.0.0.1:8080', { hostPort: 8080, protocol: 'tcp', hostAddress: '127.0.0.1' }],
    ['[::1]:8080/tcp', { hostPort: 8080, protocol: 'tcp', hostAddress: '::1' }],
  ])('reads %s', (text, side) => {
    expect(parseHostSide(text)).toEqual(side);
  });

  it.each(['', 'http', '8080-8090', ':8080', 'localhost:8080', '8080:80', '70000'])('refuses %s', (text) => {
    expect(() => parseHostSide(text)).toThrow(PontoonError);
  });
});
