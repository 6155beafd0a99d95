/**
 * @module Which ports are in use: by sockets of every kind and state, and by none.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { closeSockets, openBoundSocket } from '../../src/kernel/inet-socket.ts';
import { NetlinkSocket } from '../../src/kernel/netlink/socket.ts';
import { seesBoundSockets, usesPorts } from '../../src/kernel/port-usage.ts';
import { setLink } from '../../src/kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../src/kernel/uapi/netlink.ts';

{
  using rt = new NetlinkSocket(NETLINK_ROUTE);
  rt.request(setLink('lo', { up: true }));
}

for (const protocol of ['tcp', 'udp'] as const) {
  test(`${protocol}: a bound socket uses its port, on whatever address, and no other does`, (t) => {
    if (!seesBoundSockets(protocol)) return t.skip('this kernel does not list bound sockets (Linux 6.8)');
    assert.equal(usesPorts(protocol, 1, 65_535), false);
    for (const address of ['0.0.0.0', '127.0.0.1', '::', '::1']) {
      const fd = openBoundSocket(protocol, address, 7005);
      for (const [first, last] of [
        [7005, 7005],
        [7000, 7005],
        [7005, 7010],
        [1, 65_535],
      ] as const) {
        assert.equal(usesPorts(protocol, first, last), true, `${address}: ${first}-${last}`);
      }
      for (const [first, last] of [
        [7006, 7010],
        [7000, 7004],
        [1, 7004],
        [7006, 65_535],
      ] as const) {
        assert.equal(usesPorts(protocol, first, last), false, `${address}: ${first}-${last}`);
      }
      assert.equal(usesPorts(protocol === 'tcp' ? 'udp' : 'tcp', 7005, 7005), false, 'of the other protocol');
      closeSockets([fd]);
    }
    assert.equal(usesPorts(protocol, 7005, 7005), false);
  });
}

test('listening, connected and closed connections use their ports', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).end()).listen(7005, '127.0.0.1');
  await once(server, 'listening');
  assert.equal(usesPorts('tcp', 7005, 7005), true);
  const client = connect({ port: 7005, host: '127.0.0.1', localPort: 7100 });
  await once(client, 'connect');
  assert.equal(usesPorts('tcp', 7100, 7100), true);
  client.resume().end();
  await once(client, 'close');
  server.close();
  await once(server, 'close');
  assert.equal(usesPorts('tcp', 7005, 7005), true, 'the side that closed first waits for a minute');
});
