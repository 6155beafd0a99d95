/**
 * @module explain on a host with real Docker, beside what packets do.
 */

import { DOCKER_HOST } from '../support/engine-hosts.ts';
import { explainTests } from '../support/explain-host.ts';

explainTests(DOCKER_HOST);
