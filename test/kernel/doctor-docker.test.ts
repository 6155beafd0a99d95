/**
 * @module The doctor on a host with real Docker.
 */

import { doctorTests } from '../support/doctor-host.ts';
import { DOCKER_HOST } from '../support/engine-hosts.ts';

doctorTests(DOCKER_HOST);
