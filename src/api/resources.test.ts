/** @module Limits: what clients leave out, and what they send for "not given", changes nothing. */

import { describe, expect, test } from 'vitest';
import { resourceChange, resourceFields, resourceSpec } from './resources.ts';

describe('an update', () => {
  test('of the docker command line, which sends all fields, changes those that are not 0', () => {
    const sent = {
      ...{ CpuShares: 512, Memory: 0, MemorySwap: 0, MemoryReservation: 0, NanoCpus: 0, CpuPeriod: 0, CpuQuota: 0 },
      ...{ CpusetCpus: '', CpusetMems: '' },
    };
    expect(resourceChange(sent)).toEqual({ cpuShares: 512 });
  });

  test('may change swap alone, which a new container may not have alone', () => {
    expect(resourceChange({ MemorySwap: 1e8 })).toEqual({ memorySwapBytes: 1e8 });
    expect(() => resourceSpec({ MemorySwap: 1e8 })).toThrow('You should always set the Memory limit');
  });
});

test.each([0, -1, -7])('%d processes are no limit', (PidsLimit) => {
  expect(resourceChange({ PidsLimit })).toEqual({ pidsLimit: -1 });
  expect(resourceFields({ pidsLimit: -1 }).PidsLimit).toBeNull();
});
