/** @module Bodies whose shape the engine checks. */

import { z } from 'zod';

export const ANY_BODY = z.record(z.string(), z.unknown());
