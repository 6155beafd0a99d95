/** @module The body of a login; its fields are in lower case. */

import { z } from 'zod';

export const AUTH_BODY = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  serveraddress: z.string().optional(),
});
