/**
 * @module The doctor on a host with real Podman.
 */

import { doctorTests } from '../support/doctor-host.ts';
import { PODMAN_HOST } from '../support/engine-hosts.ts';

doctorTests(PODMAN_HOST);
