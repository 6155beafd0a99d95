import { describe, expect, test } from 'vitest';
import { networkSpec } from './network-spec.ts';
import type { NetworkCreateBody } from './schemas/network.ts';

const spec = (body: Partial<NetworkCreateBody>, defaults = {}) => networkSpec({ Name: 'n', ...body }, defaults);
const option = (key: string, value: string) => spec({ Options: { [`com.docker.network.${key}`]: value } });

describe('a request to create a network', () => {
  test('what is left out is left to the engine', () => {
    expect(spec({})).toEqual({ name: 'n', driver: 'bridge', labels: {}, annotations: { options: {} } });
    expect(spec({ Driver: 'default', IPAM: { Driver: 'default', Config: [{}, { Subnet: '' }] } })).not.toHaveProperty(
      'subnets',
    );
  });

  test('subnets', () => {
    const Config = [
      { Subnet: '10.0.0.0/24', Gateway: '10.0.0.9', IPRange: '10.0.0.128/25', AuxiliaryAddresses: { a: '10.0.0.8' } },
      { Subnet: 'fd00::/64', Gateway: '' },
    ];
    expect(spec({ IPAM: { Config } }).subnets).toEqual([
      { subnet: '10.0.0.0/24', gateway: '10.0.0.9', ipRange: '10.0.0.128/25', auxAddresses: { a: '10.0.0.8' } },
      { subnet: 'fd00::/64' },
    ]);
    expect(() => spec({ IPAM: { Config: [{ Gateway: '10.0.0.1' }] } })).toThrow(/needs its Subnet/);
  });

  test.each([
    ['bridge.name', 'b0', { bridgeName: 'b0' }],
    ['bridge.enable_icc', 'false', { icc: false }],
    ['bridge.enable_ip_masquerade', '0', { masquerade: false }],
    ['driver.mtu', '1400', { mtuBytes: 1400 }],
    ['container_iface_prefix', 'net', { interfacePrefix: 'net' }],
    ['enable_ipv6', 'true', { ipv6: true }],
    ['bridge.gateway_mode_ipv4', 'routed', { gatewayMode4: 'routed' }],
    ['bridge.gateway_mode_ipv6', 'nat-unprotected', { gatewayMode6: 'nat-unprotected' }],
    ['bridge.host_binding_ipv4', '127.0.0.1', { hostAddress: '127.0.0.1' }],
    ['bridge.inhibit_ipv4', 'true', { inhibitIpv4: true }],
    ['bridge.trusted_host_interfaces', 'eth0:eth1', { trustedInterfaces: ['eth0', 'eth1'] }],
    ['host_ipv4', '192.0.2.1', { sourceAddress4: '192.0.2.1' }],
  ])('option %s=%s', (key, value, expected) => expect(option(key, value)).toMatchObject(expected));

  test('options that say the default say nothing', () => {
    expect(option('driver.mtu', '0')).not.toHaveProperty('mtuBytes');
    expect(option('bridge.host_binding_ipv4', '0.0.0.0')).not.toHaveProperty('hostAddress');
  });

  test('options without a meaning are kept; values that cannot be are refused', () => {
    expect(spec({ Options: { mine: 'x' } }).annotations).toEqual({ options: { mine: 'x' } });
    expect(() => option('driver.mtu', 'large')).toThrow(/cannot be 'large': use a whole number/);
    expect(() => option('bridge.gateway_mode_ipv4', 'bridged')).toThrow(/use nat, nat-unprotected, routed, isolated/);
  });

  test('what daemon.json says of a driver holds unless the request says otherwise', () => {
    const key = 'com.docker.network.driver.mtu';
    const defaults = { bridge: { [key]: '1300' }, macvlan: { [key]: '1200' } };
    expect(spec({}, defaults).mtuBytes).toBe(1300);
    expect(spec({ Options: { [key]: '1400' } }, defaults).mtuBytes).toBe(1400);
  });

  test.each([
    [{ Driver: 'overlay' }, 404],
    [{ Driver: 'toString' }, 404],
    [{ IPAM: { Driver: 'dhcp' } }, 404],
    [{ Scope: 'swarm' }, 501],
    [{ Ingress: true }, 501],
    [{ ConfigOnly: true }, 501],
    [{ ConfigFrom: { Network: 'x' } }, 501],
  ])('%j is refused with %i', (body, status) => {
    expect(() => spec(body)).toThrow(expect.objectContaining({ status }));
  });
});
