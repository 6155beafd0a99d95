import { expect, test } from 'vitest';
import { parseNetDev } from './stats.ts';

test('/proc/net/dev without lo', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:    1000      10    1    2    0     0          0         0     2000      20    3    4    0     0       0          0
eth1.7:9 8 7 6 5 4 3 2 1 2 3 4 5 6 7 8
`;
  expect(parseNetDev(text)).toEqual({
    eth0: {
      rxBytes: 1000,
      rxPackets: 10,
      rxErrors: 1,
      rxDropped: 2,
      txBytes: 2000,
      txPackets: 20,
      txErrors: 3,
      txDropped: 4,
    },
    'eth1.7': {
      rxBytes: 9,
      rxPackets: 8,
      rxErrors: 7,
      rxDropped: 6,
      txBytes: 1,
      txPackets: 2,
      txErrors: 3,
      txDropped: 4,
    },
  });
});
