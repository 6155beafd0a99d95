/** @module The body of a request to create a volume. */

import { z } from 'zod';

export const VOLUME_CREATE_BODY = z.object({
  Name: z.string().optional(),
  Driver: z.string().optional(),
  DriverOpts: z.record(z.string(), z.string()).optional(),
  Labels: z.record(z.string(), z.string()).optional(),
  ClusterVolumeSpec: z.unknown().optional(),
});
