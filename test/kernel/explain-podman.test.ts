/**
 * @module explain on a host with real Podman, beside what packets do.
 */

import { PODMAN_HOST } from '../support/engine-hosts.ts';
import { explainTests } from '../support/explain-host.ts';

explainTests(PODMAN_HOST);
