/**
 * @module The drivers by name.
 */

import type { DriverName } from '../types.ts';
import { bridgeDriver } from './bridge.ts';
import type { NetworkDriver } from './driver.ts';
import { macvlanDriver } from './macvlan.ts';
import { plainDriver } from './plain.ts';

export const DRIVERS: Readonly<Record<DriverName, NetworkDriver>> = {
  bridge: bridgeDriver,
  macvlan: macvlanDriver,
  host: plainDriver,
  none: plainDriver,
};
