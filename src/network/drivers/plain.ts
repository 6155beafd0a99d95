/**
 * @module The host and none drivers: networks that make nothing in the kernel.
 *
 * A sandbox on `host` is in the host's own namespace; one on `none` has its loopback and nothing else.
 */

import type { NetworkDriver } from './driver.ts';

export const plainDriver: NetworkDriver = {
  hasInterfaces: false,
  check() {},
  ensureNetwork: () => [],
  removeNetwork() {},
  attach() {},
  detach() {},
  isForwarding: () => true,
  repair: () => [],
};
