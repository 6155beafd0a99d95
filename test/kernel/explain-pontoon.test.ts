/**
 * @module explain on a host with Pontoon's own daemon, beside what packets do.
 */

import { PONTOON_HOST } from '../support/engine-hosts.ts';
import { explainTests } from '../support/explain-host.ts';

explainTests(PONTOON_HOST);
