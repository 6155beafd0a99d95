/**
 * @module Waits until the kernel has taken away what was dropped before.
 *
 * The kernel takes namespaces apart later, one batch after the other, on one work queue (net/core/net_namespace.c,
 * cleanup_net), and holds locks while it does. A namespace dropped now comes after all that were dropped before it: when
 * its veth has gone, so have they.
 */

import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { ip } from './exec.ts';

let number = 0;

export async function settle(): Promise<void> {
  const name = `settle${number++}`;
  await ip(`netns add ${name}`);
  await ip(`link add ${name} type veth peer name eth0 netns ${name}`);
  await ip(`netns del ${name}`);
  while (existsSync(`/proc/sys/net/ipv4/conf/${name}`)) await setTimeout(50);
}
