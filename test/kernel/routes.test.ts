/** @module Routes: every field is read back, and look-ups go where the routes say. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { PontoonError } from '../../src/errors.ts';
import { KernelError } from '../../src/kernel/error.ts';
import { addAddress } from '../../src/kernel/rtnetlink/address.ts';
import { setLink } from '../../src/kernel/rtnetlink/link.ts';
import {
  addRoute,
  deleteRoute,
  listRoutes,
  lookUpRoute,
  type Route,
  type RouteSettings,
  replaceRoute,
} from '../../src/kernel/rtnetlink/route.ts';
import {
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_BOOT,
  RTPROT_KERNEL,
  RTPROT_STATIC,
} from '../../src/kernel/uapi/rtnetlink.ts';
import { createPair, createSandbox, until } from './support.ts';

const sandbox = createSandbox();
const { socket } = sandbox;
const pair = createPair(socket);
const link = pair.left.index;
before(() => {
  socket.request(setLink('lo', { up: true }));
  for (const address of ['192.0.2.1/24', '2001:db8::1/64']) socket.request(addAddress(link, address));
});
after(() => sandbox[Symbol.dispose]());

const PLAIN = {
  via: undefined,
  link: undefined,
  source: undefined,
  metric: 0,
  table: RT_TABLE_MAIN,
  type: 'unicast',
  protocol: RTPROT_BOOT,
  scope: RT_SCOPE_UNIVERSE,
  mtuBytes: undefined,
  nextHops: [],
} as const;
/** IPv6 routes have no scope, and a metric in any case; refusing ones lie on the loopback. */
const METRIC6 = 1024;

const CASES: [settings: RouteSettings, expected: Partial<Route>][] = [
  [
    { destination: '203.0.113.0/24', link },
    { scope: RT_SCOPE_LINK, link },
  ],
  [
    { destination: '203.0.113.0/24', via: '192.0.2.254' },
    { via: '192.0.2.254', link },
  ],
  [
    { destination: 'default', via: '192.0.2.254', link, source: '192.0.2.1', metric: 77, protocol: RTPROT_STATIC },
    { destination: '0.0.0.0/0', via: '192.0.2.254', link, source: '192.0.2.1', metric: 77, protocol: RTPROT_STATIC },
  ],
  [
    { destination: '203.0.113.7/32', via: '192.0.2.254', table: 1234 },
    { via: '192.0.2.254', link, table: 1234 },
  ],
  [{ destination: '203.0.113.0/24', type: 'blackhole' }, { type: 'blackhole' }],
  [
    { destination: '203.0.113.0/24', type: 'unreachable', metric: 5 },
    { type: 'unreachable', metric: 5 },
  ],
  [
    { destination: '203.0.113.0/24', type: 'prohibit', table: 99 },
    { type: 'prohibit', table: 99 },
  ],
  [
    { destination: '2001:db8:1::/48', link },
    { link, metric: METRIC6 },
  ],
  [
    { destination: '2001:db8:1::/48', via: '2001:db8::fe' },
    { via: '2001:db8::fe', link, metric: METRIC6 },
  ],
  [
    { destination: 'default', via: '2001:db8::fe', source: '2001:db8::1', metric: 77 },
    { destination: '::/0', via: '2001:db8::fe', source: '2001:db8::1', metric: 77, link },
  ],
  [
    { destination: '::/0', via: '2001:db8::fe', table: 1234 },
    { via: '2001:db8::fe', link, table: 1234, metric: METRIC6 },
  ],
  [
    { destination: '2001:db8:1::/48', type: 'unreachable' },
    { type: 'unreachable', link: 1, metric: METRIC6 },
  ],
];

for (const [settings, expected] of CASES) {
  test(JSON.stringify(settings), () => {
    const before = listRoutes(socket);
    const added = () => {
      const known = new Set(before.map((route) => JSON.stringify(route)));
      return listRoutes(socket).filter((route) => !known.has(JSON.stringify(route)));
    };
    socket.request(addRoute(settings));
    const full: Route = {
      ...PLAIN,
      family: settings.destination.includes(':') || settings.via?.includes(':') ? 6 : 4,
      destination: settings.destination,
      ...expected,
    };
    assert.deepEqual(added(), [full]);
    assert.deepEqual(
      listRoutes(socket, { family: full.family, table: full.table }).filter(
        ({ destination, metric }) => destination === full.destination && metric === full.metric,
      ),
      [full],
    );
    assert.throws(
      () => socket.request(addRoute(settings)),
      (error) => KernelError.isKernel(error, 'EEXIST') && error.subject === settings.destination,
    );
    socket.request(replaceRoute(settings));
    assert.deepEqual(added(), [full]);
    socket.request(deleteRoute(settings));
    assert.deepEqual(listRoutes(socket), before);
    assert.throws(
      () => socket.request(deleteRoute(settings)),
      (error) => KernelError.isKernel(error, 'ESRCH'),
    );
  });
}

test('replace puts another next hop in the place of the first', () => {
  const destination = '203.0.113.0/24';
  socket.request(replaceRoute({ destination, via: '192.0.2.253' }));
  socket.request(replaceRoute({ destination, via: '192.0.2.254' }));
  assert.deepEqual(
    listRoutes(socket)
      .filter((route) => route.destination === destination)
      .map(({ via }) => via),
    ['192.0.2.254'],
  );
  socket.request(deleteRoute({ destination }));
});

test('a deletion that says little fits any route to the destination, and one that says more only that', () => {
  const destination = '203.0.113.0/24';
  const left = () =>
    listRoutes(socket, { family: 4 })
      .filter((route) => route.destination === destination)
      .map(({ metric }) => metric);
  socket.request(addRoute({ destination, via: '192.0.2.254', metric: 1, protocol: RTPROT_STATIC }));
  socket.request(addRoute({ destination, link, metric: 2 }));
  socket.request(addRoute({ destination, type: 'blackhole', metric: 3 }));
  socket.request(deleteRoute({ destination, metric: 2 }));
  assert.deepEqual(left(), [1, 3]);
  assert.throws(
    () => socket.request(deleteRoute({ destination, type: 'prohibit' })),
    (error) => KernelError.isKernel(error, 'ESRCH'),
  );
  socket.request(deleteRoute({ destination, type: 'blackhole' }));
  assert.deepEqual(left(), [1]);
  socket.request(deleteRoute({ destination }));
  assert.deepEqual(left(), []);
});

test('the next hops and the MTU of a route that iproute2 made', () => {
  const add = (...words: string[]) => sandbox.namespace.enter(() => execFileSync('ip', ['route', 'add', ...words]));
  add('198.51.100.0/24', 'mtu', '1280', 'nexthop', 'via', '192.0.2.2', 'weight', '3', 'nexthop', 'via', '192.0.2.3');
  const [route] = listRoutes(socket).filter(({ destination }) => destination === '198.51.100.0/24');
  assert.deepEqual(route?.nextHops, [
    { via: '192.0.2.2', link, weight: 3 },
    { via: '192.0.2.3', link, weight: 1 },
  ]);
  assert.equal(route?.mtuBytes, 1280);
  assert.equal(route?.via, undefined);
});

test("the kernel's own routes, by table", async () => {
  const local = () => listRoutes(socket, { family: 4, table: RT_TABLE_LOCAL });
  assert.deepEqual(
    local()
      .filter(({ link: of }) => of === link)
      .map(({ destination, type, protocol }) => [destination, type, protocol]),
    [
      ['192.0.2.1/32', 'local', RTPROT_KERNEL],
      ['192.0.2.255/32', 'broadcast', RTPROT_KERNEL],
    ],
  );
  await until(
    () =>
      listRoutes(socket, { family: 6, table: RT_TABLE_LOCAL }).some(
        ({ destination }) => destination === '2001:db8::1/128',
      ),
    'the local route of the IPv6 address',
  );
});

test('look-ups: local, on the link, by the default route, from a source, and nowhere', () => {
  assert.deepEqual([lookUpRoute(socket, '192.0.2.1').type, lookUpRoute(socket, '192.0.2.1').link], ['local', 1]);
  assert.deepEqual(
    [lookUpRoute(socket, '192.0.2.9').link, lookUpRoute(socket, '192.0.2.9').source],
    [link, '192.0.2.1'],
  );
  assert.equal(lookUpRoute(socket, '2001:db8::9', { source: '2001:db8::1' }).link, link);
  assert.throws(
    () => lookUpRoute(socket, '203.0.113.1'),
    (error) => KernelError.isKernel(error, 'ENETUNREACH') && error.subject === '203.0.113.1',
  );
  socket.request(addRoute({ destination: 'default', via: '192.0.2.254' }));
  const route = lookUpRoute(socket, '203.0.113.1', { link });
  assert.deepEqual([route.via, route.link, route.destination], ['192.0.2.254', link, '203.0.113.1/32']);
  socket.request(deleteRoute({ destination: 'default' }));
});

test('refusals', () => {
  const refused = (settings: RouteSettings, check: (error: unknown) => boolean) =>
    assert.throws(() => socket.request(addRoute(settings)), check);
  refused({ destination: '203.0.113.0/33', link }, (error) => PontoonError.is(error, 'bad-address'));
  refused({ destination: '203.0.113.1/24', link }, (error) =>
    /Invalid prefix for given prefix length/.test(String(error)),
  );
  refused({ destination: '203.0.113.0/24', link: 99_999 }, (error) => KernelError.isKernel(error, 'ENODEV'));
  refused({ destination: '203.0.113.0/24', via: '198.18.0.1' }, (error) => KernelError.isKernel(error, 'ENETUNREACH'));
});
