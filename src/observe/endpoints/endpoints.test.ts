import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../test/support/expect-error.ts';
import { BLUE, DB, HOST, sampleSnapshot, WEB } from '../../../test/support/sample-snapshot.ts';
import { PontoonError } from '../../errors.ts';
import { parseEndpoint, parseQuestion, type QuestionOptions } from './question.ts';
import { resolveQuestion } from './resolve.ts';

const snapshot = sampleSnapshot();

function ask(from: string, to: string, options: QuestionOptions = {}) {
  return resolveQuestion(snapshot, parseQuestion(from, to, options));
}

function destination(from: string, to: string, options: QuestionOptions = {}) {
  const answer = ask(from, to, options);
  return 'destination' in answer ? answer.destination.address.toString() : answer.cause;
}

describe('words', () => {
  test.each([
    ['web', { kind: 'word', name: 'web' }],
    ['docker:web', { kind: 'container', engine: 'docker', name: 'web' }],
    ['podman:web', { kind: 'container', engine: 'podman', name: 'web' }],
    ['netns:blue', { kind: 'namespace', name: 'blue' }],
    ['netns:/run/netns/blue', { kind: 'path', path: '/run/netns/blue' }],
    ['pid:4711', { kind: 'process', pid: 4711 }],
    ['host', { kind: 'host' }],
    ['host/eth0', { kind: 'host', interface: 'eth0' }],
    ['outside', { kind: 'outside' }],
    ['dns:db.front', { kind: 'name', name: 'db.front' }],
    ['db.front', { kind: 'word', name: 'db.front' }],
  ])('%s', (text, expected) => {
    expect(parseEndpoint(text)).toEqual({ ...expected, text });
  });

  test('addresses, also in other spellings', () => {
    expect(parseEndpoint('FD00:0:0::1')).toMatchObject({ kind: 'address' });
    expect(JSON.parse(JSON.stringify(parseEndpoint('host/10.0.0.1')))).toMatchObject({ address: '10.0.0.1' });
  });

  test.each([
    ['', 'an endpoint is one word'],
    ['two words', 'an endpoint is one word'],
    ['a/b', 'a namespace by its path is netns:a/b'],
    ['docker:', 'write a name behind the colon'],
    ['lxc:web', "'lxc:' is not known"],
    ['pid:x', 'write it like pid:4711'],
    ['host/', 'write host/INTERFACE or host/ADDRESS'],
    ['010.0.0.1', 'is not an IP address'],
    ['fe80::1%eth0', 'names a zone'],
  ])('%s is refused', (text, expected) => {
    expect(errorOf(() => parseEndpoint(text))).toContain(expected);
  });

  test('anything is taken or refused in one line', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', 'docker:', 'netns:', 'pid:', 'host/', 'dns:'),
        (text, prefix) => {
          try {
            parseEndpoint(prefix + text);
          } catch (error) {
            expect(PontoonError.is(error, 'bad-value', 'bad-address')).toBe(true);
            expect((error as Error).message.split('\n')).toHaveLength(1);
          }
        },
      ),
    );
  });
});

describe('options', () => {
  test('ICMP where no port is asked for, else TCP', () => {
    expect(parseQuestion('host', 'web').protocol).toBe('icmp');
    expect(parseQuestion('host', 'web', { port: 80 }).protocol).toBe('tcp');
  });

  test.each<[QuestionOptions, string]>([
    [{ protocol: 'tcp' }, 'Add --port'],
    [{ protocol: 'icmp', port: 80 }, 'ICMP has no ports'],
    [{ protocol: 'gre' }, "'gre' is not a protocol"],
    [{ port: 0 }, '0 is not a port'],
    [{ port: 80, fromPort: 70000 }, '70000 is not a port'],
    [{ sizeBytes: 70000 }, '70000 bytes fit in no packet'],
  ])('%o is refused', (options, expected) => {
    expect(errorOf(() => parseQuestion('host', 'web', options))).toContain(expected);
  });

  test('the packet has the size that ping(8) gives it', () => {
    expect(ask('docker:web', 'docker:db')).toMatchObject({ lengthBytes: 84 });
    expect(ask('docker:web', 'docker:db', { sizeBytes: 1472 })).toMatchObject({ lengthBytes: 1500 });
    expect(ask('docker:web', 'docker:db', { protocol: 'udp', port: 53, family: 6 })).toMatchObject({ lengthBytes: 48 });
  });
});

describe('who is meant', () => {
  test.each([
    ['docker:web', WEB],
    ['docker:a1b2c3', WEB],
    ['pid:501', WEB],
    ['netns:blue', BLUE],
    ['blue', BLUE],
    ['netns:/var/run/netns/blue', BLUE],
    ['netns:/proc/502/ns/net', DB],
    ['10.9.0.2', BLUE],
    ['host', HOST],
    ['93.184.216.34', HOST],
    ['127.0.0.1', HOST],
  ])('%s as a source', (from, namespace) => {
    expect(ask(from, '192.0.2.1')).toMatchObject({ source: { namespace } });
  });

  test('an interface or address of the host is fixed', () => {
    expect(ask('host/cable', '10.9.0.2')).toMatchObject({ source: { interface: 'cable' } });
    expect(JSON.parse(JSON.stringify(ask('host/10.9.0.1', '10.9.0.2')))).toMatchObject({
      source: { address: '10.9.0.1' },
    });
  });

  test.each([
    ['docker:nobody', "docker has no container 'nobody': there are web, db, old"],
    ['docker:old', 'it is exited: start it first'],
    ['podman:web', "podman has no container 'web': it has none"],
    ['netns:green', "no network namespace is called 'green': there are blue"],
    ['netns:/run/netns/green', 'no network namespace is pinned at /run/netns/green'],
    ['pid:9', 'no process 9 is in the snapshot'],
    ['192.0.2.77', "nobody here is '192.0.2.77'"],
    ['host/eth7', "the host has no interface 'eth7': it has lo, eth0"],
  ])('%s is nobody', (from, expected) => {
    expect(errorOf(() => ask(from, '192.0.2.1'))).toContain(expected);
  });

  test('outside is beyond the uplink', () => {
    expect(destination('docker:web', 'outside')).toBe('93.184.216.1');
    expect(ask('outside', 'host', { port: 8080 })).toMatchObject({
      source: { namespace: HOST, interface: 'eth0', outside: true },
    });
  });
});

describe('the address that the source would be told', () => {
  test.each([
    ['docker:web', 'docker:db', '172.18.0.3'],
    ['host', 'docker:db', '172.18.0.3'],
    ['docker:web', 'host', '172.18.0.1'],
    ['blue', 'host', '10.9.0.1'],
    ['docker:web', 'docker:web', '127.0.0.1'],
    ['docker:web', 'host/cable', '10.9.0.1'],
    ['docker:web', 'db', '172.18.0.3'],
    ['docker:db', 'www', '172.18.0.2'],
    ['docker:db', 'WWW.front.', '172.18.0.2'],
    ['docker:db', 'a1b2c3d4e5f6', '172.18.0.2'],
    ['docker:web', 'billing.acme.example', '93.184.215.14'],
    ['docker:web', 'nobody', 'name-unknown'],
    ['docker:web', 'example.org', null],
    ['blue', 'db', 'name-unknown'],
    ['docker:db', 'old', 'name-unknown'],
  ])('%s → %s', (from, to, expected) => {
    expect(destination(from, to)).toBe(expected);
  });

  test('of the family that is asked for', () => {
    expect(destination('docker:web', 'db', { family: 6 })).toBe('fd00:18::3');
    expect(destination('docker:web', 'blue', { family: 6 })).toBe('family-missing');
    expect(destination('blue', 'blue', { family: 6 })).toBe('::1');
  });

  test('a name that is known elsewhere says how to get there', () => {
    const front = snapshot.containers[1]!;
    const apart = {
      ...snapshot,
      containers: snapshot.containers.map((one) =>
        one === front ? { ...one, networks: one.networks.map((on) => ({ ...on, network: 'back' })) } : one,
      ),
    };
    expect(resolveQuestion(apart, parseQuestion('docker:web', 'db'))).toMatchObject({
      cause: 'name-elsewhere',
      facts: { name: 'db', network: 'back', connect: 'docker network connect back web' },
    });
  });
});
