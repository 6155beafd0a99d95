import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PontoonError } from '../../errors.ts';
import type { Family } from '../../ipam/index.ts';
import { formatAddress, parseAddress } from '../../kernel/inet.ts';
import { NameDirectory, type NamedEndpoint } from './directory.ts';

function directoryOf(...endpoints: NamedEndpoint[]): NameDirectory {
  const directory = new NameDirectory();
  for (const endpoint of endpoints) directory.set(endpoint);
  return directory;
}

function endpoint(id: string, network: string, ipv4: string, more: Partial<NamedEndpoint> = {}): NamedEndpoint {
  return { id, sandboxId: id, networkId: `id-${network}`, networkName: network, names: [id], ipv4, ...more };
}

function find(directory: NameDirectory, sandboxId: string, name: string, family: Family = 4): string[] | undefined {
  return directory.lookup(sandboxId, name, family)?.map(formatAddress).sort();
}

describe('lookup', () => {
  test('knows every name, in any case, alone and with the network', () => {
    const directory = directoryOf(
      endpoint('web', 'front', '10.0.0.2', { names: ['web', 'www', 'Be3F.local', '0123456789ab'] }),
    );
    for (const name of ['web', 'WEB', 'web.', 'www', 'be3f.LOCAL', '0123456789ab', 'web.front', 'Be3f.local.FRONT.']) {
      expect(find(directory, 'web', name), name).toEqual(['10.0.0.2']);
    }
    for (const name of ['', 'front', 'we', 'web.back', 'web.front.front', 'local', '.web', 'web..front']) {
      expect(find(directory, 'web', name), name).toBeUndefined();
    }
  });

  test('only on the networks that the asking sandbox is on', () => {
    const directory = directoryOf(endpoint('a', 'one', '10.0.1.2'), endpoint('b', 'two', '10.0.2.2'));
    expect(find(directory, 'a', 'b')).toBeUndefined();
    expect(find(directory, 'a', 'b.two')).toBeUndefined();
    expect(find(directory, 'stranger', 'a')).toBeUndefined();
    directory.set(endpoint('a-on-two', 'two', '10.0.2.3', { sandboxId: 'a', names: ['a'] }));
    expect(find(directory, 'a', 'b')).toEqual(['10.0.2.2']);
    expect(find(directory, 'b', 'a')).toEqual(['10.0.2.3']);
    directory.delete('a-on-two');
    expect(find(directory, 'a', 'b')).toBeUndefined();
  });

  test('a missing family is an empty answer, not an unknown name', () => {
    const directory = directoryOf(
      endpoint('four', 'net', '10.0.0.2'),
      endpoint('six', 'net', '', { ipv4: undefined, ipv6: 'fd00::2' }),
    );
    expect(find(directory, 'four', 'four', 6)).toEqual([]);
    expect(find(directory, 'four', 'six', 4)).toEqual([]);
    expect(find(directory, 'four', 'six', 6)).toEqual(['fd00::2']);
    expect(find(directory, 'four', 'seven', 6)).toBeUndefined();
  });

  test('a shared alias has all addresses', () => {
    const directory = directoryOf(
      endpoint('a', 'net', '10.0.0.2', { names: ['a', 'api'] }),
      endpoint('b', 'net', '10.0.0.3', { names: ['b', 'api'] }),
    );
    expect(find(directory, 'a', 'api')).toEqual(['10.0.0.2', '10.0.0.3']);
    directory.set(endpoint('b', 'net', '10.0.0.4', { names: ['b', 'api'] }));
    expect(find(directory, 'a', 'api')).toEqual(['10.0.0.2', '10.0.0.4']);
    directory.delete('a');
    expect(find(directory, 'b', 'api')).toEqual(['10.0.0.4']);
  });

  test('of two networks the one with the higher priority answers, then the first by name, whoever came first', () => {
    const own = (network: string, priority: number) =>
      endpoint(`me-${network}`, network, '10.9.9.9', { sandboxId: 'me', names: ['me'], priority });
    const others = [
      endpoint('x1', 'red', '10.0.1.1', { names: ['x'] }),
      endpoint('x2', 'blue', '10.0.2.1', { names: ['x'] }),
    ];
    for (const [red, blue, expected] of [
      [0, 0, '10.0.2.1'],
      [1, 0, '10.0.1.1'],
      [-1, 0, '10.0.2.1'],
      [0, 5, '10.0.2.1'],
    ] as const) {
      const endpoints = [own('red', red), own('blue', blue), ...others];
      expect(find(directoryOf(...endpoints), 'me', 'x')).toEqual([expected]);
      expect(find(directoryOf(...endpoints.reverse()), 'me', 'x')).toEqual([expected]);
    }
  });

  test('a family that the first network lacks is taken from the next', () => {
    const directory = directoryOf(
      endpoint('me-a', 'a', '10.0.1.9', { sandboxId: 'me' }),
      endpoint('me-b', 'b', '10.0.2.9', { sandboxId: 'me' }),
      endpoint('db-a', 'a', '10.0.1.1', { sandboxId: 'db', names: ['db'] }),
      endpoint('db-b', 'b', '10.0.2.1', { sandboxId: 'db', names: ['db'], ipv6: 'fd00:b::1' }),
    );
    expect(find(directory, 'me', 'db', 4)).toEqual(['10.0.1.1']);
    expect(find(directory, 'me', 'db', 6)).toEqual(['fd00:b::1']);
  });

  test('of the splits of a dotted name, the whole name wins, then the shortest network name', () => {
    const directory = directoryOf(
      endpoint('me-1', 'c', '10.0.1.9', { sandboxId: 'me' }),
      endpoint('me-2', 'b.c', '10.0.2.9', { sandboxId: 'me' }),
      endpoint('short', 'c', '10.0.1.1', { names: ['a.b'] }),
      endpoint('long', 'b.c', '10.0.2.1', { names: ['a'] }),
    );
    expect(find(directory, 'me', 'a.b.c')).toEqual(['10.0.1.1']);
    directory.set(endpoint('whole', 'b.c', '10.0.2.2', { names: ['a.b.c'] }));
    expect(find(directory, 'me', 'a.b.c')).toEqual(['10.0.2.2']);
    directory.delete('whole');
    directory.delete('short');
    expect(find(directory, 'me', 'a.b.c')).toEqual(['10.0.2.1']);
  });
});

test('reverse gives the primary name with the network, on the networks of the asker only', () => {
  const directory = directoryOf(
    endpoint('web', 'Front', '10.0.0.2', { names: ['Web', 'www'], ipv6: 'fd00::2' }),
    endpoint('other', 'back', '10.0.1.2'),
  );
  expect(directory.reverse('web', parseAddress('10.0.0.2'))).toBe('Web.Front');
  expect(directory.reverse('web', parseAddress('fd00::2'))).toBe('Web.Front');
  expect(directory.reverse('web', parseAddress('10.0.1.2'))).toBeUndefined();
  expect(directory.reverse('web', parseAddress('10.0.0.3'))).toBeUndefined();
});

test('a bad address changes nothing', () => {
  const directory = directoryOf(endpoint('a', 'net', '10.0.0.2'));
  expect(() => directory.set(endpoint('a', 'net', '10.0.0.300'))).toThrow(PontoonError);
  expect(find(directory, 'a', 'a')).toEqual(['10.0.0.2']);
});

test('after any changes it knows what a new one with the same endpoints knows', () => {
  const names = ['a', 'b', 'C', 'a.b'];
  const networks = ['n', 'm', 'b'];
  const sandboxes = ['s', 't'];
  const change = fc.record({
    id: fc.constantFrom('1', '2', '3', '4', '5'),
    remove: fc.boolean(),
    sandboxId: fc.constantFrom(...sandboxes),
    network: fc.constantFrom(...networks),
    names: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
    host: fc.integer({ min: 1, max: 5 }),
    v4: fc.boolean(),
    v6: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const directory = new NameDirectory();
      const model = new Map<string, NamedEndpoint>();
      for (const { id, remove, sandboxId, network, names, host, v4, v6 } of changes) {
        if (remove) {
          expect(directory.delete(id)).toBe(model.delete(id));
          continue;
        }
        const changed: NamedEndpoint = {
          id,
          sandboxId,
          networkId: network,
          networkName: network,
          names: names as [string, ...string[]],
          ipv4: v4 ? `10.0.${networks.indexOf(network)}.${host}` : undefined,
          ipv6: v6 ? `fd00:${networks.indexOf(network)}::${host}` : undefined,
        };
        directory.set(changed);
        model.set(id, changed);
      }
      const fresh = directoryOf(...model.values());
      expect(directory.size).toBe(model.size);
      const questions = names.flatMap((name) => [name, ...networks.map((network) => `${name}.${network}`)]);
      for (const sandbox of sandboxes) {
        for (const name of questions) {
          expect(find(directory, sandbox, name, 4)).toEqual(find(fresh, sandbox, name, 4));
          expect(find(directory, sandbox, name, 6)).toEqual(find(fresh, sandbox, name, 6));
        }
      }
      for (const id of model.keys()) directory.delete(id);
      expect(directory.size).toBe(0);
      for (const sandbox of sandboxes) expect(find(directory, sandbox, 'a')).toBeUndefined();
    }),
  );
});
