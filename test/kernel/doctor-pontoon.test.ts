/**
 * @module The doctor on a host with Pontoon's own daemon.
 */

import { doctorTests } from '../support/doctor-host.ts';
import { PONTOON_HOST } from '../support/engine-hosts.ts';

doctorTests(PONTOON_HOST);
